// Numbers of replicas: cases with the outcomes of upstream's calculator.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/generated/types.ts';
import { newHistory, normalize, normalizeWithBehavior, noteChange, type Behavior } from './normalize.ts';
import {
  type PodMetricInput,
  replicasForShare,
  replicasForUsage,
  replicasForUtilization,
  replicasForValue,
} from './replicas.ts';
import type { PodSamples } from './samples.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');
const started = '2026-01-01T00:00:00Z';
const tolerances = { scaleDown: 0.1, scaleUp: 0.1 };

function pod(name: string, change: { phase?: string; ready?: string; start?: string; deleted?: boolean } = {}): Pod {
  return {
    metadata: { name, ...(change.deleted === true ? { deletionTimestamp: started } : {}) },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] },
    status: {
      phase: change.phase ?? 'Running',
      startTime: change.start ?? started,
      conditions: [{ type: 'Ready', status: change.ready ?? 'True', lastTransitionTime: change.start ?? started }],
    },
  };
}
const samples = (values: Readonly<Record<string, number>>): PodSamples =>
  new Map(Object.entries(values).map(([name, value]) => [name, { value, atMs: nowMs, windowMs: 60_000 }]));
const input = (pods: readonly Pod[], values: Readonly<Record<string, number>>): PodMetricInput => ({
  pods,
  samples: samples(values),
  currentReplicas: pods.length,
  resource: 'cpu',
  tolerances,
  nowMs,
});
const three = ['a', 'b', 'c'].map((name) => pod(name));

test('utilization: up, down, and within the tolerance', () => {
  const at = (a: number, b: number, c: number, target: number) =>
    replicasForUtilization(input(three, { a, b, c }), target, '');
  assert.deepEqual(at(300, 500, 700, 30), { replicas: 5, usage: 500, utilization: 50 });
  assert.deepEqual(at(100, 200, 300, 50), { replicas: 2, usage: 200, utilization: 20 });
  assert.deepEqual(at(300, 500, 700, 50).replicas, 3);
  assert.deepEqual(at(540, 540, 540, 50).replicas, 3);
  assert.deepEqual(at(560, 560, 560, 50).replicas, 4);
});

test('Pods without samples hold a change back and never turn it round', () => {
  // Growing: they count as idle. Shrinking: as using all that they requested.
  assert.equal(replicasForUtilization(input(three, { a: 900, b: 900 }), 50, '').replicas, 4);
  assert.equal(replicasForUtilization(input(three, { a: 600, b: 600 }), 50, '').replicas, 3);
  assert.equal(replicasForUtilization(input(three, { a: 100, b: 100 }), 50, '').replicas, 3);
  assert.equal(replicasForUsage({ ...input(three, { a: 10, b: 10 }), resource: '' }, 50).replicas, 2);
});

test('Pods that have just started or are not ready count as idle when others would come, and not at all otherwise', () => {
  const young = pod('c', { start: '2026-01-01T00:59:30Z', ready: 'False' });
  const pods = [three[0]!, three[1]!, young];
  assert.equal(replicasForUtilization(input(pods, { a: 900, b: 900, c: 900 }), 50, '').replicas, 4);
  assert.equal(replicasForUtilization(input(pods, { a: 100, b: 100, c: 900 }), 50, '').replicas, 1);
  const pending = [
    three[0]!,
    pod('b', { phase: 'Pending' }),
    pod('c', { deleted: true }),
    pod('d', { phase: 'Failed' }),
  ];
  assert.equal(replicasForUtilization(input(pending, { a: 1000, c: 1000, d: 1000 }), 50, '').replicas, 4);
});

test('what cannot be computed says why', () => {
  const fails = (pods: readonly Pod[], values: Readonly<Record<string, number>>, container: string, words: RegExp) =>
    assert.throws(() => replicasForUtilization(input(pods, values), 50, container), words);
  fails([], { a: 1 }, '', /^MetricError: no pods returned by selector|no pods returned by selector/);
  fails(three, {}, '', /did not receive metrics for targeted pods \(pods might be unready\)/);
  fails(three, { a: 1, b: 1, c: 1 }, 'x', /container x not found in Pod a/);
  const bare = { ...pod('a'), spec: { containers: [{ name: 'c' }] } };
  fails([bare], { a: 1 }, '', /missing request for cpu in container c of Pod a/);
});

test('one value for all, or one that is shared out', () => {
  const given = { pods: three, currentReplicas: 3, tolerances };
  assert.deepEqual(replicasForValue(given, 20_000, 10_000), { replicas: 6, usage: 20_000 });
  assert.deepEqual(replicasForValue(given, 10_500, 10_000).replicas, 3);
  assert.deepEqual(replicasForValue({ ...given, pods: [], currentReplicas: 0 }, 25_000, 10_000).replicas, 3);
  assert.deepEqual(replicasForShare(3, tolerances, 8_600, 2_000), { replicas: 5, usage: 2_867 });
  assert.deepEqual(replicasForShare(4, tolerances, 8_600, 2_150), { replicas: 4, usage: 2_150 });
});

const limits = (currentReplicas: number, desiredReplicas: number) => ({
  currentReplicas,
  desiredReplicas,
  minReplicas: 1,
  maxReplicas: 100,
});

test('without a behaviour: at most twice as many, or four; fewer only after five minutes', () => {
  const history = newHistory(3, nowMs);
  const up = normalize(history, limits(3, 20), nowMs);
  assert.deepEqual([up.replicas, up.limited.reason, up.able.reason], [6, 'ScaleUpLimit', 'ReadyForNewScale']);
  const soon = normalize(history, limits(6, 2), nowMs + 60_000);
  assert.deepEqual([soon.replicas, soon.able.reason], [12, 'ScaleDownStabilized']);
  const later = normalize(history, limits(6, 2), nowMs + 301_000);
  assert.deepEqual([later.replicas, later.able.reason, later.limited.isLimited], [2, 'ReadyForNewScale', false]);
  assert.equal(
    normalize(newHistory(1, nowMs), { ...limits(1, 9), maxReplicas: 3 }, nowMs).limited.reason,
    'TooManyReplicas',
  );
  assert.equal(normalize(newHistory(0, nowMs), { ...limits(5, 0), minReplicas: 2 }, nowMs + 400_000).replicas, 2);
});

const behavior: Behavior = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 60 },
      { type: 'Percent', value: 100, periodSeconds: 60 },
    ],
  },
  scaleDown: {
    stabilizationWindowSeconds: 60,
    selectPolicy: 'Min',
    policies: [
      { type: 'Pods', value: 1, periodSeconds: 60 },
      { type: 'Percent', value: 50, periodSeconds: 60 },
    ],
  },
};

test('with a behaviour: policies give the pace, changes of the period count', () => {
  const history = newHistory(10, nowMs);
  const first = normalizeWithBehavior(history, limits(10, 50), behavior, nowMs + 1_000);
  assert.deepEqual([first.replicas, first.limited.reason], [20, 'ScaleUpLimit']);
  noteChange(history, behavior, 10, 20, nowMs + 1_000);
  assert.equal(normalizeWithBehavior(history, limits(20, 50), behavior, nowMs + 30_000).replicas, 20);
  assert.equal(normalizeWithBehavior(history, limits(20, 50), behavior, nowMs + 62_000).replicas, 40);
  const disabled: Behavior = { ...behavior, scaleUp: { ...behavior.scaleUp, selectPolicy: 'Disabled' } };
  assert.equal(normalizeWithBehavior(newHistory(10, nowMs), limits(10, 50), disabled, nowMs).replicas, 10);
});

test('with a behaviour: fewer at the slower of two paces, after its own window', () => {
  const history = newHistory(10, nowMs);
  const soon = normalizeWithBehavior(history, limits(10, 2), behavior, nowMs + 30_000);
  assert.deepEqual([soon.replicas, soon.able.reason], [10, 'ScaleDownStabilized']);
  const later = normalizeWithBehavior(history, limits(10, 2), behavior, nowMs + 61_000);
  assert.deepEqual([later.replicas, later.limited.reason], [9, 'ScaleDownLimit']);
});

test('what is remembered does not grow', () => {
  const history = newHistory(3, nowMs);
  for (let look = 0; look < 1_000; look++) normalize(history, limits(3, 3), nowMs + look * 15_000);
  assert.ok(history.recommendations.length < 25, String(history.recommendations.length));
});
