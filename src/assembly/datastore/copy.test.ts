import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { Lease } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { seededRandom } from '#base/random.ts';
import { type Files, systemFiles as files } from '#host/files.ts';
import { serviceAccountKeyPath } from '#pki/plan.ts';
import { EtcdClient } from '#storage/etcd/client.ts';
import { openEtcdStore } from '#storage/etcd/store.ts';
import { openSealing } from '#storage/sealing/sealing-key.ts';
import { openSqliteStore } from '#storage/sqlite/store.ts';
import type { Store } from '#storage/store.ts';
import { EtcdServer } from '../../../test/kit/etcd-server.ts';
import { encryptionKeyFile, storeDirectory, storeFile } from '../backup/contents.ts';
import { raiseRevisions } from '../backup/restore.ts';
import { copyFromEtcd, type CopyOptions, copyToEtcd } from './copy.ts';
import { clusterOf } from './etcd.ts';
import { checkNotMoved, movedFile } from './moved.ts';

const root = mkdtempSync(path.join(tmpdir(), 'copy-'));
const server = new EtcdServer(root);
before(() => server.start());
beforeEach(() => server.empty());
after(async () => {
  await server.signal('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const cluster = clusterOf(publicKey.export({ type: 'spki', format: 'pem' }) as string);
const clock = systemClock;
let count = 0;

function newMachine(): CopyOptions {
  const dataDirectory = path.join(root, String(count++));
  mkdirSync(storeDirectory(dataDirectory), { recursive: true });
  const key = path.join(dataDirectory, `${serviceAccountKeyPath}.key`);
  mkdirSync(path.dirname(key), { recursive: true });
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const etcd = { members: [server.member] };
  return { dataDirectory, etcd, hostname: 'edge', files, clock, random: seededRandom(1), logger: silentLogger };
}
async function ringOf({ dataDirectory, random }: CopyOptions) {
  const ring = await openSealing({ file: encryptionKeyFile(dataDirectory), files, random, clock });
  await ring.keep();
  return ring;
}
const openFile = async (machine: CopyOptions) =>
  openSqliteStore({ path: storeFile(machine.dataDirectory), clock, sealing: await ringOf(machine) });
const openEtcd = async (machine: CopyOptions) =>
  openEtcdStore({ ...machine.etcd, clock, sealing: await ringOf(machine), cluster });

const objectOf = (kind: string, name: string, more: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind,
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-of-${name}`,
    generation: 7,
    creationTimestamp: '2020-01-02T03:04:05Z',
    labels: { z: 'first', '7': 'a number', a: 'last' },
    managedFields: [{ manager: 'kubectl', operation: 'Apply', apiVersion: 'v1', time: '2020-01-02T03:04:06Z' }],
  },
  ...more,
});
async function write(store: Store, resource: string, object: KubernetesObject, timeToLiveSeconds?: number) {
  const key = `/registry/${resource}/default/${object.metadata.name!}`;
  const expectedRevision = store.get(key)?.revision ?? 0;
  const result = await store.write({ key, expectedRevision, object, durability: 'durable', timeToLiveSeconds });
  assert.ok(result.ok);
}
/** Everything but resource versions; when each ends, to the second. */
const contentsOf = (store: Store): unknown =>
  store.list('/registry/').items.map(({ key, bytes, expiresAt }) => ({
    key,
    object: JSON.parse(Buffer.from(bytes).toString()) as unknown,
    ends: Math.round(expiresAt / 1_000),
  }));
const watcher = { onEvents() {}, onEnd() {} };

async function fill(machine: CopyOptions, objects = 3): Promise<{ contents: unknown; revision: number }> {
  const first = await openFile(machine);
  for (let index = 0; index < objects; index++)
    await write(first, 'configmaps', objectOf('ConfigMap', `c${index}`, { data: { text: 'ü'.repeat(index) } }));
  await write(first, 'secrets', objectOf('Secret', 's', { data: { password: 'aGlkZGVu' } }));
  await write(first, 'events', objectOf('Event', 'e'), 3_600);
  await first.close();
  // As after a restore: higher than any etcd counts in its life.
  await raiseRevisions(storeFile(machine.dataDirectory));
  const store = await openFile(machine);
  const found = { contents: contentsOf(store), revision: store.revision };
  await store.close();
  return found;
}

test('a cluster goes to etcd and back with everything but resource versions, which go on above the highest', async () => {
  const machine = newMachine();
  const { contents, revision } = await fill(machine, 600);
  const copied = await copyToEtcd(machine);
  assert.equal(copied.objects, 602);
  const etcd = await openEtcd(machine);
  assert.deepEqual(contentsOf(etcd), contents);
  for (const item of etcd.list('/registry/').items)
    assert.ok(item.revision > revision && item.createRevision > revision);
  assert.ok(etcd.revision >= copied.revision && copied.revision > revision);
  assert.equal(etcd.watch('/registry/', revision, watcher), undefined, 'an old watch lists again');
  const raw = new EtcdClient(machine.etcd);
  const sealed = await raw.get('/registry/secrets/default/s');
  await raw.close();
  assert.ok(!Buffer.from(sealed!.value).includes('aGlkZGVu'));
  await assert.rejects(checkNotMoved(storeDirectory(machine.dataDirectory), files), /was copied to the etcd at unix:/);
  await assert.rejects(copyToEtcd(machine), /has been copied to etcd already/);

  // It goes on there: writes, watches, conditions and removals as ever.
  const seen: number[] = [];
  etcd.watch('/registry/', etcd.revision, {
    onEvents: (events) => seen.push(...events.map((event) => event.revision)),
    onEnd() {},
  });
  await write(etcd, 'configmaps', objectOf('ConfigMap', 'c0', { data: { text: 'changed' } }));
  await write(etcd, 'configmaps', objectOf('ConfigMap', 'new'));
  const gone = etcd.get('/registry/configmaps/default/c1')!;
  const removal = { key: gone.key, object: undefined, durability: 'durable' } as const;
  assert.equal((await etcd.write({ ...removal, expectedRevision: gone.revision - 1 })).ok, false);
  assert.equal((await etcd.write({ ...removal, expectedRevision: gone.revision })).ok, true);
  await etcd.consistent();
  assert.equal(seen.length, 3);
  await etcd.compact(etcd.revision);
  const later = { contents: contentsOf(etcd), revision: etcd.revision };
  await etcd.close();

  const back = await copyFromEtcd(machine);
  assert.ok(back.revision > later.revision);
  assert.ok(existsSync(`${storeDirectory(machine.dataDirectory)}.before-copy/cluster.sqlite`));
  await checkNotMoved(storeDirectory(machine.dataDirectory), files);
  const file = await openFile(machine);
  assert.deepEqual(contentsOf(file), later.contents);
  for (const item of file.list('/registry/').items) assert.ok(item.revision > later.revision);
  assert.equal(file.watch('/registry/', later.revision, watcher), undefined);
  const last = file.revision;
  await file.close();
  await assert.rejects(openEtcd(machine), /the cluster of this etcd was copied to edge:/);

  // And once more: what has moved on is replaced.
  await copyToEtcd(machine);
  const again = await openEtcd(machine);
  assert.deepEqual(contentsOf(again), later.contents);
  assert.ok(again.revision > last);
  await again.close();
});

test('a copy to etcd that is interrupted is no cluster, and is made anew', async () => {
  const machine = newMachine();
  const { contents } = await fill(machine);
  const failing: Files = {
    ...files,
    writeAtomic: (file, content, mode) =>
      file === movedFile(storeDirectory(machine.dataDirectory))
        ? Promise.reject(new Error('the disk is full'))
        : files.writeAtomic(file, content, mode),
  };
  await assert.rejects(copyToEtcd({ ...machine, files: failing }), /the disk is full/);
  await assert.rejects(openEtcd(machine), /is being copied into this etcd, or the copy was interrupted/);
  await checkNotMoved(storeDirectory(machine.dataDirectory), files);
  await copyToEtcd(machine);
  const etcd = await openEtcd(machine);
  assert.deepEqual(contentsOf(etcd), contents);
  await etcd.close();
});

test('nothing is replaced that is a cluster', async () => {
  const [one, two] = [newMachine(), newMachine()];
  await fill(one);
  await fill(two);
  await copyToEtcd(one);
  await assert.rejects(copyToEtcd(two), /there is a cluster in this etcd/);
  await assert.rejects(copyFromEtcd(two), /there is a cluster in .*/);
  const etcd = await openEtcd(one);
  assert.equal(etcd.count('/registry/'), 5);
  await etcd.close();
  const file = await openFile(two);
  assert.equal(file.count('/registry/'), 5);
  await file.close();
  await assert.rejects(copyToEtcd(newMachine()), /there is no cluster in/);
});

test('a cluster that somebody still runs is not copied away', async () => {
  const machine = newMachine();
  await fill(machine);
  await copyToEtcd(machine);
  const etcd = await openEtcd(machine);
  const held = (holderIdentity: string): Lease => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'kube-scheduler', namespace: 'kube-system' },
    spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: new Date(clock.now()).toISOString() },
  });
  const key = '/registry/leases/kube-system/kube-scheduler';
  const hold = async (holder: string): Promise<void> => {
    const expectedRevision = etcd.get(key)?.revision ?? 0;
    assert.ok((await etcd.write({ key, expectedRevision, object: held(holder), durability: 'durable' })).ok);
  };
  await hold('edge-2_1');
  await assert.rejects(copyFromEtcd(machine), /a MicroShift runs on this etcd.*edge-2_1/);
  await hold('');
  // One that does not lead is found by what it writes meanwhile.
  const busy: Files = {
    ...files,
    makeDirectory: async (directory, mode) => {
      await write(etcd, 'configmaps', objectOf('ConfigMap', 'meanwhile'));
      return files.makeDirectory(directory, mode);
    },
  };
  await assert.rejects(copyFromEtcd({ ...machine, files: busy }), /somebody has written to this etcd meanwhile/);
  assert.equal(existsSync(`${storeDirectory(machine.dataDirectory)}.new`), false);
  await etcd.close();
  assert.equal((await copyFromEtcd(machine)).objects, 7);
});
