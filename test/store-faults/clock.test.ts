// The clock of the machine jumps by years, forward and back, while the store runs and between its lives: no object is lost, watches
// and history go on, revisions rise, and nothing is done over and over.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { systemFiles as files } from '#host/files.ts';
import { openSqliteStore } from '#storage/sqlite/store.ts';
import { keepSnapshots } from '../../src/assembly/datastore/snapshots.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'clock-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const year = 365 * 86_400_000;

test('a clock that jumps by years', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const file = path.join(directory, 'cluster.sqlite');
  const expected = new Set<string>();
  let revision = 0;
  let copies = 0;
  for (const [life, jumps] of [
    [50, -60],
    [-40, 45],
    [0, 100],
  ].entries()) {
    const store = await openSqliteStore({ path: file, clock });
    assert.ok(store.revision >= revision, 'revisions rise');
    const put = (name: string, timeToLiveSeconds?: number) =>
      store.write({
        key: `/registry/${name}`,
        expectedRevision: 0,
        object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
        durability: timeToLiveSeconds === undefined ? 'durable' : 'lazy',
        timeToLiveSeconds,
      });
    using _snapshots = keepSnapshots(
      directory,
      {
        get revision() {
          return store.revision;
        },
        room: () => store.room(),
        copyTo: (target) => (copies++, store.copyTo(target)),
      },
      { files, clock, logger: silentLogger, reserveBytes: () => 0, exclusively: (work) => work() },
    );
    const began = store.revision;
    const seen: string[] = [];
    const watch = store.watch('/registry/configmaps/', began, {
      onEvents: (events) => seen.push(...events.map(({ stored }) => stored.key)),
      onEnd: (reason) => assert.fail(reason),
    });
    const keys: string[] = [];
    for (const [turn, jump] of [0, ...jumps].entries()) {
      clock.jump(jump * year);
      await put(`events/e${life}-${turn}`, 3_600);
      await put(`configmaps/c${life}-${turn}`);
      keys.push(`/registry/configmaps/c${life}-${turn}`);
      // Lazy writes are brought to the disk, expired ones removed.
      clock.advance(61_000);
      await sleep(5);
    }
    for (const key of keys) expected.add(key);
    assert.deepEqual(seen, keys, 'the watch has seen all, once');
    const again: string[] = [];
    store.watch('/registry/configmaps/', began, {
      onEvents: (events) => again.push(...events.map(({ stored }) => stored.key)),
      onEnd: () => {},
    });
    assert.deepEqual(again, keys, 'a watch resumes from before the jumps');
    const before = copies;
    clock.advance(3_600_000);
    await sleep(100);
    assert.ok(copies - before <= 1, `${copies - before} snapshots in an hour`);
    assert.deepEqual(new Set(store.list('/registry/configmaps/').items.map(({ key }) => key)), expected);
    watch?.[Symbol.dispose]();
    ({ revision } = store);
    await store.close();
  }
  // Events whose time has come by a clock that is right again, and those of one that was ahead.
  const store = await openSqliteStore({ path: file, clock });
  for (let hour = 0; hour < 72; hour++) {
    clock.advance(3_600_000);
    await sleep(1);
  }
  assert.equal(store.count('/registry/events/'), 0);
  assert.deepEqual(new Set(store.list('/registry/configmaps/').items.map(({ key }) => key)), expected);
  assert.equal(readdirSync(directory).filter((name) => name.startsWith('snapshot-')).length, 1);
  await store.close();
});
