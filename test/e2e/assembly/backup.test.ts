// `microshift backup` of a running process, also by schedule, and `microshift restore` into another data directory and into its own.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ask, cli, freePort, start, temporary, waitReady } from './microshift-process.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } });
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { password: 'hidden' } };

/** Every object of the kinds that only people write, as it is. */
async function objectsOf(dataDirectory: string): Promise<unknown> {
  const lists = await Promise.all(
    ['configmaps', 'secrets', 'serviceaccounts'].map((resource) => ask(dataDirectory, 'GET', `/api/v1/${resource}`)),
  );
  return lists.map(({ text }) => (JSON.parse(text) as { items: unknown[] }).items);
}

test('a running cluster is backed up, goes on, and comes back as it was, also elsewhere', async (context) => {
  const folder = temporary(context);
  const [dataDirectory, other, backup] = ['data', 'other', 'backup'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  const port = await freePort();
  const first = start(context, dataDirectory, port);
  waitReady(dataDirectory);
  assert.equal((await ask(dataDirectory, 'POST', configMaps, configMap('kept'))).status, 201);
  assert.equal((await ask(dataDirectory, 'POST', '/api/v1/namespaces/default/secrets', secret)).status, 201);
  const before = await objectsOf(dataDirectory);
  const made = cli(dataDirectory, 'backup', backup);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /Backed up to .*revision \d+/);
  assert.equal((await ask(dataDirectory, 'POST', configMaps, configMap('later'))).status, 201);
  const refused = cli(dataDirectory, 'restore', backup);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /MicroShift runs as process \d+[\s\S]*Stop it first/);
  const list = JSON.parse((await ask(dataDirectory, 'GET', configMaps)).text) as {
    metadata: { resourceVersion: string };
  };
  first.child.kill('SIGKILL');
  await first.exited;

  for (const directory of [dataDirectory, other]) {
    const restored = cli(directory, 'restore', backup);
    assert.equal(restored.status, 0, restored.stderr);
    const run = start(context, directory, port);
    waitReady(directory);
    assert.deepEqual(await objectsOf(directory), before);
    const old = await ask(directory, 'GET', `${configMaps}?watch=1&resourceVersion=${list.metadata.resourceVersion}`);
    assert.match(old.text, /"code":410/);
    run.child.kill('SIGTERM');
    await run.exited;
  }
  const offline = cli(dataDirectory, 'backup', `${backup}-2`);
  assert.equal(offline.status, 0, offline.stderr);
});

test('backups by schedule: made, listed, given up when there are more, and a folder that is gone is told', async (context) => {
  const root = temporary(context);
  const [dataDirectory, folder] = [path.join(root, 'data'), path.join(root, 'backups')];
  mkdirSync(folder);
  const run = start(context, dataDirectory, await freePort(), [], {
    MICROSHIFT_BACKUP_FOLDER: folder,
    MICROSHIFT_BACKUP_SCHEDULE: '@every 2s',
    MICROSHIFT_BACKUP_RETENTION: '2',
    MICROSHIFT_NODENAME: 'edge-1',
  });
  waitReady(dataDirectory);
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (let turn = 0; !isSo(); turn++) {
      assert.ok(turn < 400, `${what}: ${readdirSync(root).join()} ${run.output()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await until('three were made', () => readdirSync(folder).some((name) => /^edge-1-000003-[^.]*$/.test(name)));
  const now = cli(dataDirectory, 'backup');
  // The next one is two seconds away.
  renameSync(folder, `${folder}-away`);
  assert.equal(now.status, 0, now.stderr);
  assert.match(now.stdout, /Backed up to .*\/backups\/edge-1-\d{6}-\d{8}T\d{6}Z: /);
  assert.match(now.stdout, /Removed, by backup\.retention: edge-1-\d{6}-/);
  await until('the reason is told', () => run.output().includes('the backup by schedule was not made'));
  const { stdout } = cli(dataDirectory, 'status');
  assert.match(stdout, /backups: the backup by schedule was not made: backup\.folder .* is not there/);
  assert.match(stdout, /Backups +\S+\/backups, the last one \d+ s ago, the next one is due/);
  const listed = cli(dataDirectory, 'backup', `${folder}-away`, '--list', '-o', 'json');
  const { backups } = JSON.parse(listed.stdout) as {
    backups: { name: string; isComplete: boolean; cluster: string }[];
  };
  assert.ok(backups.length === 2 && backups.every(({ isComplete }) => isComplete), listed.stdout);
  assert.match(backups[0]!.cluster, /^[\da-f-]{36}$/);
  const restored = cli(path.join(root, 'other'), 'restore', path.join(`${folder}-away`, backups[0]!.name));
  assert.equal(restored.status, 0, restored.stderr);
  run.child.kill('SIGTERM');
  assert.equal(await run.exited, 0);
});
