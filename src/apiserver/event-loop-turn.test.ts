// Which answers go out together.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { togetherInTurnMax } from '#base/limits.ts';
import { eventLoopTurns } from './event-loop-turn.ts';

/** `count` answers that are ready one after the other, and what has happened in which order. */
function ready(turn: () => Promise<void>, seen: string[], count: number): void {
  for (let index = 0; index < count; index++)
    void turn().then(() => {
      seen.push(`answer ${index}`);
    });
}

test('answers of one turn of the event loop wait until all that was there is read, and go out in order', async () => {
  const asked: (() => void)[] = [];
  const seen: string[] = [];
  const turn = eventLoopTurns((go) => asked.push(go));
  ready(turn, seen, 3);
  await Promise.resolve();
  assert.equal(seen.length, 0);
  assert.equal(asked.length, 1);
  asked[0]!();
  queueMicrotask(() => seen.push('later'));
  await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.deepEqual(seen, ['answer 0', 'answer 1', 'answer 2', 'later']);
});

test('what is ready after them waits for a turn of its own', async () => {
  const asked: (() => void)[] = [];
  const seen: string[] = [];
  const turn = eventLoopTurns((go) => asked.push(go));
  ready(turn, seen, 1);
  asked[0]!();
  ready(turn, seen, 2);
  await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.deepEqual(seen, ['answer 0']);
  assert.equal(asked.length, 2);
  asked[1]!();
  await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.deepEqual(seen, ['answer 0', 'answer 0', 'answer 1']);
});

test('a full turn does not wait for more', async () => {
  const asked: (() => void)[] = [];
  const seen: string[] = [];
  const turn = eventLoopTurns((go) => asked.push(go));
  ready(turn, seen, togetherInTurnMax + 1);
  await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.equal(seen.length, togetherInTurnMax);
  // The first turn's own call comes while the second waits: it may go then, never twice, and nothing is left behind.
  for (const go of asked) go();
  await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.equal(seen.length, togetherInTurnMax + 1);
});
