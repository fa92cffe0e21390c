// One object of every kind, with fields of several managers and a status, and others that are written all the time: backed up by a
// process, restored, and compared with what the API said at the revision of the backup: in the store, and over the API of a process
// that runs on it. Whatever is an object is compared, also what nobody here has thought of.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { KubernetesObject } from '#api/kind.ts';
import { encryptionKeyFile, storeFile, type BackupManifest } from '#assembly/backup/contents.ts';
import { systemClock } from '#base/clock.ts';
import { systemRandom } from '#base/random.ts';
import { systemFiles } from '#host/files.ts';
import { openSealing } from '#storage/sealing/sealing-key.ts';
import { openSqliteStore } from '#storage/sqlite/store.ts';
import { type KindUnderTest, kindsUnderTest } from '../../differential/kind-under-test.ts';
import { everything, json, type Objects, plain } from './every-object.ts';
import { ask, cli, freePort, main, start, temporary, waitReady } from './microshift-process.ts';

async function inStore(dataDirectory: string): Promise<Objects> {
  const own = { files: systemFiles, random: systemRandom, clock: systemClock };
  const sealing = await openSealing({ file: encryptionKeyFile(dataDirectory), ...own });
  const store = await openSqliteStore({ path: storeFile(dataDirectory), clock: systemClock, sealing });
  try {
    return new Map(
      store.list('/registry/').items.map((item) => {
        const object = item.object();
        assert.ok(object.metadata.uid !== undefined, `${item.key} has no uid`);
        return [object.metadata.uid, { resource: item.key, object: plain(object) }];
      }),
    );
  } finally {
    await store.close();
  }
}

const togetherMax = 8;
const applying = 'application/apply-patch+yaml';

/** One object of every kind; gives how many there are. */
async function makeOneOfEach(dataDirectory: string): Promise<number> {
  let made = 0;
  let applied = 0;
  const make = async (kind: KindUnderTest): Promise<void> => {
    if (kind.definition !== undefined) {
      await ask(dataDirectory, 'POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', kind.definition);
      for (let turn = 0; (await ask(dataDirectory, 'GET', kind.collection)).status === 404; turn++) {
        assert.ok(turn < 100, kind.id);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    if (kind.row.storage === undefined || !kind.row.verbs.includes('create')) return;
    if (kind.namespace !== '')
      await ask(dataDirectory, 'POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: kind.namespace },
      });
    const rich = await ask(dataDirectory, 'POST', kind.collection, kind.rich('kept'));
    const small = rich.status === 201 ? rich : await ask(dataDirectory, 'POST', kind.collection, kind.small('kept'));
    if (small.status !== 201) return;
    made++;
    const { apiVersion, kind: name } = kind.small('kept') as KubernetesObject;
    const metadata = { name: kind.nameOf('kept'), annotations: { 'of-another': 'manager — ünïcode' } };
    for (const at of ['', '/status']) {
      const target = `${kind.pathOf('kept')}${at}?fieldManager=another${at.slice(1)}&force=true`;
      const { status } = await ask(dataDirectory, 'PATCH', target, { apiVersion, kind: name, metadata }, applying);
      if (status === 200) applied++;
    }
  };
  const kinds = kindsUnderTest();
  for (let at = 0; at < kinds.length; at += togetherMax) await Promise.all(kinds.slice(at, at + togetherMax).map(make));
  assert.ok(applied > made, `${applied} of ${made}`);
  return made;
}

test('every object of every kind comes back as it was', async (context) => {
  const root = temporary(context);
  const [dataDirectory, backup] = [path.join(root, 'data'), path.join(root, 'backup')];
  const port = await freePort();
  const run = start(context, dataDirectory, port);
  waitReady(dataDirectory);
  const made = await makeOneOfEach(dataDirectory);
  assert.ok(made > 60, `only ${made} kinds`);

  let isOver = false;
  const write = async (own: string): Promise<number> => {
    let writes = 0;
    for (; !isOver; writes++) {
      const metadata = { name: `${own}-${writes}` };
      const at = `/api/v1/namespaces/default/${writes % 2 === 0 ? 'secrets' : 'configmaps'}`;
      const kind = writes % 2 === 0 ? 'Secret' : 'ConfigMap';
      await ask(dataDirectory, 'POST', at, { apiVersion: 'v1', kind, metadata, data: { a: 'YWFhYQ==' } });
      if (writes % 3 === 0) await ask(dataDirectory, 'DELETE', `${at}/${metadata.name}`);
    }
    return writes;
  };
  const writers = ['first', 'second', 'third'].map(write);
  const command = spawn(process.execPath, [main, 'backup', backup, '--data-dir', dataDirectory], {
    env: { PATH: process.env['PATH'], HOME: dataDirectory },
    stdio: 'ignore',
  });
  const [code] = (await once(command, 'exit')) as [number];
  isOver = true;
  const writes = (await Promise.all(writers)).reduce((sum, one) => sum + one);
  assert.equal(code, 0, run.output());
  const manifestFile = path.join(backup, 'backup.json');
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as BackupManifest;
  const before = await everything(dataDirectory, manifest.revision);
  assert.ok(writes > 10 && before.size > made + 100, `${writes} writes, ${before.size} objects`);
  const last = await json<{ metadata: { resourceVersion: string } }>(dataDirectory, '/api/v1/configmaps?limit=1');
  assert.ok(Number(last.metadata.resourceVersion) > manifest.revision, 'more was written behind the backup');
  run.child.kill('SIGKILL');
  await run.exited;

  const newer = JSON.stringify({ ...manifest, format: manifest.format + 1, version: '99.0.0' });
  writeFileSync(manifestFile, newer);
  const refused = cli(dataDirectory, 'restore', backup);
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /was made by a newer MicroShift \(99\.0\.0, this one is .*\)[\s\S]*Restore it with that/,
  );
  writeFileSync(manifestFile, `${JSON.stringify(manifest, undefined, 2)}\n`);
  const restored = cli(dataDirectory, 'restore', backup);
  assert.equal(restored.status, 0, restored.stderr);

  const stored = await inStore(dataDirectory);
  const keysOf = (objects: Objects) =>
    [...objects].map(([uid, { object }]) => `${object.metadata.name} ${uid}`).toSorted();
  assert.deepEqual(keysOf(stored), keysOf(before));
  for (const [uid, { resource, object }] of before)
    assert.deepEqual(stored.get(uid)!.object, object, `${resource} ${object.metadata.name}`);

  const again = start(context, dataDirectory, port);
  waitReady(dataDirectory);
  const now = await everything(dataDirectory);
  const written: string[] = [];
  for (const [uid, { resource, object }] of before) {
    const found = now.get(uid)?.object;
    const name = `${resource} ${object.metadata.name}`;
    if (found === undefined) assert.ok(object.metadata.deletionTimestamp !== undefined, `${name} is gone`);
    else if (found.metadata.resourceVersion === object.metadata.resourceVersion) assert.deepEqual(found, object, name);
    else {
      // By controllers of this life: at a revision that nobody has seen before.
      assert.ok(Number(found.metadata.resourceVersion) > manifest.revision + 1e9, name);
      assert.equal(found.metadata.creationTimestamp, object.metadata.creationTimestamp, name);
      written.push(name);
    }
  }
  assert.ok(written.length < before.size / 20, written.join());
  again.child.kill('SIGTERM');
  assert.equal(await again.exited, 0);
});
