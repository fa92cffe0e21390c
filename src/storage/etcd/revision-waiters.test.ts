import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { etcdWritesInFlightMax } from '#base/limits.ts';
import type { Change } from '../state.ts';
import { RevisionWaiters } from './revision-waiters.ts';

test('who waits is told of its change, however many come with it', async () => {
  const waiters = new RevisionWaiters(new VirtualClock(0));
  const first = waiters.wait(1, 1_000, () => new Error('too late'));
  const changes = Array.from({ length: 4 * etcdWritesInFlightMax }, (_, index): Change => ({
    type: 'delete',
    revision: index + 1,
    stored: undefined as never,
    previous: undefined,
  }));
  waiters.reached(changes.length, changes);
  assert.equal((await first)?.revision, 1);
  assert.equal(await waiters.wait(1, 1_000, () => new Error('too late')), undefined, 'old ones are not kept for ever');
});
