import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, VirtualClock } from '#base/clock.ts';
import { Expiry } from './expiry.ts';
import { StoredValue } from './stored-value.ts';

const value = (key: string, expiresAt: number): StoredValue =>
  new StoredValue(key, 1, 1, { bytes: new Uint8Array(), versionOffset: 0 }, expiresAt, false);

test('many keys of one time cost one wake-up, and none is left when they are gone', () => {
  const clock = new VirtualClock(1_000_000);
  const removed: string[][] = [];
  const expiry = new Expiry(clock, (values) => removed.push(values.map((one) => one.key)));
  const all = Array.from({ length: 50 }, (_, index) => value(`k${index}`, 1_060_000 - index));
  for (const one of all) expiry.replace(undefined, one);
  expiry.replace(all[0], value('k0', 0));
  clock.advance(59_900);
  assert.equal(removed.length, 0);
  clock.advance(10_000);
  assert.deepEqual(
    removed.map((one) => one.length),
    [49],
  );
  assert.equal(clock.nextTimerAt(), undefined);
});

test('a machine that learns the time late removes what is over within the hour', () => {
  const base = new VirtualClock(0);
  let offset = 0;
  const clock: Clock = {
    now: () => base.now() + offset,
    monotonicMs: () => base.monotonicMs(),
    schedule: (delayMs, run) => base.schedule(delayMs, run),
  };
  const removed: string[] = [];
  const expiry = new Expiry(clock, (values) => removed.push(...values.map((one) => one.key)));
  const year2026 = Date.UTC(2026, 0, 1);
  expiry.replace(undefined, value('old', year2026 + 60_000));
  expiry.replace(undefined, value('young', year2026 + 10 * 3_600_000));
  offset = year2026 + 3_600_000;
  base.advance(3_600_000);
  assert.deepEqual(removed, ['old']);
  base.advance(8 * 3_600_000);
  assert.deepEqual(removed, ['old', 'young']);
});

test('what a clock wrote that was years ahead is removed within two days of the right time', () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const removed: string[] = [];
  const expiry = new Expiry(clock, (values) => removed.push(...values.map((one) => one.key)));
  clock.jump(10 * 365 * 86_400_000);
  expiry.replace(undefined, value('ahead', clock.now() + 3_600_000));
  clock.jump(-10 * 365 * 86_400_000);
  for (let hour = 0; hour < 20; hour++) {
    clock.advance(3_600_000);
    // In time, and not with the other.
    expiry.replace(undefined, value(`of ${hour}`, clock.now() + 3_600_000));
  }
  assert.equal(removed.includes('ahead'), false);
  clock.advance(2 * 86_400_000);
  assert.equal(removed.filter((key) => key === 'ahead').length, 1);
  assert.equal(removed.length, 21);
  assert.equal(clock.nextTimerAt(), undefined);
});
