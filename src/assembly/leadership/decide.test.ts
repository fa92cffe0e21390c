import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '#api/generated/types.ts';
import { claim, observe, type ObservedLease, release } from './decide.ts';

const wallMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const at = (identity: string, monotonicMs: number) => ({ identity, monotonicMs, nowMs: wallMs + monotonicMs });
const leaseOf = (spec: Lease['spec']): Lease => ({ metadata: { name: 'kube-scheduler' }, spec });
const seen = (spec: Lease['spec'], sinceMs: number): ObservedLease => ({ lease: leaseOf(spec), sinceMs });

test('the first takes it, keeps the time at which it did, and counts changes of the holder', () => {
  const first = claim(undefined, at('a', 0))!;
  assert.deepEqual(first, {
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    acquireTime: '2026-01-02T03:04:05.000000Z',
    renewTime: '2026-01-02T03:04:05.000000Z',
    leaseTransitions: 0,
  });
  assert.deepEqual(claim(seen(first, 0), at('a', 2_000)), { ...first, renewTime: '2026-01-02T03:04:07.000000Z' });
  const second = claim(seen(first, 0), at('b', 20_000))!;
  assert.deepEqual([second.holderIdentity, second.leaseTransitions], ['b', 1]);
  assert.equal(second.acquireTime, '2026-01-02T03:04:25.000000Z');
});

test('another waits until the holder has written nothing for the time of the Lease, by its own clock', () => {
  const held = claim(undefined, at('a', 0))!;
  assert.equal(claim(seen(held, 1_000), at('b', 15_999)), undefined);
  assert.equal(claim(seen(held, 1_000), at('b', 16_000))?.holderIdentity, 'b');
  // The time in the Lease is of another clock.
  const ahead = { ...held, renewTime: '2030-01-01T00:00:00.000000Z' };
  assert.equal(claim(seen(ahead, 0), at('b', 15_000))?.holderIdentity, 'b');
  // The holder decides how long.
  assert.equal(claim(seen({ ...held, leaseDurationSeconds: 60 }, 0), at('b', 59_000)), undefined);
  const renewed = { ...held, renewTime: '2026-01-02T03:04:10.000000Z' };
  assert.equal(observe(leaseOf(held), seen(held, 5), 99).sinceMs, 5);
  assert.equal(observe(leaseOf(renewed), seen(held, 5), 99).sinceMs, 99);
});

test('who gives it back lets others in at once; who does not hold it gives nothing back', () => {
  const held = claim(undefined, at('a', 0))!;
  assert.equal(release(seen(held, 0), at('b', 0)), undefined);
  assert.equal(release(undefined, at('a', 0)), undefined);
  const given = release(seen(held, 0), at('a', 1_000))!;
  assert.deepEqual([given.holderIdentity, given.leaseDurationSeconds, given.leaseTransitions], ['', 1, 0]);
  const next = claim(seen(given, 1_000), at('b', 1_000))!;
  assert.deepEqual([next.holderIdentity, next.leaseTransitions], ['b', 1]);
});
