// What changes while the control plane runs, with a connection held open: address, host name, named certificates, additional
// names, TLS settings.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Endpoints, EndpointSlice } from '#api/generated/types.ts';
import { issueCertificate, type KeyPair } from '#pki/certificate.ts';
import { eventually } from '#kit/machine/command.ts';
import { apiCall, Lan, LightMachine } from '#kit/machine/light-machine.ts';

const unique = `mc${process.pid % 10_000}`;
let lan: Lan;
let machine: LightMachine;
let data: string;
let config: string;

before(async () => {
  lan = new Lan(`${unique}lan`);
  machine = await LightMachine.boot({ name: unique, lan, address: '192.168.77.2/24' });
  data = path.join(machine.directory, 'data');
  config = path.join(machine.directory, 'config.yaml');
  writeFileSync(config, '');
  machine.start([
    'env',
    'MICROSHIFT_NODENAME=edge',
    ...machine.microshift('run', '--roles', 'controlplane', '--data-dir', data, '--config', config),
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

const dayMs = 86_400_000;
let serial = 1;
const own = (notAfterMs = Date.now() + 90 * dayMs): KeyPair =>
  issueCertificate({
    subject: { commonName: `corporate ${serial}` },
    use: 'serving',
    names: ['api.corp.example'],
    notBeforeMs: 0,
    notAfterMs,
    serial: Uint8Array.of(serial++),
  });
const put = (name: string, pair: KeyPair): { certPath: string; keyPath: string } => {
  const file = (suffix: string) => path.join(machine.directory, `${name}.${suffix}`);
  writeFileSync(file('key'), pair.keyPem);
  writeFileSync(file('crt'), pair.certificatePem);
  return { certPath: file('crt'), keyPath: file('key') };
};
const connects = async (...args: string[]) =>
  (await machine.run(['sh', '-c', 'openssl s_client -connect 127.0.0.1:6443 "$@" </dev/null', 'x', ...args])).code ===
  0;

test('named certificates, additional names and TLS settings hold without a restart; bad ones are told and change nothing else', async () => {
  const watch = machine.start(apiCall(admin(), 'GET', `${objects}/configmaps?watch=true`));
  assert.ok(await connects('-tls1_2'));
  const apiServer = {
    namedCertificates: [
      put('good', own()),
      put('expired', own(Date.now() - dayMs)),
      { ...put('mismatched', own()), keyPath: path.join(machine.directory, 'good.key') },
      { certPath: '/nowhere/tls.crt', keyPath: '/nowhere/tls.key' },
    ],
    subjectAltNames: ['edge.corp.example', '203.0.113.9'],
    tls: { minVersion: 'VersionTLS13' },
  };
  writeFileSync(config, JSON.stringify({ apiServer }));
  await eventually('the named certificate is shown', 5, async () =>
    (await subject('api.corp.example')).includes('corporate 1') ? true : undefined,
  );
  await eventually('the additional name has a certificate', 5, async () =>
    (await certificate('127.0.0.1', 'edge.corp.example')).includes('DNS:edge.corp.example') ? true : undefined,
  );
  assert.match(await certificate('127.0.0.1'), /203\.0\.113\.9/);
  assert.deepEqual(kubeconfigs(), ['203.0.113.9', 'api.corp.example', 'edge', 'edge.corp.example', 'harbour']);
  assert.equal(await connects('-tls1_2'), false);
  assert.ok(await connects('-tls1_3'));
  const status = await machine.run(machine.microshift('status', '--data-dir', data));
  assert.match(status.stdout, /expired\.crt is not used: it has expired/);
  assert.match(status.stdout, /mismatched\.crt is not used: .*good\.key is not its key/);
  assert.match(status.stdout, /nowhere\/tls\.crt is not used: there is no file/);

  // As certbot renews it.
  put('good', own());
  await eventually('the renewed one is shown', 5, async () =>
    (await subject('api.corp.example')).includes('corporate 4') ? true : undefined,
  );
  // With the kubeconfig of that name, which trusts this self-signed one.
  await machine.succeed(['sh', '-c', 'echo 127.0.0.1 api.corp.example >> /etc/hosts']);
  const named = path.join(data, 'resources/kubeadmin/api.corp.example/kubeconfig');
  await eventually('its kubeconfig works', 5, async () =>
    (await machine.ask(named, 'GET', '/readyz')) === 'ok' ? true : undefined,
  );

  writeFileSync(config, '');
  await eventually('all of that is gone', 5, async () => (kubeconfigs().length === 2 ? true : undefined));
  assert.ok(await connects('-tls1_2'));
  assert.doesNotMatch(await subject('api.corp.example'), /corporate/);
  assert.equal((await machine.run(machine.microshift('status', '--data-dir', data))).code, 0);
  await machine.ask(admin(), 'POST', `${objects}/configmaps`, { metadata: { name: 'seen-at-the-end' } });
  await eventually('the watch from before goes on', 5, async () =>
    watch.output.includes('"seen-at-the-end"') ? true : undefined,
  );
});

async function subject(name: string): Promise<string> {
  const script = 'openssl s_client -connect 127.0.0.1:6443 -servername "$1" </dev/null | openssl x509 -noout -subject';
  return (await machine.run(['sh', '-c', script, 'x', name])).stdout;
}
