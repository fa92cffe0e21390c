import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import { MetricRegistry } from '#base/metrics/registry.ts';
import type { Decision } from '../runtime/action.ts';
import { decide, quarantineMs, removedAtOnceMax, type PodGarbageSnapshot } from './decide.ts';
import { podGarbageMeasures } from './metrics.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const pod = (name: string, phase = 'Running', more: { node?: string; ends?: boolean; reason?: string } = {}): Pod => ({
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    generation: 3,
    creationTimestamp: formatTime(now),
    ...(more.ends === true ? { deletionTimestamp: formatTime(now) } : {}),
  },
  spec: { containers: [], ...(more.node === undefined ? {} : { nodeName: more.node }) },
  status: { phase, ...(more.reason === undefined ? {} : { reason: more.reason }) },
});
const node = (ready: string, taint?: string): Node => ({
  metadata: { name: 'n' },
  spec: { taints: taint === undefined ? [] : [{ key: taint, effect: 'NoExecute' }] },
  status: { conditions: [{ type: 'Ready', status: ready }] },
});
const outOfService = 'node.kubernetes.io/out-of-service';
const steps = ({ actions }: Decision): string[] =>
  actions.map((one) => {
    if (one.verb === 'delete') return `delete ${one.key.name} after ${one.options.gracePeriodSeconds} s`;
    assert.ok(one.verb === 'patch' && one.patch.type === 'strategic');
    const { status } = one.patch.value as { status: NonNullable<Pod['status']> };
    const conditions = (status.conditions ?? []).map(({ type, reason }) => `${type} ${reason}`);
    return [`${status.phase} of generation ${status.observedGeneration}`, ...conditions].join(', ');
  });
const forced = 'delete p after 0 s';
const failed = 'Failed of generation 3';

test('one Pod: why it goes, and what its status says before', () => {
  const cases: readonly (readonly [what: string, snapshot: PodGarbageSnapshot, expected: readonly string[]])[] = [
    ['runs', { pod: pod('p', 'Running', { node: 'n' }), node: node('True'), missingForMs: 0 }, []],
    [
      'its node is gone',
      { pod: pod('p', 'Running', { node: 'n' }), node: undefined, missingForMs: quarantineMs },
      [`${failed}, DisruptionTarget DeletionByPodGC`, forced],
    ],
    [
      'it had ended before its node was gone',
      { pod: pod('p', 'Succeeded', { node: 'n' }), node: undefined, missingForMs: quarantineMs },
      [forced],
    ],
    ['its node may come back', { pod: pod('p', 'Running', { node: 'n' }), node: undefined, missingForMs: 1 }, []],
    ['waits for a node', { pod: pod('p', 'Pending'), node: undefined, missingForMs: 0 }, []],
    [
      'ends and never had a node',
      { pod: pod('p', 'Pending', { ends: true }), node: undefined, missingForMs: 0 },
      [failed, forced],
    ],
    [
      'ends on a node that is out of service',
      { pod: pod('p', 'Running', { node: 'n', ends: true }), node: node('Unknown', outOfService), missingForMs: 0 },
      [failed, forced],
    ],
    [
      'ends on a node that says it is ready all the same',
      { pod: pod('p', 'Running', { node: 'n', ends: true }), node: node('True', outOfService), missingForMs: 0 },
      [],
    ],
    [
      'does not end there',
      { pod: pod('p', 'Running', { node: 'n' }), node: node('Unknown', outOfService), missingForMs: 0 },
      [],
    ],
    [
      'ends on a node of which nobody said that',
      { pod: pod('p', 'Running', { node: 'n', ends: true }), node: node('Unknown'), missingForMs: 0 },
      [],
    ],
  ];
  for (const [what, snapshot, expected] of cases) assert.deepEqual(steps(decide(snapshot, now)), expected, what);
  const missing = { pod: pod('p', 'Running', { node: 'n' }), node: undefined, missingForMs: 1000 };
  assert.equal(decide(missing, now).wakeAfterMs, quarantineMs - 1000);
});

test('of the ended more than the limit go: evicted ones first, then the oldest, then by name', () => {
  const at = (one: Pod, seconds: number): Pod => ({
    ...one,
    metadata: { ...one.metadata, creationTimestamp: formatTime(now + seconds * 1000) },
  });
  const ended = [
    at(pod('young', 'Succeeded'), 9),
    at(pod('b', 'Failed'), 1),
    at(pod('a', 'Succeeded'), 1),
    at(pod('evicted', 'Failed', { reason: 'Evicted' }), 10),
  ];
  const gone = (limit: number) => steps(decide({ ended, limit }, now)).map((one) => one.split(' ')[1]);
  assert.deepEqual(gone(4), []);
  assert.deepEqual(gone(3), ['evicted']);
  assert.deepEqual(gone(1), ['evicted', 'a', 'b']);
  assert.deepEqual(gone(0), [], 'no limit');
  const many = Array.from({ length: removedAtOnceMax + 3 }, (_, index) => pod(`p${index}`, 'Failed'));
  const first = decide({ ended: many, limit: 1 }, now);
  assert.deepEqual([first.actions.length, first.wakeAfterMs], [removedAtOnceMax, 0]);
});

test('what was deleted by force is counted by namespace and reason', () => {
  const registry = new MetricRegistry();
  const observe = podGarbageMeasures(registry);
  const run = (seen: PodGarbageSnapshot, error?: Error) =>
    observe({ key: '', seen, actions: decide(seen, now).actions, error, seconds: 0, now, lookup: undefined as never });
  run({ ended: [pod('a', 'Failed'), pod('b', 'Failed'), pod('c', 'Failed')], limit: 1 });
  run({ pod: pod('p', 'Pending', { ends: true }), node: undefined, missingForMs: 0 }, new Error('no'));
  run({ pod: pod('p', 'Pending'), node: undefined, missingForMs: 0 });
  const lines = registry
    .text()
    .split('\n')
    .filter((line) => line.startsWith('pod_gc'));
  assert.deepEqual(lines, [
    'pod_gc_collector_force_delete_pod_errors_total{namespace="default",reason="unscheduled"} 1',
    'pod_gc_collector_force_delete_pods_total{namespace="default",reason="terminated"} 2',
    'pod_gc_collector_force_delete_pods_total{namespace="default",reason="unscheduled"} 1',
  ]);
});
