// Turns of this very process' event loop, and the histogram made of Node's.
import assert from 'node:assert/strict';
import { createHistogram } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { delayLines, eventLoopDelayFamily, measureEventLoopDelay } from './event-loop-delay.ts';

const linesOf = (values: readonly number[]): Readonly<Record<string, number>> => {
  const histogram = createHistogram();
  for (const value of values) histogram.record(value * 1_000_000);
  return Object.fromEntries(delayLines(histogram).map(([suffix, labels, value]) => [labels['le'] ?? suffix, value]));
};

test('each bucket counts the turns up to its bound', () => {
  // In milliseconds; none on a bound, for Node keeps three digits.
  const values = [0.9, 0.9, 0.9, 3, 3, 4, 8, 15, 15, 25, 90, 700];
  const lines = linesOf(values);
  for (const [le, count] of Object.entries(lines))
    if (Number(le) >= 0) assert.equal(count, values.filter((one) => one <= Number(le) * 1000).length, `up to ${le} s`);
  assert.equal(lines['+Inf'], values.length);
  assert.equal(lines['_count'], values.length);
  assert.ok(Math.abs(lines['_sum']! - values.reduce((sum, one) => sum + one, 0) / 1000) < 0.001, String(lines['_sum']));
});

test('of many values each bucket is exact: counters never fall', () => {
  const values: number[] = [];
  let before: Readonly<Record<string, number>> = {};
  for (let round = 0; round < 20; round++) {
    for (let index = 0; index < 377; index++) values.push(((index * 7919 + round * 31) % 40) + 0.25);
    const lines = linesOf(values);
    for (const [le, count] of Object.entries(lines)) assert.ok(count >= (before[le] ?? 0), `${le} falls`);
    assert.equal(lines['0.02'], values.filter((one) => one <= 20).length);
    before = lines;
  }
});

test('nothing was measured: zeros, no NaN', () => {
  assert.deepEqual([...new Set(Object.values(linesOf([])))], [0]);
});

test('a turn that takes long is told, a wait is not, and nothing is told before it is measured', async () => {
  assert.equal(eventLoopDelayFamily.text(), '');
  measureEventLoopDelay();
  await sleep(300);
  const until = performance.now() + 60;
  while (performance.now() < until);
  await sleep(50);
  const text = eventLoopDelayFamily.text();
  const countOf = (name: string): number => {
    const found = new RegExp(String.raw`^nodejs_eventloop_delay_seconds_${name} (\S+)$`, 'm').exec(text);
    assert.ok(found, `${name} in ${text}`);
    return Number(found[1]);
  };
  const [all, short] = [countOf('count'), countOf(String.raw`bucket\{le="0.05"\}`)];
  assert.ok(all > short, text);
  // A machine that is busy may stop us for a while; 300 ms of waiting must not be among it.
  assert.ok(countOf('sum') < 0.3, text);
});
