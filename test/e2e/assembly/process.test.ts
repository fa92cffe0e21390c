// The process as its operator meets it: start, mistakes, a second one, signals, kill. Control plane only, on loopback.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { parse } from 'yaml';

const main = path.resolve(import.meta.dirname, '../../../src/main.ts');
const nodeFlags = ['--disable-warning=ExperimentalWarning', main];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert(address !== null && typeof address === 'object');
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
}

function temporary(context: TestContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'microshift-process-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function start(context: TestContext, dataDirectory: string, port: number, args: readonly string[] = []): Run {
  const child = spawn(
    process.execPath,
    [...nodeFlags, 'run', '--data-dir', dataDirectory, '--roles', 'controlplane', ...args],
    {
      env: { PATH: process.env['PATH'], HOME: dataDirectory, MICROSHIFT_CLUSTER_URL: `https://127.0.0.1:${port}` },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  context.after(() => child.kill('SIGKILL'));
  return { child, output: () => text, exited: once(child, 'exit').then(([code]) => code as number | null) };
}

const cli = (dataDirectory: string, ...args: readonly string[]) =>
  spawnSync(process.execPath, [...nodeFlags, ...args, '--data-dir', dataDirectory], {
    env: { PATH: process.env['PATH'], HOME: dataDirectory },
    encoding: 'utf8',
    timeout: 60_000,
  });

const waitReady = (dataDirectory: string) => {
  const result = cli(dataDirectory, 'wait', '--timeout', '40');
  assert.equal(result.status, 0, result.stderr + result.stdout);
  return result.stdout;
};

interface Kubeconfig {
  readonly clusters: readonly { cluster: { server: string; 'certificate-authority-data': string } }[];
  readonly users: readonly { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

/** As kubectl does it: with nothing but the kubeconfig. */
function ask(
  dataDirectory: string,
  method: string,
  pathname: string,
  body?: object,
): Promise<{ status: number; text: string }> {
  const config = parse(readFileSync(path.join(dataDirectory, 'resources/kubeadmin/kubeconfig'), 'utf8')) as Kubeconfig;
  const { cluster } = config.clusters[0]!;
  const { user } = config.users[0]!;
  const decoded = (text: string) => Buffer.from(text, 'base64');
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(pathname, cluster.server),
      {
        method,
        ca: decoded(cluster['certificate-authority-data']),
        cert: decoded(user['client-certificate-data']),
        key: decoded(user['client-key-data']),
        headers: { 'content-type': 'application/json' },
        agent: false,
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } });

test('it starts, serves with its kubeconfig, stops in order, and finds its objects again after a kill', async (context) => {
  const dataDirectory = path.join(temporary(context), 'data');
  const port = await freePort();
  const first = start(context, dataDirectory, port);
  assert.match(waitReady(dataDirectory), /api-server runs \(\d+ ms\)[\s\S]*MicroShift is ready/);
  assert.equal((await ask(dataDirectory, 'GET', '/readyz')).text, 'ok');
  const created = await ask(dataDirectory, 'POST', '/api/v1/namespaces/default/configmaps', configMap('kept'));
  assert.equal(created.status, 201, created.text);
  const status = cli(dataDirectory, 'status');
  assert.equal(status.status, 0, status.stdout);
  assert.match(status.stdout, /runs, all well[\s\S]*storage +runs/);

  first.child.kill('SIGKILL');
  await first.exited;
  const second = start(context, dataDirectory, port);
  waitReady(dataDirectory);
  assert.equal((await ask(dataDirectory, 'GET', '/api/v1/namespaces/default/configmaps/kept')).status, 200);

  second.child.kill('SIGTERM');
  assert.equal(await second.exited, 0, second.output());
  assert.match(second.output(), /MicroShift has stopped/);
  assert.equal(existsSync(path.join(dataDirectory, 'microshift.sock')), false);
  const after = cli(dataDirectory, 'status');
  assert.equal(after.status, 1);
  assert.match(after.stderr, /is not running[\s\S]*Start it with/);
});

test('a second MicroShift on the same data directory names the first, and changes nothing', async (context) => {
  const dataDirectory = path.join(temporary(context), 'data');
  const first = start(context, dataDirectory, await freePort());
  waitReady(dataDirectory);
  const second = start(context, dataDirectory, await freePort());
  assert.equal(await second.exited, 1);
  assert.match(
    second.output(),
    new RegExp(`Another MicroShift \\(process ${first.child.pid}\\) is running on the data directory`),
  );
  assert.equal((await ask(dataDirectory, 'GET', '/readyz')).text, 'ok');
});

test('a port in use is named with who uses it and what to do', async (context) => {
  const dataDirectory = path.join(temporary(context), 'data');
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '0.0.0.0', resolve));
  context.after(() => blocker.close());
  const address = blocker.address();
  assert(address !== null && typeof address === 'object');
  const run = start(context, dataDirectory, address.port);
  assert.equal(await run.exited, 1);
  assert.match(
    run.output(),
    new RegExp(`Port ${address.port}, where the API server is to listen, is in use by .*\\(process ${process.pid}\\)`),
  );
  assert.match(run.output(), /choose another port: cluster\.url/);
});

test('a mistake in the configuration is told before anything is made', async (context) => {
  const directory = temporary(context);
  const dataDirectory = path.join(directory, 'data');
  const file = path.join(directory, 'config.yaml');
  writeFileSync(file, 'cluster:\n  serviceCIDR: 10.42.0.0/17\n');
  const run = start(context, dataDirectory, 6443, ['--config', file]);
  assert.equal(await run.exited, 2);
  assert.match(
    run.output(),
    /cluster\.clusterCIDR \(default\) 10\.42\.0\.0\/16 and cluster\.serviceCIDR \(from .*config\.yaml\) 10\.42\.0\.0\/17 overlap/,
  );
  assert.equal(existsSync(dataDirectory), false);
});

test('SIGTERM in the middle of the start ends it in order', async (context) => {
  const dataDirectory = path.join(temporary(context), 'data');
  const run = start(context, dataDirectory, await freePort());
  while (!run.output().includes('MicroShift 0')) await once(run.child.stderr!, 'data');
  run.child.kill('SIGTERM');
  assert.equal(await run.exited, 0, run.output());
  assert.doesNotMatch(run.output(), /a defect/);
});

test('the audit log has a line for every request', async (context) => {
  const directory = temporary(context);
  const dataDirectory = path.join(directory, 'data');
  const run = start(context, dataDirectory, await freePort(), ['--audit-log-dir', path.join(directory, 'audit')]);
  waitReady(dataDirectory);
  await ask(dataDirectory, 'GET', '/api/v1/namespaces/default/configmaps/absent');
  run.child.kill('SIGTERM');
  await run.exited;
  const lines = readFileSync(path.join(directory, 'audit/kube-apiserver-audit.log'), 'utf8').trim().split('\n');
  const events = lines.map(
    (line) => JSON.parse(line) as { user: { username: string }; requestURI: string; responseStatus: { code: number } },
  );
  const event = events.find((one) => one.requestURI.includes('/configmaps/absent'));
  assert.deepEqual([event?.user.username, event?.responseStatus.code], ['system:admin', 404]);
});
