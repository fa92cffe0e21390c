import assert from 'node:assert/strict';
import { test } from 'node:test';
import { p99OfTurns, parseTurns } from './turn-times.ts';

const metrics = (counts: readonly number[]): string =>
  ['0.001', '0.01', '0.02', '+Inf']
    .map((bound, index) => `nodejs_eventloop_delay_seconds_bucket{le="${bound}"} ${counts[index]}\n`)
    .join('');

test('the 99th percentile of the turns between two looks', () => {
  const before = parseTurns(`# TYPE\n${metrics([1000, 1000, 1000, 1000])}other 1\n`);
  assert.deepEqual(before[3], [Infinity, 1000]);
  const p99 = (counts: readonly number[]) => p99OfTurns(before, parseTurns(metrics(counts)));
  assert.equal(p99([1000, 1000, 1000, 1000]), undefined, 'none');
  assert.equal(p99([1100, 1100, 1100, 1100])!.toFixed(2), '0.99', 'within the first bucket');
  // 98 of a hundred up to 1 ms, one more up to 10 ms.
  assert.equal(p99([1098, 1099, 1100, 1100])!.toFixed(3), '10.000');
  assert.equal(p99([1000, 1000, 1000, 1100]), 20, 'above all bounds');
  assert.equal(p99OfTurns([], parseTurns(metrics([0, 50, 100, 100])))!.toFixed(1), '19.8');
  assert.equal(p99OfTurns(parseTurns('nothing'), parseTurns('nothing')), undefined);
});
