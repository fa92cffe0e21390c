// The machine gets another address and another host name while the control plane runs, and a connection is held open.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Endpoints, EndpointSlice } from '#api/generated/types.ts';
import { eventually } from '#kit/machine/command.ts';
import { apiCall, Lan, LightMachine } from '#kit/machine/light-machine.ts';

const unique = `mc${process.pid % 10_000}`;
let lan: Lan;
let machine: LightMachine;
let data: string;

before(async () => {
  lan = new Lan(`${unique}lan`);
  machine = await LightMachine.boot({ name: unique, lan, address: '192.168.77.2/24' });
  data = path.join(machine.directory, 'data');
  machine.start([
    'env',
    'MICROSHIFT_NODENAME=edge',
    ...machine.microshift('run', '--roles', 'controlplane', '--data-dir', data),
  ]);
  await machine.succeed(machine.microshift('wait', '--timeout', '40', '--data-dir', data), { timeoutSeconds: 60 });
});
after(async () => {
  await machine?.[Symbol.asyncDispose]();
  lan?.[Symbol.dispose]();
});

const admin = () => path.join(data, 'resources/kubeadmin/kubeconfig');
const objects = '/api/v1/namespaces/default';
/** What a new connection is shown, by address (no name is sent) or by name. */
const certificate = async (address: string, name?: string) => {
  const given = name === undefined ? ['-noservername'] : ['-servername', name];
  const { stdout } = await machine.run([
    'sh',
    '-c',
    'openssl s_client -connect "$@" </dev/null | openssl x509 -noout -ext subjectAltName',
    'x',
    `${address}:6443`,
    ...given,
  ]);
  return stdout;
};
const kubeconfigs = () =>
  readdirSync(path.join(data, 'resources/kubeadmin'), { withFileTypes: true })
    .filter((one) => one.isDirectory())
    .map((one) => one.name);

test('a new address is in the certificate and the endpoints within seconds, the old one is gone, and an open watch goes on', async () => {
  assert.match(await certificate('192.168.77.2'), /192\.168\.77\.2\b/);
  const watch = machine.start(apiCall(admin(), 'GET', `${objects}/configmaps?watch=true`));
  await machine.succeed(['ip', 'address', 'add', '192.168.77.3/24', 'dev', 'eth0']);
  await machine.succeed(['ip', 'address', 'delete', '192.168.77.2/24', 'dev', 'eth0']);
  // The second address of a range goes with the first, unless the kernel promotes it.
  await machine.succeed(['ip', 'address', 'replace', '192.168.77.3/24', 'dev', 'eth0']);
  const shown = await eventually('the certificate names the new address', 5, async () => {
    const text = await certificate('192.168.77.3');
    return text.includes('192.168.77.3') && !text.includes('192.168.77.2,') ? text : undefined;
  });
  assert.doesNotMatch(shown, /192\.168\.77\.2\b/);
  await eventually('the Endpoints lead there', 5, async () => {
    const { subsets } = await machine.get<Endpoints>(admin(), `${objects}/endpoints/kubernetes`);
    return subsets?.[0]?.addresses?.[0]?.ip === '192.168.77.3' ? true : undefined;
  });
  const slice = await machine.get<EndpointSlice>(
    admin(),
    '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes',
  );
  assert.deepEqual(slice.endpoints?.[0]?.addresses, ['192.168.77.3']);
  await machine.ask(admin(), 'POST', `${objects}/configmaps`, { metadata: { name: 'seen-late' } });
  await eventually('the watch from before sees it', 5, async () =>
    watch.output.includes('"seen-late"') ? true : undefined,
  );
});

test('a new host name is in the certificate and has a kubeconfig, the old one has none', async () => {
  assert.deepEqual(kubeconfigs(), ['edge', unique]);
  // As hostnamectl does it.
  await machine.succeed(['sh', '-c', 'hostname harbour; echo harbour > /etc/hostname']);
  await eventually('the kubeconfig of the new name', 5, async () =>
    kubeconfigs().includes('harbour') ? true : undefined,
  );
  assert.deepEqual(kubeconfigs(), ['edge', 'harbour']);
  const names = await certificate('127.0.0.1', 'harbour');
  assert.match(names, /DNS:harbour\b/);
  assert.ok(!names.includes(unique), names);
  const file = path.join(data, 'resources/kubeadmin/harbour/kubeconfig');
  assert.match(readFileSync(file, 'utf8'), /server: "https:\/\/harbour:6443"/);
  await machine.succeed(['sh', '-c', 'echo 192.168.77.3 harbour >> /etc/hosts']);
  assert.equal(await machine.ask(file, 'GET', '/readyz'), 'ok');
  assert.ok(!existsSync(path.join(data, 'resources/kubeadmin', unique)));
});
