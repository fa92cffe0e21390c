// The process as its operator meets it: start, mistakes, a second one, signals, kill. Control plane only, on loopback.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { ask, cli, credentialsOf, freePort, start, temporary, waitReady } from './microshift-process.ts';

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
    /cluster\.clusterCIDR \(default\) 10\.42\.0\.0\/16 and cluster\.serviceCIDR \(from .*config\.yaml:2:3\) 10\.42\.0\.0\/17 overlap/,
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

test('SIGTERM: a request in work is answered, a watch ends, nobody new is let in', async (context) => {
  const dataDirectory = path.join(temporary(context), 'data');
  const port = await freePort();
  const run = start(context, dataDirectory, port);
  waitReady(dataDirectory);
  const credentials = credentialsOf(dataDirectory);
  const open = (method: string, pathname: string) =>
    request(new URL(pathname, `https://127.0.0.1:${port}`), {
      method,
      ...credentials,
      agent: false,
      headers: method === 'POST' ? { 'content-type': 'application/json', 'transfer-encoding': 'chunked' } : {},
    });
  const configMaps = '/api/v1/namespaces/default/configmaps';
  const watch = open('GET', `${configMaps}?watch=1&resourceVersion=0`);
  watch.end();
  const [events] = (await once(watch, 'response')) as [IncomingMessage];
  const watchEnded = once(events.resume(), 'end');
  const body = JSON.stringify(configMap('late'));
  const write = open('POST', configMaps);
  write.write(body.slice(0, 20));
  // The request is in work once another one that came later is answered.
  assert.equal((await ask(dataDirectory, 'GET', '/readyz')).text, 'ok');

  run.child.kill('SIGTERM');
  await watchEnded;
  assert(events.complete, 'the watch ended in order, it was not cut off');
  await assert.rejects(ask(dataDirectory, 'GET', '/readyz'), /ECONNREFUSED/);
  write.end(body.slice(20));
  const [answer] = (await once(write, 'response')) as [IncomingMessage];
  assert.equal(answer.statusCode, 201);
  answer.resume();
  assert.equal(await run.exited, 0, run.output());
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
