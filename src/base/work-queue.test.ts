import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from './clock.ts';
import { WorkQueue } from './work-queue.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a key added many times is worked once', async () => {
  const worked: string[] = [];
  const queue = new WorkQueue({
    clock: new VirtualClock(0),
    concurrency: 2,
    work: async (key) => void worked.push(key),
  });
  for (const key of ['a', 'a', 'b', 'a']) queue.add(key);
  await queue.whenIdle();
  assert.deepEqual(worked, ['a', 'b']);
});

test('a key added while in work is worked again, never twice at a time', async () => {
  let active = 0;
  let most = 0;
  let runs = 0;
  const queue = new WorkQueue({
    clock: new VirtualClock(0),
    concurrency: 4,
    work: async (key) => {
      most = Math.max(most, ++active);
      if (++runs === 1) queue.add(key);
      await turn();
      active--;
    },
  });
  queue.add('a');
  while (queue.length > 0 || runs < 2) await turn();
  assert.deepEqual([runs, most], [2, 1]);
});

test('concurrency is bounded', async () => {
  let active = 0;
  let most = 0;
  const queue = new WorkQueue({
    clock: new VirtualClock(0),
    concurrency: 3,
    work: async () => {
      most = Math.max(most, ++active);
      await turn();
      active--;
    },
  });
  for (let index = 0; index < 20; index++) queue.add(`key-${index}`);
  await queue.whenIdle();
  assert.equal(most, 3);
});

test('a failing key comes back after 5, 10, 20 ms and is forgiven once it succeeds', async () => {
  const clock = new VirtualClock(0);
  const delays: number[] = [];
  let left = 3;
  const queue = new WorkQueue({
    clock,
    concurrency: 1,
    work: async () => {
      if (left-- > 0) throw new Error('not yet');
    },
    onError: (_key, _error, retryInMs) => delays.push(retryInMs),
  });
  queue.add('a');
  for (let step = 0; step < 10; step++) {
    await queue.whenIdle();
    await turn();
    clock.advance(20);
    await turn();
  }
  assert.deepEqual(delays, [5, 10, 20]);
  left = 1;
  queue.add('a');
  await queue.whenIdle();
  assert.equal(delays.at(-1), 5);
});

test('work that asks to come back does so at its time, and an earlier wish wins', async () => {
  const clock = new VirtualClock(0);
  const times: number[] = [];
  const queue = new WorkQueue({
    clock,
    concurrency: 1,
    work: async () => (times.push(clock.now()), times.length < 3 ? 1000 : undefined),
  });
  queue.addAfter('a', 500);
  queue.addAfter('a', 100);
  for (let step = 0; step < 30; step++) {
    clock.advance(100);
    await turn();
    await turn();
  }
  assert.deepEqual(times, [100, 1100, 2100]);
});

test('close waits for what is in work and takes no more', async () => {
  let finished = false;
  const queue = new WorkQueue({
    clock: new VirtualClock(0),
    concurrency: 1,
    work: async () => {
      await turn();
      finished = true;
    },
  });
  queue.add('a');
  await turn();
  await queue.close();
  assert.equal(finished, true);
  queue.add('b');
  assert.equal(queue.length, 0);
});
