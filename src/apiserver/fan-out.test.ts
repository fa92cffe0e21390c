// Who may write in a turn of the event loop, and who waits for the next.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fanOutWritesMax } from '#base/limits.ts';
import { FanOut } from './fan-out.ts';

test('as many as fit write at once, the others in the turns behind it, in their order; then all is as before', () => {
  const planned: (() => void)[] = [];
  const fanOut = new FanOut((run) => planned.push(run));
  const written: number[][] = [[]];
  const writers = fanOutWritesMax * 2 + 3;
  for (let writer = 0; writer < writers; writer++)
    if (fanOut.mayWrite()) written.at(-1)!.push(writer);
    else fanOut.later(() => void written.at(-1)!.push(writer));
  for (let turn = 0; planned.length > 0; turn++) {
    assert.ok(turn < 10);
    written.push([]);
    planned.shift()!();
    assert.ok(planned.length <= 1);
  }
  assert.deepEqual(
    written.map((turn) => turn.length),
    [fanOutWritesMax, fanOutWritesMax, 3, 0],
  );
  assert.deepEqual(
    written.flat(),
    Array.from({ length: writers }, (_, index) => index),
  );
  assert.equal(fanOut.mayWrite(), true);
});

test('nobody overtakes who waits', () => {
  const planned: (() => void)[] = [];
  const fanOut = new FanOut((run) => planned.push(run));
  for (let count = 0; count < fanOutWritesMax; count++) assert.equal(fanOut.mayWrite(), true);
  const seen: string[] = [];
  fanOut.later(() => seen.push('first'));
  assert.equal(fanOut.mayWrite(), false);
  fanOut.later(() => seen.push('second'));
  planned.shift()!();
  assert.deepEqual(seen, ['first', 'second']);
});
