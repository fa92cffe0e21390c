// A released archive on a Debian 12 without Node.js, npm and this project: one line installs it, and it runs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { issueCertificate } from '#pki/certificate.ts';
import { cacheDirectory, copyRoot, freshDebian } from '#kit/machine/debian-root.ts';
import { Machine, removeRoot } from '#kit/machine/machine.ts';
import { Cluster } from './story/cluster.ts';

const name = 'ms-release';
const repository = path.resolve(import.meta.dirname, '../..');
const output = path.join(cacheDirectory, `release-${process.pid}`);
let root: string;
let archive: string;

/** What a person pipes into a shell. */
const install = (machine: Machine, environment: readonly string[]) =>
  machine.run(['env', ...environment, 'bash'], {
    input: readFileSync(path.join(repository, 'install.sh'), 'utf8'),
    timeoutSeconds: 400,
  });

before(async () => {
  mkdirSync(output, { recursive: true });
  const made = spawnSync(process.execPath, ['scripts/release.ts', '--output', output], {
    cwd: repository,
    encoding: 'utf8',
  });
  assert.equal(made.status, 0, `${made.stdout}${made.stderr}`);
  root = await copyRoot(await freshDebian(), name);
  rmSync(path.join(root, 'usr/local/bin/node'));
  rmSync(path.join(root, 'usr/local/bin/npm'));
  rmSync(path.join(root, 'usr/local/lib/node_modules'), { recursive: true });
  const [file] = globSync('*.tar.gz', { cwd: output });
  assert.ok(file !== undefined);
  archive = `/root/${file}`;
  for (const one of [file, `${file}.sha256`]) cpSync(path.join(output, one), path.join(root, 'root', one));
});

after(() => {
  rmSync(output, { recursive: true, force: true });
  if (process.env.MICROSHIFT_TEST_KEEP !== 'true') removeRoot(root);
});

test('a damaged archive, one without a checksum and a wrong one are refused before anything changes', async () => {
  await using machine = await Machine.boot({ name, root, init: 'reaper' });
  const bytes = readFileSync(path.join(root, archive));
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path.join(root, 'root/damaged.tar.gz'), bytes);
  cpSync(path.join(root, `${archive}.sha256`), path.join(root, 'root/damaged.tar.gz.sha256'));
  writeFileSync(path.join(root, 'root/other.tar.gz'), 'not an archive');
  const refused = async (environment: readonly string[], message: RegExp) => {
    const result = await install(machine, environment);
    assert.equal(result.code, 1);
    assert.match(result.stderr, message);
    assert.match(result.stderr, /What to do: /);
  };
  await refused(['MICROSHIFT_URL=/root/damaged.tar.gz'], /is damaged or not what it says: its SHA-256 is/);
  await refused(['MICROSHIFT_URL=/root/other.tar.gz'], /the checksum \/root\/other\.tar\.gz\.sha256 is missing/);
  await refused([`MICROSHIFT_URL=${archive}`, `MICROSHIFT_SHA256=${'0'.repeat(64)}`], /is damaged or not what it says/);
  await refused(['MICROSHIFT_URL=/root/none.tar.gz'], /the file \/root\/none\.tar\.gz cannot be read/);
  await refused([], /nothing to install beside this script/);
  assert.equal(
    (await machine.shell('ls /usr/local/bin /usr/local/share; ls -d /usr/local/share/microshift || true')).includes(
      'microshift',
    ),
    false,
  );
});

/** A web server with the release, under an authority of its own. */
async function webServer() {
  const common = { notBeforeMs: 0, notAfterMs: Date.UTC(2099, 0), serial: Uint8Array.of(7) };
  const issuer = issueCertificate({ ...common, subject: { commonName: 'releases' }, use: 'authority' });
  const own = issueCertificate({
    ...common,
    subject: { commonName: 'web' },
    use: 'serving',
    names: ['127.0.0.1'],
    issuer,
  });
  const asked: string[] = [];
  const server = createServer({ cert: own.certificatePem, key: own.keyPem }, (request, answer) => {
    asked.push(request.url ?? '');
    answer.end(readFileSync(path.join(output, path.basename(request.url ?? ''))));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = () => void server.close();
  return { url: `https://127.0.0.1:${port}`, authorityPem: issuer.certificatePem, asked, [Symbol.dispose]: close };
}

test('one line downloads and installs the release where neither Node.js, npm nor curl are', async () => {
  await using machine = await Machine.boot({ name, root, init: 'reaper', network: 'registries' });
  using server = await webServer();
  machine.write('/root/releases.pem', server.authorityPem);
  assert.notEqual((await machine.run(['sh', '-c', 'command -v node || command -v npm || command -v curl'])).code, 0);
  const file = path.basename(archive);
  const url = `MICROSHIFT_URL=${server.url}/${file}`;
  const result = await install(machine, [url, 'CURL_CA_BUNDLE=/root/releases.pem', 'CONFIG_ENV_ONLY=true']);
  assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
  assert.deepEqual(server.asked, [`/${file}`, `/${file}.sha256`]);
  assert.match(result.stdout, /\/usr\/local\/share\/microshift\/install\.sh starts it and needs no network/);
  assert.doesNotMatch(await machine.shell('ps -eo comm='), /microshift|containerd|haproxy/);
  await machine.halt();
});

test('what it left starts without any network, and runs the example; uninstalling removes it', async () => {
  await using machine = await Machine.boot({ name, root, init: 'reaper' });
  const cluster = new Cluster(machine);
  const result = await machine.run(['/usr/local/share/microshift/install.sh'], { timeoutSeconds: 240 });
  assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
  await cluster.kubectl('apply', '-k', '/usr/local/share/microshift/examples/hello');
  await cluster.kubectl('-n', 'hello', 'rollout', 'status', 'deployment/hello', '--timeout=60s');
  const removed = await machine.run(['/usr/local/share/microshift/uninstall.sh', '--yes']);
  assert.equal(removed.code, 0, `${removed.stdout}${removed.stderr}`);
  const left = await machine.shell(
    'ls -d /usr/local/share/microshift /usr/local/bin/microshift /var/lib/microshift 2>/dev/null || true',
  );
  assert.equal(left, '');
  await machine.halt();
});
