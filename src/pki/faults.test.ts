import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger, type Logger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { Scope } from '#base/scope.ts';
import { systemFiles, type Files } from '#host/files.ts';
import { Pki } from './pki.ts';
import { leaves, signerPath, signers, type Names } from './plan.ts';

const dayMs = 86_400_000;
const yearMs = 365 * dayMs;
const real = Date.UTC(2027, 4, 1);
const names: Names = {
  nodeName: 'edge-1',
  apiServer: ['127.0.0.1', 'kubernetes.default.svc'],
  external: ['edge-1'],
  kubeconfigs: ['edge-1', 'api.example.com'],
  node: ['edge-1', '10.0.0.1'],
  ingress: ['*.apps.example.com'],
  apiServerUrl: 'https://127.0.0.1:6443',
};

function directory(context: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), 'microshift-pki-'));
  context.after(() => rmSync(made, { recursive: true }));
  return made;
}
const open = (dataDirectory: string, clock = new VirtualClock(real), more: { logger?: Logger; files?: Files } = {}) =>
  Pki.open({ dataDirectory, files: systemFiles, clock, random: systemRandom, logger: silentLogger, names, ...more });

/** All that a verifier at that time would look at. */
function assertUsable(pki: Pki, atMs: number, what: string): void {
  for (const leaf of leaves) {
    const certificate = new X509Certificate(pki.leaf(leaf.name).certificatePem);
    const signer = new X509Certificate(pki.signer(leaf.signer).certificatePem);
    assert(certificate.checkPrivateKey(createPrivateKey(pki.leaf(leaf.name).keyPem)), `${what}: key of ${leaf.name}`);
    assert(certificate.verify(signer.publicKey), `${what}: signature of ${leaf.name}`);
    for (const one of [certificate, signer])
      assert(
        one.validFromDate.getTime() <= atMs && one.validToDate.getTime() > atMs,
        `${what}: ${leaf.name} holds from ${one.validFrom} to ${one.validTo}`,
      );
  }
}

function recorded(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const write = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const logger: Logger = { debug() {}, info: write, warn: write, error: write, named: () => logger };
  return { logger, lines };
}

test('made by a clock in 1970 or in 2099, they hold when the clock is right, and nothing is made again', async (context) => {
  for (const wrong of [0, Date.UTC(2099, 0, 1)]) {
    const dataDirectory = directory(context);
    const first = await open(dataDirectory, new VirtualClock(wrong));
    assertUsable(first, real, `clock at ${new Date(wrong).toISOString()}`);
    const second = await open(dataDirectory, new VirtualClock(Date.UTC(2026, 7, 2)));
    assert.equal(second.leaf('admin').certificatePem, first.leaf('admin').certificatePem);
    assertUsable(second, real, 'after a restart');
  }
});

test('a clock that goes back behind their beginning locks nobody out', async (context) => {
  const dataDirectory = directory(context);
  const first = await open(dataDirectory);
  const back = await open(dataDirectory, new VirtualClock(3 * dayMs));
  assertUsable(back, 3 * dayMs, 'in January 1970');
  assert.equal(back.leaf('admin').certificatePem, first.leaf('admin').certificatePem);
});

test('after two and after eleven years without power everything holds again, under the same keys of the signers', async (context) => {
  for (const years of [2, 11]) {
    const dataDirectory = directory(context);
    const first = await open(dataDirectory);
    const later = real + years * yearMs;
    const second = await open(dataDirectory, new VirtualClock(later));
    assertUsable(second, later, `after ${years} years`);
    for (const name of signers) assert.equal(second.signer(name).keyPem, first.signer(name).keyPem, name);
    assert.notEqual(second.leaf('kubelet-client').certificatePem, first.leaf('kubelet-client').certificatePem);
  }
});

test('a clock that is set past the end while it runs has them made again within a minute', async (context) => {
  const clock = new VirtualClock(real);
  const pki = await open(directory(context), clock);
  const scope = new Scope('test', (name, error) => assert.fail(`${name}: ${String(error)}`));
  pki.keepRenewed(scope);
  const changed = new Promise<void>((resolve) => void pki.onChange(resolve));
  clock.jump(3 * yearMs);
  clock.advance(60_000);
  await changed;
  assertUsable(pki, clock.now(), 'after the jump');
  await scope.close();
});

test('what is damaged, without its key, or with the key of another is made new and named in the log; the others stay', async (context) => {
  const dataDirectory = directory(context);
  const first = await open(dataDirectory);
  const at = (name: string, suffix: string) =>
    path.join(dataDirectory, `${leaves.find((one) => one.name === name)!.path}.${suffix}`);
  writeFileSync(at('api-localhost-serving', 'crt'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  rmSync(at('kube-scheduler', 'key'));
  copyFileSync(at('admin', 'key'), at('kubelet-serving', 'key'));
  rmSync(at('ingress-serving', 'crt'));
  mkdirSync(at('ingress-serving', 'crt'));
  const { logger, lines } = recorded();
  // What cannot even be replaced (a directory in its place) ends the start with the path.
  await assert.rejects(open(dataDirectory, undefined, { logger }), /router-default-serving/);
  rmSync(at('ingress-serving', 'crt'), { recursive: true });
  const second = await open(dataDirectory, undefined, { logger });
  assertUsable(second, real, 'repaired');
  const made = ['api-localhost-serving', 'kube-scheduler', 'kubelet-serving', 'ingress-serving'] as const;
  for (const leaf of leaves)
    assert.equal(
      second.leaf(leaf.name).certificatePem !== first.leaf(leaf.name).certificatePem,
      made.includes(leaf.name as 'kube-scheduler'),
      leaf.name,
    );
  const log = lines.join('\n');
  assert.match(log, /lost its key.*kube-scheduler/);
  assert.match(log, /cannot be used.*api-localhost-serving/);
  assert.match(log, /cannot be used.*kubelet-serving/);
  assert.ok(!log.includes('PRIVATE KEY'));
});

test('a signer that is lost is made new with all that it signed, and no other', async (context) => {
  const dataDirectory = directory(context);
  const first = await open(dataDirectory);
  writeFileSync(path.join(dataDirectory, `${signerPath('admin-kubeconfig-signer')}.key`), 'half');
  const second = await open(dataDirectory);
  assertUsable(second, real, 'a new signer');
  assert.notEqual(second.leaf('admin').certificatePem, first.leaf('admin').certificatePem);
  assert.equal(second.leaf('kubelet-client').certificatePem, first.leaf('kubelet-client').certificatePem);
  assert.ok(second.bundle('client').includes(second.signer('admin-kubeconfig-signer').certificatePem));
});

test('a damaged key of service account tokens ends the start with what to do; it is not replaced', async (context) => {
  const dataDirectory = directory(context);
  await open(dataDirectory);
  const file = path.join(dataDirectory, 'resources/kube-apiserver/secrets/service-account-key/service-account.key');
  writeFileSync(file, 'half');
  await assert.rejects(open(dataDirectory), /service-account\.key, is damaged/);
  assert.equal(readFileSync(file, 'utf8'), 'half');
});

test('a renewal that cannot be written changes nothing, is a problem in status, and is tried again', async (context) => {
  const clock = new VirtualClock(real);
  let full = false;
  const files: Files = {
    ...systemFiles,
    writeAllAtomic: (entries) =>
      full ? Promise.reject(new Error('no space left on device')) : systemFiles.writeAllAtomic(entries),
  };
  const { logger, lines } = recorded();
  const pki = await open(directory(context), clock, { files, logger });
  const scope = new Scope('test', (name, error) => assert.fail(`${name}: ${String(error)}`));
  pki.keepRenewed(scope);
  const before = pki.leaf('admin').certificatePem;
  full = true;
  await assert.rejects(pki.changeNames({ ...names, external: ['harbour'] }), /no space left/);
  assert.match(pki.problems().join(), /no space left/);
  full = false;
  const changed = new Promise<void>((resolve) => void pki.onChange(resolve));
  for (let looks = 0; looks < 7; looks++) clock.advance(10_000);
  await changed;
  assert.deepEqual(pki.problems(), []);
  assert.equal(new X509Certificate(pki.leaf('api-external-serving').certificatePem).checkHost('harbour'), 'harbour');
  assert.equal(pki.leaf('admin').certificatePem, before);
  assert.ok(!lines.join().includes('PRIVATE KEY'));
  await scope.close();
});

test('each name has a kubeconfig that leads there; a name that is gone has none; strange files stay', async (context) => {
  const dataDirectory = directory(context);
  const pki = await open(dataDirectory);
  const kubeadmin = path.join(dataDirectory, 'resources/kubeadmin');
  mkdirSync(path.join(kubeadmin, 'mine'));
  writeFileSync(path.join(kubeadmin, 'mine/notes'), '');
  const there = () => readdirSync(kubeadmin).toSorted();
  assert.deepEqual(there(), ['api.example.com', 'edge-1', 'kubeconfig', 'mine']);
  assert.match(
    readFileSync(path.join(kubeadmin, 'api.example.com/kubeconfig'), 'utf8'),
    /server: "https:\/\/api\.example\.com:6443"/,
  );
  await pki.changeNames({ ...names, kubeconfigs: ['edge-1', '192.0.2.7', '2001:db8::7'] });
  assert.deepEqual(there(), ['192.0.2.7', '2001:db8::7', 'edge-1', 'kubeconfig', 'mine']);
  assert.match(
    readFileSync(path.join(kubeadmin, '2001:db8::7/kubeconfig'), 'utf8'),
    /"https:\/\/\[2001:db8::7\]:6443"/,
  );
});
