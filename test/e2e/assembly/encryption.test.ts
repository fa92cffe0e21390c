// `microshift encryption rotate` and `status`, of a running process, of a stopped one, and of one that was killed in between.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ask, cli, freePort, start, temporary, waitReady } from './microshift-process.ts';

const secrets = '/api/v1/namespaces/default/secrets';

test('the key of Secrets is rotated by command: running, stopped, and after a kill in between', async (context) => {
  const dataDirectory = temporary(context);
  const keyFile = path.join(dataDirectory, 'secrets.key');
  const keys = (): string[] => readFileSync(keyFile, 'utf8').trim().split('\n');
  const numbers = (): number[] => keys().map((line) => Number(line.split(' ')[0]));
  const nothing = cli(dataDirectory, 'encryption', 'rotate');
  assert.match(nothing.stderr, /There is nothing encrypted in/);
  const port = await freePort();
  const first = start(context, dataDirectory, port);
  waitReady(dataDirectory);
  for (let count = 0; count < 20; count++) {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: `s${count}` }, stringData: { password: 'x' } };
    assert.equal((await ask(dataDirectory, 'POST', secrets, secret)).status, 201);
  }
  const listed = async (): Promise<unknown> =>
    (JSON.parse((await ask(dataDirectory, 'GET', secrets)).text) as { items: unknown }).items;
  const before = await listed();
  const [oldest] = keys();
  const running = cli(dataDirectory, 'encryption', 'rotate');
  assert.equal(running.status, 0, running.stderr);
  assert.match(running.stdout, /Encrypted again: \d\d objects\. Secrets, with key 2, \d s old\.\n.*hold the old key/);
  assert.deepEqual([numbers(), await listed()], [[2], before]);
  assert.match(cli(dataDirectory, 'status').stdout, /Encryption +Secrets, with key 2, \d+ s old\n/);
  first.child.kill('SIGKILL');
  await first.exited;

  const stopped = cli(dataDirectory, 'encryption', 'rotate');
  assert.equal(stopped.status, 0, stopped.stderr);
  assert.deepEqual(numbers(), [3]);
  // As a rotation leaves it that was killed before it had encrypted anything again.
  writeFileSync(keyFile, `4 ${oldest!.split(' ')[1]} 2026-01-01T00:00:00.000Z\n${keys()[0]}\n`);
  const interrupted = cli(dataDirectory, 'encryption', 'status', '-o', 'json');
  assert.deepEqual(
    (JSON.parse(interrupted.stdout) as { keys: { id: number }[] }).keys.map(({ id }) => id),
    [4, 3],
  );
  assert.match(cli(dataDirectory, 'encryption', 'status').stdout, /key 4, .*being rotated, still needed: key 3/);
  const second = start(context, dataDirectory, port);
  waitReady(dataDirectory);
  for (let turn = 0; numbers().length > 1; turn++) {
    assert.ok(turn < 200, 'the start finishes it');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.deepEqual([numbers(), await listed()], [[4], before]);
  second.child.kill('SIGTERM');
  assert.equal(await second.exited, 0);
  for (const name of readdirSync(path.join(dataDirectory, 'storage')))
    assert.equal(readFileSync(path.join(dataDirectory, 'storage', name)).includes('stringData'), false);
  const secret = keys()[0]!.split(' ')[1]!;
  assert.equal((running.stdout + running.stderr + first.output() + second.output()).includes(secret), false);
});
