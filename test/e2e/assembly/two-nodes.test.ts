// Two machines on one network: a control plane with a node, and a node that joins it. Real containers on both.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Event, Node, NodeMetrics, Pod, PodMetrics, Service } from '#api/generated/types.ts';
import { issueCertificate } from '#pki/certificate.ts';
import { nodeSubject } from '#pki/plan.ts';
import { eventually, type RunningCommand } from '#kit/machine/command.ts';
import { apiCall, Lan, LightMachine } from '#kit/machine/light-machine.ts';
import { buildImage } from '../../../scripts/images/build-image.ts';
import { busyboxImage, pauseImage } from '../../../scripts/images/stock-images.ts';

const unique = `mn${process.pid % 10_000}`;
const names = { first: `${unique}a`, second: `${unique}b` };
const images = mkdtempSync(path.join(tmpdir(), 'microshift-images-'));
let lan: Lan;
let first: LightMachine;
let second: LightMachine;
let controlPlane: RunningCommand;
let worker: RunningCommand;

const admin = () => path.join(first.directory, 'state/var/lib/microshift/resources/kubeadmin/kubeconfig');
const startFirst = () => first.start(first.microshift('run'));
const moveFirst = async (from: string, to: string) => {
  await first.succeed(['ip', 'address', 'add', `${to}/24`, 'dev', 'eth0']);
  await first.succeed(['ip', 'address', 'delete', `${from}/24`, 'dev', 'eth0']);
  // The second of a range goes with the first.
  await first.succeed(['ip', 'address', 'replace', `${to}/24`, 'dev', 'eth0']);
};
/** As an operator does: a new one, put in the place of the old. Gives its text. */
const replaceKubeconfig = async (): Promise<string> => {
  const next = path.join(second.directory, 'next.kubeconfig');
  await first.succeed(first.microshift('add-node', names.second, '--output', next));
  const text = readFileSync(next, 'utf8');
  renameSync(next, path.join(second.directory, 'node.kubeconfig'));
  return text;
};
const nodePorts = { near: 30_080, far: 30_081 };
const pods = '/api/v1/namespaces/default/pods';
const getPod = (name: string) => first.get<Pod>(admin(), `${pods}/${name}`);
const ready = (name: string, seconds = 40) =>
  eventually(`Pod ${name} is ready`, seconds, async () => {
    const pod = await getPod(name);
    return pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ? pod : undefined;
  });
const exec = (pod: string, ...command: string[]) => {
  const query = new URLSearchParams([
    ['stdout', 'true'],
    ['stderr', 'true'],
    ...command.map((one) => ['command', one]),
  ]);
  return first.succeed(apiCall(admin(), 'EXEC', `${pods}/${pod}/exec?${query.toString()}`));
};

before(async () => {
  writeFileSync(path.join(images, 'pause.tar'), await buildImage(pauseImage()));
  writeFileSync(path.join(images, 'busybox.tar'), await buildImage(busyboxImage()));
  lan = new Lan(`${unique}l`);
  [first, second] = await Promise.all([
    LightMachine.boot({ name: names.first, lan, address: '192.168.77.2/24', images }),
    LightMachine.boot({ name: names.second, lan, address: '192.168.77.3/24', images }),
  ]);
  controlPlane = startFirst();
  await first.succeed(first.microshift('wait', '--timeout', '60'), { timeoutSeconds: 70 });
});
after(async () => {
  await Promise.all([first?.[Symbol.asyncDispose](), second?.[Symbol.asyncDispose]()]);
  lan?.[Symbol.dispose]();
  rmSync(images, { recursive: true });
});

const joinWith = (kubeconfig: string) => second.microshift('run', '--roles', 'node', '--kubeconfig', kubeconfig);

test('a kubeconfig that is missing, or of another node, ends the start with what to do', async () => {
  const missing = await second.run(joinWith('/etc/microshift/none'), { timeoutSeconds: 40 });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /\/etc\/microshift\/none \(node\.kubeconfig\) does not exist[\s\S]*microshift add-node/);
  const other = path.join(second.directory, 'other.kubeconfig');
  await first.succeed(first.microshift('add-node', 'somebody', '--output', other));
  const wrong = await second.run(joinWith(other), { timeoutSeconds: 40 });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /is for system:node:somebody[\s\S]*Set nodeName to somebody/);
});

test('a control plane that does not answer, or refuses, is told in status, and waited for', async () => {
  const kubeconfig = path.join(second.directory, 'node.kubeconfig');
  await first.succeed(first.microshift('add-node', names.second, '--output', kubeconfig));
  const text = readFileSync(kubeconfig, 'utf8');
  const statusSays = async (config: string, expected: RegExp) => {
    const file = path.join(second.directory, 'bad.kubeconfig');
    writeFileSync(file, config);
    const waiting = second.start(joinWith(file));
    await eventually(`status says ${String(expected)}`, 20, async () =>
      expected.test((await second.run(second.microshift('status'))).stdout) ? true : undefined,
    );
    await waiting.stop();
  };
  await statusSays(
    text.replace('192.168.77.2:6443', '192.168.77.2:6444'),
    /join: the control plane https:\/\/192\.168\.77\.2:6444 cannot be asked: .*ECONNREFUSED/,
  );
  const stranger = issueCertificate({
    subject: nodeSubject(names.second),
    use: 'client',
    notBeforeMs: 0,
    notAfterMs: Date.UTC(2099, 0),
    serial: Uint8Array.of(9),
  });
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  await statusSays(
    text
      .replace(/client-certificate-data: .*/, `client-certificate-data: ${base64(stranger.certificatePem)}`)
      .replace(/client-key-data: .*/, `client-key-data: ${base64(stranger.keyPem)}`),
    /join: the control plane .* refuses this node .*: make a new kubeconfig there with microshift add-node/,
  );
});

test('another machine of the network finds the host of a Route in .local, until the Route is gone', async () => {
  const ask = (name: string) => {
    const script = path.resolve(import.meta.dirname, '../../kit/machine/mdns-ask.ts');
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', script, '192.168.77.3', name];
    return second.run(command, { timeoutSeconds: 20 });
  };
  const routes = '/apis/route.openshift.io/v1/namespaces/default/routes';
  await first.ask(admin(), 'POST', routes, {
    apiVersion: 'route.openshift.io/v1',
    kind: 'Route',
    metadata: { name: 'shop' },
    spec: { host: 'shop.local', to: { kind: 'Service', name: 'kubernetes' } },
  });
  assert.equal((await ask('shop.local')).stdout, '192.168.77.2\n');
  await first.ask(admin(), 'DELETE', `${routes}/shop`);
  await eventually('no port is open', 10, async () =>
    (await first.succeed(['ss', '-lnu'])).includes(':5353') ? undefined : true,
  );
});

test('a machine joins with a token that any machine may use, keeps its certificate, and needs the token no more', async () => {
  const kubeconfig = path.join(second.directory, 'join.kubeconfig');
  const said = await first.succeed(first.microshift('add-node', '--hours', '1', '--output', kubeconfig));
  assert.match(said, /lets machines join https:\/\/192\.168\.77\.2:6443 as nodes until \d{4}-/);
  const [, id = ''] = /token: "(\w{6})\.\w{16}"/.exec(readFileSync(kubeconfig, 'utf8')) ?? [];
  const ready = (): Promise<string> =>
    second.succeed(second.microshift('wait', '--timeout', '60'), { timeoutSeconds: 70 });
  const joined = second.start(joinWith(kubeconfig));
  await ready();
  await joined.stop();
  await first.ask(admin(), 'DELETE', `/api/v1/namespaces/kube-system/secrets/bootstrap-token-${id}`);
  const again = second.start(joinWith(kubeconfig));
  await ready();
  const node = await first.get<Node>(admin(), `/api/v1/nodes/${names.second}`);
  assert.equal(node.status?.conditions?.find((one) => one.type === 'Ready')?.status, 'True');
  await again.stop();
  await first.ask(admin(), 'DELETE', `/api/v1/nodes/${names.second}`);
  rmSync(path.join(second.directory, 'state/var/lib/microshift/certs'), { recursive: true, force: true });
});

test('a second machine joins with the kubeconfig that add-node writes, as a worker with Pod addresses of its own', async () => {
  const kubeconfig = path.join(second.directory, 'node.kubeconfig');
  assert.match(readFileSync(kubeconfig, 'utf8'), /server: "https:\/\/192\.168\.77\.2:6443"/);
  worker = second.start(joinWith(kubeconfig));
  await second.succeed(second.microshift('wait', '--timeout', '60'), { timeoutSeconds: 70 });
  const node = await first.get<Node>(admin(), `/api/v1/nodes/${names.second}`);
  assert.equal(node.metadata.labels?.['node-role.kubernetes.io/worker'], '');
  assert.equal(node.metadata.labels?.['node-role.kubernetes.io/control-plane'], undefined);
  assert.equal(node.status?.addresses?.find((one) => one.type === 'InternalIP')?.address, '192.168.77.3');
  const other = await first.get<Node>(admin(), `/api/v1/nodes/${names.first}`);
  assert.notEqual(node.spec?.podCIDR, other.spec?.podCIDR);
  const status = await second.run(second.microshift('status'));
  assert.match(status.stdout, /API server +https:\/\/192\.168\.77\.2:6443/);
  assert.equal(status.code, 0, status.stdout);
});

test('Pods on both reach each other by Service and name; logs and commands of the remote one work', async () => {
  for (const [name, nodeName] of [
    ['near', names.first],
    ['far', names.second],
  ] as const)
    await first.ask(admin(), 'POST', pods, {
      metadata: { name, labels: { app: name } },
      spec: {
        nodeName,
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'web',
            image: 'localhost/microshift/busybox:1',
            command: ['sh', '-c', `mkdir /w; echo ${name} > /w/index.html; echo up; exec httpd -f -v -p 8080 -h /w`],
          },
        ],
      },
    });
  for (const name of ['near', 'far'] as const)
    await first.ask(admin(), 'POST', '/api/v1/namespaces/default/services', {
      metadata: { name },
      spec: {
        type: 'NodePort',
        selector: { app: name },
        ports: [{ port: 80, targetPort: 8080, nodePort: nodePorts[name] }],
      },
    });
  await Promise.all([ready('near'), ready('far')]);
  const service = await first.get<Service>(admin(), '/api/v1/namespaces/default/services/far');
  // BusyBox' wget does not run without the C library's files.
  const get = 'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 3 "$address" 80 | tail -n 1';
  const lookUp = `address=$(nslookup "$0" | awk '/^Address: /{print $2}' | tail -n 1)`;
  const fetch = (pod: string, host: string) =>
    eventually(`${pod} reaches ${host}`, 15, async () => {
      const script = /[a-z]/.test(host) ? `${lookUp}; ${get}` : `address=$0; ${get}`;
      const said = await exec(pod, 'sh', '-c', script, host);
      return said.trim() === '' ? undefined : said;
    });
  assert.equal((await fetch('near', service.spec!.clusterIP!)).trim(), 'far');
  assert.equal((await fetch('near', 'far.default.svc.cluster.local')).trim(), 'far');
  assert.equal((await fetch('far', 'near.default.svc.cluster.local')).trim(), 'near');
  // By the port of the node that does not have the Pod, from outside the cluster's addresses.
  assert.equal((await first.succeed(['wget', '-qO-', '-T', '3', 'http://192.168.77.3:30080/'])).trim(), 'near');
  // No address is translated on the way: the other side sees the Pod itself.
  const near = (await getPod('near')).status!.podIP!;
  const log = await first.ask(admin(), 'GET', `${pods}/far/log`);
  assert.match(log, /^up$/m);
  assert.match(log, new RegExp(`^\\[(::ffff:)?${near.replaceAll('.', '\\.')}\\]`, 'm'));
});

test('what both nodes and the Pods on them use is told in one answer', async () => {
  const usage = async <T>(resource: string): Promise<readonly T[]> =>
    (await first.get<{ items: readonly T[] }>(admin(), `/apis/metrics.k8s.io/v1beta1/${resource}`)).items;
  const nodes = await usage<NodeMetrics>('nodes');
  assert.deepEqual(
    nodes.map((one) => one.metadata?.name),
    [names.first, names.second],
  );
  for (const { usage: used } of nodes) assert.match(String(used['memory']), /^\d+[KMG]i$/);
  const metrics = await usage<PodMetrics>('namespaces/default/pods');
  assert.deepEqual(
    metrics.map((one) => [one.metadata?.name, one.containers.map((container) => container.name)]),
    [
      ['far', ['web']],
      ['near', ['web']],
    ],
  );
  // An authority that every Pod has beside its token, on either machine.
  const trusted = await exec('far', 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/service-ca.crt');
  assert.match(trusted, /^-----BEGIN CERTIFICATE-----/);
  assert.equal(await exec('near', 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/service-ca.crt'), trusted);
});

test('the joined node may do what a node does, and no more', async () => {
  const kubeconfig = path.join(second.directory, 'node.kubeconfig');
  await assert.rejects(second.ask(kubeconfig, 'GET', '/api/v1/secrets'), /cannot list resource/);
  await assert.rejects(
    second.ask(kubeconfig, 'DELETE', `/api/v1/nodes/${names.first}`),
    /cannot delete|is not allowed/,
  );
});

test('a claim of a Pod on the joined node is told that its volume cannot be made there', async () => {
  await first.ask(admin(), 'POST', '/api/v1/namespaces/default/persistentvolumeclaims', {
    metadata: { name: 'data', annotations: { 'volume.kubernetes.io/selected-node': names.second } },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  });
  await eventually('the event', 15, async () => {
    const { items } = await first.get<{ items: readonly Event[] }>(admin(), '/api/v1/namespaces/default/events');
    return items.some((one) => /made on the machine of the control plane/.test(one.message ?? '')) ? true : undefined;
  });
});

test('without the control plane Pods go on, a crashed container comes back, and it is reported when the control plane is', async () => {
  assert.equal((await getPod('far')).status?.containerStatuses?.[0]?.restartCount, 0);
  const podIp = (await getPod('far')).status!.podIP!;
  await controlPlane.stop();
  const answers = async () => (await second.succeed(['wget', '-qO-', '-T', '2', `http://${podIp}:8080/`])).trim();
  assert.equal(await answers(), 'far');
  await eventually('status says so', 45, async () =>
    /join: the control plane .* cannot be asked/.test((await second.run(second.microshift('status'))).stdout)
      ? true
      : undefined,
  );
  const httpd = (await second.succeed(['pgrep', '-x', 'httpd'])).trim();
  await second.succeed(['kill', '-9', httpd]);
  await eventually('the container runs again', 30, async () => ((await answers()) === 'far' ? true : undefined));
  assert.notEqual((await second.succeed(['pgrep', '-x', 'httpd'])).trim(), httpd);
  // Its host name is another after this start: its Node keeps the name that its Pods are bound to.
  await first.succeed(['hostname', 'harbour']);
  controlPlane = startFirst();
  await first.succeed(first.microshift('wait', '--timeout', '60'), { timeoutSeconds: 70 });
  const { items } = await first.get<{ items: readonly Node[] }>(admin(), '/api/v1/nodes');
  assert.deepEqual(items.map((one) => one.metadata.name!).toSorted(), [names.first, names.second]);
  await eventually('the restart is reported', 30, async () =>
    (await getPod('far')).status?.containerStatuses?.[0]?.restartCount === 1 ? true : undefined,
  );
  await ready('far');
});

test('a joined node that gets another address is found there: routes, its certificate, and commands follow', async () => {
  const { podIP } = (await getPod('far')).status!;
  await second.succeed(['ip', 'address', 'add', '192.168.77.30/24', 'dev', 'eth0']);
  await second.succeed(['ip', 'address', 'delete', '192.168.77.3/24', 'dev', 'eth0']);
  await second.succeed(['ip', 'address', 'replace', '192.168.77.30/24', 'dev', 'eth0']);
  await eventually('the Node says so', 15, async () => {
    const { status } = await first.get<Node>(admin(), `/api/v1/nodes/${names.second}`);
    return status?.addresses?.some((one) => one.address === '192.168.77.30') === true ? true : undefined;
  });
  await eventually('the route leads there', 10, async () =>
    (await first.succeed(['ip', 'route', 'get', podIP!])).includes('via 192.168.77.30') ? true : undefined,
  );
  // The API server verifies the certificate for the address that it calls.
  assert.equal((await eventually('a command runs', 20, () => exec('far', 'echo', 'here'))).trim(), 'here');
});

test('a control plane that got another address is found again with a new kubeconfig, without a restart of the node', async () => {
  const { containerID } = (await getPod('far')).status!.containerStatuses![0]!;
  await moveFirst('192.168.77.2', '192.168.77.20');
  assert.match(await replaceKubeconfig(), /server: "https:\/\/192\.168\.77\.20:6443"/);
  await eventually('status of the node names it', 45, async () => {
    const { stdout } = await second.run(second.microshift('status'));
    return /API server +https:\/\/192\.168\.77\.20:6443/.test(stdout) ? true : undefined;
  });
  await first.ask(admin(), 'POST', pods, {
    metadata: { name: 'later' },
    spec: {
      nodeName: names.second,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'one', image: 'localhost/microshift/busybox:1', command: ['sleep', '3600'] }],
    },
  });
  await ready('later');
  assert.equal((await exec('later', 'echo', 'here')).trim(), 'here');
  assert.equal((await getPod('far')).status?.containerStatuses?.[0]?.containerID, containerID);
});

test('a start on an emptied data directory removes what the old cluster left, and nothing of it comes back', async () => {
  const left = async () => ({
    httpd: (await first.run(['pgrep', '-cx', 'httpd'])).stdout.trim(),
    mounts: (await first.succeed(['cat', '/proc/mounts']))
      .split('\n')
      .filter((one) => one.includes('/var/lib/kubelet/pods')),
    namespaces: (await first.succeed(['ls', '/run/netns'])).trim(),
  });
  const earlier = await left();
  assert.equal(earlier.httpd, '1');
  assert.notEqual(earlier.mounts.length, 0);
  assert.notEqual(earlier.namespaces, '');
  await controlPlane.stop();
  await first.succeed(['sh', '-c', 'rm -rf /var/lib/microshift/*']);
  await moveFirst('192.168.77.20', '192.168.77.2');
  controlPlane = startFirst();
  await first.succeed(first.microshift('wait', '--timeout', '60'), { timeoutSeconds: 70 });
  assert.deepEqual(await left(), { httpd: '0', mounts: [], namespaces: '' });
  const { items } = await first.get<{ items: readonly Pod[] }>(admin(), '/api/v1/pods');
  assert.deepEqual(items, []);
  await first.ask(admin(), 'POST', pods, {
    metadata: { name: 'new' },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'one', image: 'localhost/microshift/busybox:1', command: ['sleep', '3600'] }],
    },
  });
  const pod = await ready('new');
  assert.match(pod.status?.podIP ?? '', /^10\.42\.0\./);
});

test('a kubeconfig of another cluster is not followed by a node that runs: its Pods stay', async () => {
  const httpd = (await second.succeed(['pgrep', '-x', 'httpd'])).trim();
  await replaceKubeconfig();
  await eventually('it is told', 30, async () =>
    worker.output.includes('the kubeconfig is of another cluster') ? true : undefined,
  );
  assert.match((await second.run(second.microshift('status'))).stdout, /API server +https:\/\/192\.168\.77\.20:6443/);
  assert.equal((await second.succeed(['pgrep', '-x', 'httpd'])).trim(), httpd);
  // Where nobody answers at all, the end of the node waits for its requests.
  await first.succeed(['ip', 'address', 'add', '192.168.77.20/24', 'dev', 'eth0']);
  await worker.stop();
});
