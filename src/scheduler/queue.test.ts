import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/generated/types.ts';
import { VirtualClock } from '#base/clock.ts';
import { SchedulingQueue } from './queue.ts';

const pod = (name: string, priority = 0): Pod => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}` },
  spec: { containers: [], priority },
});
const start = () => {
  const clock = new VirtualClock(0);
  return { clock, queue: new SchedulingQueue(clock, () => {}) };
};

test('higher priority first, then the older', () => {
  const { queue } = start();
  for (const one of [pod('a'), pod('b', 10), pod('c', 10)]) queue.set(one, false);
  assert.deepEqual(
    [queue.pop(), queue.pop(), queue.pop()].map((one) => one?.metadata.name),
    ['b', 'c', 'a'],
  );
});

test('an unschedulable Pod waits for an event that concerns what rejected it, and for its back-off', () => {
  const { clock, queue } = start();
  const one = pod('a');
  queue.set(one, false);
  queue.failed(queue.pop()!, new Set(['NodeResourcesFit']));
  queue.wake(new Set(['VolumeBinding']), 'NodeUpdate');
  clock.advance(60_000);
  assert.equal(queue.pop(), undefined, 'nothing that could help happened');
  queue.wake(new Set(['NodeResourcesFit']), 'NodeUpdate');
  assert.equal(queue.pop(), one);
  queue.failed(one, new Set(['NodeResourcesFit']));
  queue.wake(new Set(['NodeResourcesFit']), 'NodeUpdate');
  clock.advance(1_999);
  assert.equal(queue.pop(), undefined, 'second attempt: two seconds');
  clock.advance(1);
  assert.equal(queue.pop(), one);
});

test('an event while the Pod was in work is not lost', () => {
  const { clock, queue } = start();
  queue.set(pod('a'), false);
  const one = queue.pop()!;
  queue.wake(new Set(['NodeName']), 'NodeUpdate');
  queue.failed(one, new Set(['NodeResourcesFit']));
  clock.advance(1_000);
  assert.equal(queue.pop(), one);
});

test('without any event it is tried again after five minutes; idle queues have no timers', () => {
  const { clock, queue } = start();
  assert.equal(clock.nextTimerAt(), undefined);
  queue.set(pod('a'), false);
  queue.failed(queue.pop()!, new Set(['NodeName']));
  clock.advance(300_000);
  const again = queue.pop();
  assert.equal(again?.metadata.name, 'a');
  queue.remove(again!);
  assert.equal(clock.nextTimerAt(), undefined);
  assert.equal(queue.size, 0);
});

test('a Pod of the same name is another Pod', () => {
  const { queue } = start();
  queue.set(pod('a'), false);
  const old = queue.pop()!;
  const next: Pod = { ...pod('a'), metadata: { ...pod('a').metadata, uid: 'other' } };
  queue.set(next, false);
  queue.failed(old, new Set());
  queue.remove(old);
  assert.equal(queue.pop(), next);
});
