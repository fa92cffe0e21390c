import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredObject } from '../store.ts';
import { Room } from './room.ts';

const megabyte = 1024 * 1024;
const limits = { quotaBytes: 100 * megabyte, diskReserveBytes: 40 * megabyte };
const stored = (length: number) => ({ bytes: new Uint8Array(length) }) as unknown as StoredObject;
const plain = { isLazy: false, isRemoved: false };
const usage = (used: number, free: number) => ({ usedBytes: used * megabyte, diskFreeBytes: free * megabyte });

test('past the quota nothing grows until five percent are free again', () => {
  const room = new Room(() => limits);
  assert.equal(room.update(usage(99, 1_000)), false);
  assert.equal(room.refuses(undefined, new Uint8Array(10), plain), false);
  assert.equal(room.update(usage(100, 1_000)), true);
  assert.match(room.problems()[0]!, /takes 100 MB of the 100 MB of datastore.quotaMB/);
  assert.equal(room.refuses(undefined, new Uint8Array(10), plain), true);
  assert.equal(room.update(usage(96, 1_000)), false);
  assert.ok(room.isShort);
  assert.equal(room.update(usage(94, 1_000)), true);
  assert.deepEqual([room.isShort, room.problems()], [false, []]);
});

test('a disk that is nearly full does the same, until a quarter more than the reserve is free', () => {
  const room = new Room(() => limits);
  assert.equal(room.update(usage(1, 39)), true);
  assert.match(room.problems()[0]!, /has 39 MB left, less than the 40 MB of datastore.diskReserveMB/);
  assert.equal(room.update(usage(1, 45)), false);
  assert.equal(room.update(usage(1, 51)), true);
  assert.equal(room.isShort, false);
});

test('what removes, shrinks, beats or marks for removal goes on without room', () => {
  const room = new Room(() => limits);
  room.update(usage(200, 1));
  assert.equal(room.problems().length, 2);
  const refused = (length: number | undefined, more: Partial<typeof plain> = {}) =>
    room.refuses(stored(1_000), length === undefined ? undefined : new Uint8Array(length), { ...plain, ...more });
  assert.deepEqual(
    [
      refused(undefined),
      refused(1_000),
      refused(500),
      refused(1_001),
      refused(1_010, { isLazy: true }),
      refused(2_000, { isLazy: true }),
      refused(2_000, { isRemoved: true }),
      refused(9_000, { isRemoved: true }),
    ],
    [false, false, false, true, false, true, false, true],
  );
});

test('limits that are changed hold from the next look on', () => {
  let quotaBytes = 10;
  const room = new Room(() => ({ quotaBytes, diskReserveBytes: 0 }));
  room.update({ usedBytes: 20, diskFreeBytes: 1 });
  assert.ok(room.isShort);
  quotaBytes = 1_000;
  room.update({ usedBytes: 20, diskFreeBytes: 1 });
  assert.equal(room.isShort, false);
});
