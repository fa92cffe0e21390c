// Writes data as a version of MicroShift leaves it, for upgrade.test.ts: node test/upgrade/make-fixture.ts CHECKOUT NAME runs the store
// of that checkout (with its node_modules) and packs what is on the disk into fixtures/NAME.json.gz, with what it held. To be run
// whenever what is on the disk changes; a fixture that is there is never made anew.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Fixture, FixtureState } from './fixture.ts';

/** What every version so far has in common. */
interface OldStore {
  readonly revision: number;
  get(key: string): { readonly revision: number } | undefined;
  list(prefix: string): {
    readonly items: readonly {
      readonly key: string;
      readonly revision: number;
      readonly createRevision: number;
      object(): unknown;
    }[];
  };
  write(request: object): Promise<{ readonly ok: boolean }>;
  copyTo?(target: string): Promise<number>;
  close(): Promise<void>;
}
interface OldSealing {
  /** Of the versions before rotation. */
  readonly sealing?: object;
  keep(): Promise<void>;
}

const [root = '', name = ''] = process.argv.slice(2);
const from = (file: string): Promise<Record<string, unknown>> =>
  import(path.resolve(root, 'src', file)) as Promise<Record<string, unknown>>;
const has = (file: string): boolean => existsSync(path.resolve(root, 'src', file));
const clock = (await from('base/clock.ts'))['systemClock'];
const random = (await from('base/random.ts'))['systemRandom'];
const files = (await from('host/files.ts'))['systemFiles'];
const openStore = (await from('storage/sqlite/store.ts'))['openSqliteStore'] as (options: object) => Promise<OldStore>;
const keyModule = ['storage/sealing/sealing-key.ts', 'storage/sqlite/sealing-key.ts'].find(has);

const work = mkdtempSync(path.join(tmpdir(), 'fixture-'));
const data = path.join(work, 'data');
mkdirSync(path.join(data, 'storage'), { recursive: true, mode: 0o700 });

async function open(): Promise<OldStore> {
  const file = path.join(data, 'storage/cluster.sqlite');
  if (keyModule === undefined) return openStore({ path: file, clock });
  const openSealing = (await from(keyModule))['openSealing'] as (options: object) => Promise<OldSealing>;
  const opened = await openSealing({ file: path.join(data, 'secrets.key'), files, random, clock });
  const store = await openStore({ path: file, clock, sealing: opened.sealing ?? opened });
  await opened.keep();
  return store;
}

let serial = 0;
const put = async (store: OldStore, key: string, more: object, lazy = false, timeToLiveSeconds?: number) => {
  const [, , resource = '', namespace, own] = key.split('/');
  const kinds: Readonly<Record<string, readonly [string, string]>> = {
    configmaps: ['v1', 'ConfigMap'],
    secrets: ['v1', 'Secret'],
    events: ['v1', 'Event'],
    leases: ['coordination.k8s.io/v1', 'Lease'],
  };
  const [apiVersion, kind] = kinds[resource]!;
  const metadata = {
    name: own,
    namespace,
    uid: `00000000-0000-4000-8000-${String(++serial).padStart(12, '0')}`,
    creationTimestamp: '2026-11-22T12:00:00Z',
    generation: 3,
    managedFields: [{ manager: 'kubectl', operation: 'Update', apiVersion, time: '2026-11-22T12:00:00Z' }],
  };
  const request = {
    key,
    expectedRevision: store.get(key)?.revision ?? 0,
    object: { apiVersion, kind, metadata, ...more },
  };
  const durability = lazy ? 'lazy' : 'durable';
  const { ok } = await store.write({
    ...request,
    durability,
    ...(timeToLiveSeconds === undefined ? {} : { timeToLiveSeconds }),
  });
  if (!ok) throw new Error(`${key} was not written`);
};
const century = 3_155_760_000;
const key = (resource: string, own: string): string => `/registry/${resource}/default/${own}`;

async function fill(store: OldStore): Promise<void> {
  for (const value of ['first', 'second', 'ünïcode — 漢字 \u0000 "'])
    await put(store, key('configmaps', 'written-thrice'), { data: { value } });
  await put(store, key('configmaps', 'large'), { data: { value: 'large '.repeat(20_000) } });
  await put(store, key('secrets', 'one'), { data: { password: 'aGlkZGVu' }, type: 'Opaque' });
  await put(store, key('secrets', 'two'), { data: {}, type: 'Opaque' });
  await put(store, key('configmaps', 'removed'), {});
  const removed = store.get(key('configmaps', 'removed'))!.revision;
  await store.write({
    key: key('configmaps', 'removed'),
    expectedRevision: removed,
    object: undefined,
    durability: 'durable',
  });
  await put(store, key('leases', 'node'), { spec: { leaseDurationSeconds: 40 } }, true);
  await put(store, key('events', 'kept'), { reason: 'Kept' }, true, century);
}

const trees: Record<string, string> = {};
function pack(as: string, directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const file = path.join(entry.parentPath, entry.name);
      trees[path.join(as, path.relative(directory, file))] = readFileSync(file).toString('base64');
    }
}
const stateOf = (store: OldStore): FixtureState => ({
  revision: store.revision,
  objects: store.list('/registry/').items.map((item) => ({
    key: item.key,
    revision: item.revision,
    createRevision: item.createRevision,
    object: item.object(),
  })),
});

let store = await open();
await fill(store);
const clean = stateOf(store);
await store.close();
pack('clean', data);
store = await open();
await put(store, key('leases', 'node'), { spec: { leaseDurationSeconds: 41 } }, true);
await put(store, key('secrets', 'one'), { data: { password: 'bmV3' }, type: 'Opaque' });
const crashed = stateOf(store);
// Nothing is under way: what a process leaves that is killed now.
cpSync(data, path.join(work, 'crashed'), { recursive: true });
pack('crashed', path.join(work, 'crashed'));
let backup: FixtureState | undefined;
if (store.copyTo !== undefined && has('assembly/backup/make.ts')) {
  const makeBackup = (await from('assembly/backup/make.ts'))['makeBackup'] as (...args: unknown[]) => Promise<unknown>;
  const target = path.join(work, 'backup');
  await makeBackup(target, { dataDirectory: data, copyStore: (to: string) => store.copyTo!(to) }, { files, clock });
  backup = stateOf(store);
  pack('backup', target);
}
await store.close();
const commit = execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const fixture: Fixture = { commit, clean, crashed, ...(backup === undefined ? {} : { backup }), files: trees };
const target = path.join(import.meta.dirname, 'fixtures', `${name}.json.gz`);
writeFileSync(target, gzipSync(JSON.stringify(fixture), { level: 9 }), { flag: 'wx' });
rmSync(work, { recursive: true });
