import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundText, Counter, exponentialBounds, familyText, Gauge, Histogram, seriesMax } from './families.ts';
import { MetricRegistry } from './registry.ts';

test('counters, histograms and their escaping', () => {
  const count = new Counter('a_total', 'Help.', ['two', 'one']);
  const series = count.with({ two: 'x', one: 'a"b\\c\nd' });
  series.add();
  assert.equal(count.with({ one: 'a"b\\c\nd', two: 'x' }), series, 'bound once');
  series.add(2);
  assert.equal(count.text(), '# HELP a_total Help.\n# TYPE a_total counter\na_total{one="a\\"b\\\\c\\nd",two="x"} 3\n');
  count.without({ one: 'a"b\\c\nd', two: 'x' });
  assert.equal(count.text(), '');
  const histogram = new Histogram('b', 'Help.', [1, 5], ['l']);
  for (const value of [0.5, 1, 3, 9]) histogram.with({ l: 'v' }).observe(value);
  const lines = histogram.text().split('\n').slice(2, -1);
  assert.deepEqual(lines, [
    'b_bucket{l="v",le="1"} 2',
    'b_bucket{l="v",le="5"} 3',
    'b_bucket{l="v",le="+Inf"} 4',
    'b_sum{l="v"} 13.5',
    'b_count{l="v"} 4',
  ]);
  assert.equal(familyText('c', 'gauge', 'Help.', []), '', 'nothing to tell');
});

test('bounds are labels, and written as upstream writes them', () => {
  const texts = [
    [0, '0'],
    [0.005, '0.005'],
    [1e-5, '1e-05'],
    [0.0001, '0.0001'],
    [1e-8, '1e-08'],
    [0.016384, '0.016384'],
    [3.375e-5, '3.375e-05'],
    [60, '60'],
    [131_072, '131072'],
    [1_048_576, '1.048576e+06'],
    [1_000_000, '1e+06'],
    [2_592_000, '2.592e+06'],
    [1_000_000_000, '1e+09'],
  ] as const;
  for (const [bound, text] of texts) assert.equal(boundText(bound), text);
  assert.deepEqual(exponentialBounds(1, 2, 5), [1, 2, 4, 8, 16]);
});

test('series are bounded: who makes many fills no memory', () => {
  const gauge = new Gauge('a', 'Help.', ['l']);
  for (let index = 0; index < seriesMax + 1_000; index++) gauge.with({ l: String(index) }).set(index);
  assert.equal(gauge.text().split('\n').length - 3, seriesMax);
});

test('a registry prints in the order of names; a part that starts anew counts anew', () => {
  const registry = new MetricRegistry();
  registry.counter('b_total', 'Help.').with({}).add();
  registry.gauge('a', 'Help.').with({}).set(2);
  const printed = '# HELP a Help.\n# TYPE a gauge\na 2\n# HELP b_total Help.\n# TYPE b_total counter\nb_total 1\n';
  assert.equal(registry.text(), printed);
  registry.counter('b_total', 'Help.');
  assert.match(registry.text(), /^b_total 0$/m);
});
