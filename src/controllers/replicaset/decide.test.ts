import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, ReplicaSet } from '#api/generated/types.ts';
import type { Action } from '../runtime/action.ts';
import { decide, type ReplicaSetSnapshot } from './decide.ts';
import { deletionOrder } from './deletion-order.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const replicaSet = (
  more: Partial<ReplicaSet['spec']> = {},
  metadata: Partial<ReplicaSet['metadata']> = {},
): ReplicaSet => ({
  metadata: { name: 'web', namespace: 'default', uid: 'rs', generation: 1, ...metadata },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image: 'i' }] } },
    ...more,
  },
});
let serial = 0;
const pod = (
  options: {
    owner?: string;
    ready?: string;
    labels?: Record<string, string>;
    phase?: string;
    node?: string;
    annotations?: Record<string, string>;
  } = {},
): Pod => ({
  metadata: {
    name: `p${++serial}`,
    namespace: 'default',
    uid: `uid-${serial}`,
    labels: options.labels ?? { app: 'web' },
    ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
    ownerReferences:
      options.owner === undefined
        ? []
        : [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: options.owner, controller: true }],
  },
  spec: { containers: [], ...(options.node === undefined ? {} : { nodeName: options.node }) },
  status: {
    phase: options.phase ?? 'Running',
    conditions:
      options.ready === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: options.ready }],
  },
});
const snapshot = (more: Partial<ReplicaSetSnapshot>): ReplicaSetSnapshot => ({
  replicaSet: replicaSet(),
  pods: [],
  relatedPods: [],
  failure: undefined,
  ...more,
});
const shown = (actions: readonly Action[]) =>
  actions.map((one) => (one.verb === 'effect' || one.verb === 'purge' ? one.verb : `${one.verb} ${one.kind.resource}`));
const statusOf = (actions: readonly Action[]) => {
  const action = actions.find((one) => one.verb === 'update');
  return action === undefined ? undefined : (action.object as ReplicaSet).status;
};

test('makes what is missing and counts what is there', () => {
  const { actions } = decide(snapshot({ pods: [pod({ owner: 'rs', ready: '2026-01-02T03:00:00Z' })] }), now);
  assert.deepEqual(shown(actions), ['update replicasets', 'create pods']);
  assert.deepEqual(statusOf(actions), {
    replicas: 1,
    fullyLabeledReplicas: 1,
    readyReplicas: 1,
    availableReplicas: 1,
    terminatingReplicas: 0,
    observedGeneration: 1,
  });
});

test('adopts a matching orphan, releases an owned Pod that matches no longer, leaves other owners alone', () => {
  const orphan = pod();
  const strayed = pod({ owner: 'rs', labels: { app: 'other' } });
  const { actions } = decide(
    snapshot({ pods: [orphan, strayed, pod({ owner: 'another' }), pod({ phase: 'Failed' })] }),
    now,
  );
  assert.deepEqual(shown(actions), ['update replicasets', 'patch pods', 'patch pods', 'create pods']);
  assert.deepEqual(
    actions.flatMap((one) => (one.verb === 'patch' ? [one.key.name] : [])),
    [orphan.metadata.name, strayed.metadata.name],
  );
});

test('one that is being deleted neither makes nor adopts', () => {
  const ending = replicaSet({}, { deletionTimestamp: '2026-01-02T03:04:00Z' });
  assert.deepEqual(shown(decide(snapshot({ replicaSet: ending, pods: [pod()] }), now).actions), ['update replicasets']);
});

test('minReadySeconds: available later, and it wakes for that', () => {
  const young = pod({ owner: 'rs', ready: '2026-01-02T03:04:00Z' });
  const { actions, wakeAfterMs } = decide(
    snapshot({ replicaSet: replicaSet({ replicas: 1, minReadySeconds: 30 }), pods: [young] }),
    now,
  );
  assert.equal(wakeAfterMs, 25_000);
  assert.deepEqual([statusOf(actions)?.readyReplicas, statusOf(actions)?.availableReplicas], [1, undefined]);
});

test('a failed creation is said in a condition, once, and taken back', () => {
  const failed = decide(snapshot({ failure: { message: 'exceeded quota', messages: [] } }), now);
  const [condition] = statusOf(failed.actions)!.conditions!;
  assert.deepEqual(
    [condition!.type, condition!.reason, condition!.message],
    ['ReplicaFailure', 'FailedCreate', 'exceeded quota'],
  );
  const status = { replicas: 0, terminatingReplicas: 0, observedGeneration: 1, conditions: [condition!] };
  const again = decide(
    snapshot({ replicaSet: { ...replicaSet(), status }, failure: { message: 'exceeded quota', messages: [] } }),
    now,
  );
  assert.equal(statusOf(again.actions), undefined);
  assert.equal(
    statusOf(decide(snapshot({ replicaSet: { ...replicaSet(), status } }), now).actions)?.conditions,
    undefined,
  );
});

test('those that are missed least go first', () => {
  const old = '2026-01-01T00:00:00Z';
  const cheap = pod({ node: 'n', ready: old, annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-5' } });
  const crowded = pod({ node: 'crowded', ready: old });
  const other = pod({ node: 'crowded', ready: old });
  const alone = pod({ node: 'alone', ready: old });
  const unready = pod({ node: 'n' });
  const pending = pod({ node: 'n', phase: 'Pending' });
  const unassigned = pod({ phase: 'Pending' });
  const all = [alone, crowded, cheap, unready, pending, unassigned];
  assert.deepEqual(
    deletionOrder(all, [...all, other], now).map((one) => one.metadata.name),
    [unassigned, pending, unready, cheap, crowded, alone].map((one) => one.metadata.name),
  );
});
