// A cluster with both families on two machines: addresses of Nodes, Pods and Services, names, and packets of IPv6 between them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { EndpointSlice, Node, Pod, Service, ServiceCIDR } from '#api/generated/types.ts';
import { eventually } from '#kit/machine/command.ts';
import { apiCall, Lan, LightMachine } from '#kit/machine/light-machine.ts';
import { buildImage } from '../../../scripts/images/build-image.ts';
import { busyboxImage, pauseImage } from '../../../scripts/images/stock-images.ts';

const unique = `ds${process.pid % 10_000}`;
const names = { first: `${unique}a`, second: `${unique}b` };
const images = mkdtempSync(path.join(tmpdir(), 'microshift-images-'));
let lan: Lan;
let first: LightMachine;
let second: LightMachine;

const admin = () => path.join(first.directory, 'state/var/lib/microshift/resources/kubeadmin/kubeconfig');
const pods = '/api/v1/namespaces/default/pods';
const services = '/api/v1/namespaces/default/services';
const exec = (pod: string, ...command: string[]) => {
  const query = new URLSearchParams([
    ['stdout', 'true'],
    ['stderr', 'true'],
    ...command.map((one) => ['command', one]),
  ]);
  return first.succeed(apiCall(admin(), 'EXEC', `${pods}/${pod}/exec?${query.toString()}`));
};
const ready = (name: string) =>
  eventually(`Pod ${name} is ready`, 60, async () => {
    const pod = await first.get<Pod>(admin(), `${pods}/${name}`);
    return pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ? pod : undefined;
  });

before(async () => {
  writeFileSync(path.join(images, 'pause.tar'), await buildImage(pauseImage()));
  writeFileSync(path.join(images, 'busybox.tar'), await buildImage(busyboxImage()));
  lan = new Lan(`${unique}l`);
  [first, second] = await Promise.all([
    LightMachine.boot({ name: names.first, lan, address: '192.168.78.2/24', images }),
    LightMachine.boot({ name: names.second, lan, address: '192.168.78.3/24', images }),
  ]);
  for (const [machine, address] of [
    [first, 'fd78::2/64'],
    [second, 'fd78::3/64'],
  ] as const)
    await machine.succeed(['ip', '-6', 'address', 'add', address, 'dev', 'eth0', 'nodad']);
  const ranges =
    'network: {clusterNetwork: [10.42.0.0/16, "fd01::/48"], serviceNetwork: [10.43.0.0/16, "fd02::/112"]}\n';
  const file = path.join(first.directory, 'config.yaml');
  writeFileSync(file, ranges);
  first.start(first.microshift('run', '--config', file));
  await first.succeed(first.microshift('wait', '--timeout', '60'), { timeoutSeconds: 70 });
  const kubeconfig = path.join(second.directory, 'node.kubeconfig');
  await first.succeed(first.microshift('add-node', names.second, '--output', kubeconfig));
  second.start(second.microshift('run', '--roles', 'node', '--kubeconfig', kubeconfig));
  await second.succeed(second.microshift('wait', '--timeout', '60'), { timeoutSeconds: 70 });
});
after(async () => {
  await Promise.all([first?.[Symbol.asyncDispose](), second?.[Symbol.asyncDispose]()]);
  lan?.[Symbol.dispose]();
  rmSync(images, { recursive: true });
});

test('Nodes have addresses and Pod ranges of both families', async () => {
  const nodes = await Promise.all(
    [names.first, names.second].map((name) => first.get<Node>(admin(), `/api/v1/nodes/${name}`)),
  );
  assert.deepEqual(
    nodes.map(({ status }) => status?.addresses?.filter((one) => one.type === 'InternalIP').map((one) => one.address)),
    [
      ['192.168.78.2', 'fd78::2'],
      ['192.168.78.3', 'fd78::3'],
    ],
  );
  const ranges = nodes.map(({ spec }) => spec?.podCIDRs ?? []);
  assert.deepEqual(
    ranges.map((one) => one.length),
    [2, 2],
  );
  assert.equal(new Set(ranges.flat()).size, 4);
  assert.match(ranges[0]!.join(), /^10\.42\.\d+\.0\/24,fd01:[0-9a-f:]*\/64$/);
  const { spec } = await first.get<ServiceCIDR>(admin(), '/apis/networking.k8s.io/v1/servicecidrs/kubernetes');
  assert.deepEqual(spec?.cidrs, ['10.43.0.0/16', 'fd02::/112']);
});

test('Services have the families that they ask for, and slices of each', async () => {
  for (const [name, nodeName] of [
    ['near', names.first],
    ['far', names.second],
  ] as const) {
    const script = `mkdir /w; echo ${name} > /w/index.html; exec httpd -f -v -p 8080 -h /w`;
    await first.ask(admin(), 'POST', pods, {
      metadata: { name, labels: { app: name } },
      spec: {
        nodeName,
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'web', image: 'localhost/microshift/busybox:1', command: ['sh', '-c', script] }],
      },
    });
    await first.ask(admin(), 'POST', services, {
      metadata: { name },
      spec: { ipFamilyPolicy: 'PreferDualStack', selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
    });
  }
  const make = async (name: string, spec: object) => (
    await first.ask(admin(), 'POST', services, { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } }),
    (await first.get<Service>(admin(), `${services}/${name}`)).spec
  );
  const six = await make('six', { ipFamilies: ['IPv6'] });
  assert.deepEqual(
    [six.ipFamilyPolicy, six.clusterIPs?.length, six.clusterIP?.startsWith('fd02::')],
    ['SingleStack', 1, true],
  );
  const swapped = await make('swapped', { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] });
  assert.match(swapped.clusterIPs!.join(), /^fd02::[0-9a-f]+,10\.43\./);
  const plain = await make('plain', {});
  assert.deepEqual(plain.ipFamilies, ['IPv4']);
  for (const pod of await Promise.all([ready('near'), ready('far')])) {
    assert.match((pod.status!.podIPs ?? []).map((one) => one.ip).join(), /^10\.42\.\d+\.\d+,fd01:/);
    assert.match((pod.status!.hostIPs ?? []).map((one) => one.ip).join(), /^192\.168\.78\.[23],fd78::[23]$/);
  }
  await eventually('slices of both', 15, async () => {
    const query = new URLSearchParams({ labelSelector: 'kubernetes.io/service-name=far' }).toString();
    const found = await first.get<{ items: readonly EndpointSlice[] }>(
      admin(),
      `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?${query}`,
    );
    const types = found.items.filter((one) => (one.endpoints ?? []).length === 1).map((one) => one.addressType);
    return types.toSorted().join() === 'IPv4,IPv6' ? true : undefined;
  });
});

test('Pods on both machines reach each other by IPv6: by address, by Service, and by name', async () => {
  const addressOf = async (name: string) =>
    (await first.get<Pod>(admin(), `${pods}/${name}`)).status!.podIPs!.find((one) => one.ip!.includes(':'))!.ip!;
  const service = async (name: string) =>
    (await first.get<Service>(admin(), `${services}/${name}`)).spec.clusterIPs![1]!;
  const get = (pod: string, address: string, port: number) =>
    eventually(`${pod} reaches ${address}`, 20, async () => {
      const script = 'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 3 "$0" "$1" | tail -n 1';
      const said = await exec(pod, 'sh', '-c', script, address, String(port));
      return said.trim() === '' ? undefined : said.trim();
    });
  const [near, far] = [await service('near'), await service('far')];
  assert.equal(await get('near', await addressOf('far'), 8080), 'far');
  assert.equal(await get('far', await addressOf('near'), 8080), 'near');
  assert.equal(await get('near', far, 80), 'far');
  assert.equal(await get('far', near, 80), 'near');
  assert.equal(await get('near', near, 80), 'near');
  const names6 = await exec('near', 'nslookup', 'far.default.svc.cluster.local');
  assert.ok(names6.includes(far), names6);
  // The machines themselves, too.
  for (const machine of [first, second]) {
    const url = `http://[${far}]/`;
    assert.equal((await machine.succeed(['wget', '-qO-', '-T', '5', url])).trim(), 'far');
  }
  // No address is translated on the way between Pods.
  const log = await first.ask(admin(), 'GET', `${pods}/far/log`);
  assert.ok(log.includes(await addressOf('near')), log);
});
