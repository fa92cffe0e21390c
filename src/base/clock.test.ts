import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock, sleep } from './clock.ts';
import { fraction, nameSuffix, seededRandom, systemRandom, uuid } from './random.ts';

test('a virtual clock runs timers in order of time, then of creation, also those set on the way', () => {
  const clock = new VirtualClock(1_000);
  const ran: string[] = [];
  clock.schedule(20, () => ran.push(`late at ${clock.now()}`));
  clock.schedule(10, () => {
    ran.push(`early at ${clock.now()}`);
    clock.schedule(5, () => ran.push(`nested at ${clock.now()}`));
  });
  clock.schedule(10, () => ran.push('second of two'));
  clock.schedule(10, () => assert.fail('cancelled')).cancel();
  clock.advance(30);
  assert.deepEqual(ran, ['early at 1010', 'second of two', 'nested at 1015', 'late at 1020']);
  assert.deepEqual([clock.now(), clock.monotonicMs(), clock.nextTimerAt()], [1_030, 30, undefined]);
});

test('sleep ends at its time, or with the reason of its signal', async () => {
  const clock = new VirtualClock(0);
  const slept = sleep(clock, 100);
  clock.advance(100);
  await slept;
  const controller = new AbortController();
  const aborted = sleep(clock, 100, controller.signal);
  controller.abort(new Error('enough'));
  await assert.rejects(aborted, /enough/);
  assert.equal(clock.nextTimerAt(), undefined, 'no timer is left behind');
});

test('a seed gives the same bytes again; uuids and suffixes have their form', () => {
  assert.deepEqual(seededRandom(7).bytes(8), seededRandom(7).bytes(8));
  assert.notDeepEqual(seededRandom(7).bytes(8), seededRandom(8).bytes(8));
  assert.match(uuid(systemRandom), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.match(nameSuffix(systemRandom), /^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  const value = fraction(seededRandom(1));
  assert.ok(value >= 0 && value < 1);
});
