import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodDisruptionBudget } from '#api/generated/types.ts';
import { decide, type Scale } from './decide.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const budget = (spec: PodDisruptionBudget['spec'], status?: PodDisruptionBudget['status']): PodDisruptionBudget => ({
  metadata: { name: 'b', namespace: 'default', generation: 3 },
  spec: { selector: { matchLabels: { app: 'a' } }, ...spec },
  ...(status === undefined ? {} : { status }),
});
const pod = (name: string, more: { owned?: boolean; ready?: boolean; ending?: boolean } = {}): Pod => ({
  metadata: {
    name,
    namespace: 'default',
    ...(more.ending === true ? { deletionTimestamp: 'x' } : {}),
    ownerReferences:
      more.owned === false
        ? []
        : [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true }],
  },
  spec: { containers: [] },
  status: { conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }] },
});
const run = (one: PodDisruptionBudget, pods: readonly Pod[], scale: Scale = { uid: 'r', replicas: 4 }) => {
  const decision = decide({ budget: one, pods, scaleOf: () => scale }, now);
  const action = decision.actions[0];
  const status = action?.verb === 'update' ? (action.object as PodDisruptionBudget).status! : undefined;
  return { ...decision, status, events: decision.events!.map((event) => event.reason) };
};
const numbers = (one: ReturnType<typeof run>) => [
  one.status?.expectedPods,
  one.status?.desiredHealthy,
  one.status?.currentHealthy,
  one.status?.disruptionsAllowed,
];
const four = ['1', '2', '3', '4'].map((name) => pod(name));

test('numbers and percentages, of the Pods that are wanted', () => {
  assert.deepEqual(numbers(run(budget({ minAvailable: 3 }), four)), [4, 3, 4, 1]);
  assert.deepEqual(numbers(run(budget({ minAvailable: '60%' }), four)), [4, 3, 4, 1]);
  assert.deepEqual(numbers(run(budget({ maxUnavailable: '30%' }), four)), [4, 2, 4, 2]);
  assert.deepEqual(numbers(run(budget({ maxUnavailable: 1 }), four.slice(1))), [4, 3, 3, 0]);
  assert.deepEqual(numbers(run(budget({ minAvailable: 0 }), [])), [0, 0, 0, 0], 'nothing may go where nothing is');
});

test('Pods that are ending, or were just evicted, are not healthy', () => {
  const recent = { disruptedPods: { '2': '2026-01-02T03:03:05Z' } };
  const one = run(budget({ minAvailable: 1 }, recent), [pod('1', { ending: true }), ...four.slice(1)]);
  assert.deepEqual(numbers(one), [4, 1, 2, 1]);
  assert.deepEqual(one.status?.disruptedPods, recent.disruptedPods);
  assert.equal(one.wakeAfterMs, 60_001);
  const late = run(budget({ minAvailable: 1 }, { disruptedPods: { '2': '2026-01-02T03:00:00Z' } }), four);
  assert.deepEqual([numbers(late)[2], late.events], [4, ['NotDeleted']]);
});

test('what cannot be counted allows nothing', () => {
  const failed = run(
    budget({ maxUnavailable: 1 }, { disruptionsAllowed: 2 }),
    four,
    'found no controllers for pod "1"',
  );
  assert.equal(failed.status?.disruptionsAllowed, 0);
  assert.deepEqual(
    [failed.status?.conditions![0]!.reason, failed.status?.conditions![0]!.message],
    ['SyncFailed', 'found no controllers for pod "1"'],
  );
  assert.deepEqual(failed.events, ['CalculateExpectedPodCountFailed']);
  assert.deepEqual(run(budget({ maxUnavailable: 1 }), [pod('1', { owned: false })]).events, ['UnmanagedPods']);
});

test('nothing is written when nothing changed', () => {
  const first = run(budget({ minAvailable: 3 }), four);
  assert.deepEqual(run(budget({ minAvailable: 3 }, first.status), four).actions, []);
});
