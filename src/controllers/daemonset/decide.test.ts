import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControllerRevision, DaemonSet, DaemonSetSpec, Node, Pod } from '#api/generated/types.ts';
import type { Action } from '../runtime/action.ts';
import { decide, type DaemonSetSnapshot } from './decide.ts';
import { FailureBackoff } from './failure-backoff.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const set = (spec: Partial<DaemonSetSpec> = {}): DaemonSet => ({
  metadata: { name: 'd', namespace: 'default', uid: 'set', generation: 2 },
  spec: {
    selector: { matchLabels: { app: 'd' } },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    template: { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'app', image: 'i' }] } },
    ...spec,
  },
});
const node = (name: string, taints: NonNullable<Node['spec']>['taints'] = []): Node => ({
  metadata: { name, labels: {} },
  spec: { taints },
});
const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'set', controller: true };
const run = (one: DaemonSet, nodes: readonly Node[], more: Partial<DaemonSetSnapshot> = {}) =>
  decide(
    {
      daemonSet: one,
      nodes,
      pods: [],
      revisions: [],
      revisionNamed: () => undefined,
      failedBackoffMs: () => 0,
      ...more,
    },
    now,
  );
/** The revision that the set has now. */
const revisionOf = (one: DaemonSet): ControllerRevision => {
  const made = run(one, []).actions.find((action) => action.verb === 'create');
  return made!.object as ControllerRevision;
};
const hashOf = (one: DaemonSet): string => revisionOf(one).metadata.labels!['controller-revision-hash']!;
let serial = 0;
const pod = (nodeName: string, hash: string, more: { phase?: string; ready?: boolean } = {}): Pod => ({
  metadata: {
    name: `p${++serial}`,
    namespace: 'default',
    uid: `uid-${serial}`,
    labels: { app: 'd', 'controller-revision-hash': hash },
    creationTimestamp: `2026-01-01T00:00:${String(serial % 60).padStart(2, '0')}Z`,
    ownerReferences: [owner],
  },
  spec: { containers: [], nodeName },
  status: {
    phase: more.phase ?? 'Running',
    conditions: [
      { type: 'Ready', status: more.ready === false ? 'False' : 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ],
  },
});
const removed = (actions: readonly Action[]) => actions.flatMap((one) => (one.verb === 'delete' ? [one.key.name] : []));
const madeFor = (actions: readonly Action[]) =>
  actions.flatMap((one) => {
    if (one.verb !== 'create' || one.kind.resource !== 'pods') return [];
    const { affinity } = (one.object as Pod).spec;
    return affinity!.nodeAffinity!.requiredDuringSchedulingIgnoredDuringExecution!.nodeSelectorTerms[0]!
      .matchFields![0]!.values!;
  });
const statusOf = (actions: readonly Action[]) =>
  (actions.find((one) => one.verb === 'update')!.object as DaemonSet).status!;

test('a Pod for each node that takes it: taints of troubled nodes are tolerated', () => {
  const nodes = [
    node('plain'),
    node('tainted', [{ key: 'only', effect: 'NoSchedule' }]),
    node('pressed', [{ key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' }]),
    node('cordoned', [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }]),
  ];
  const { actions } = run(set(), nodes);
  assert.deepEqual(madeFor(actions), ['plain', 'pressed', 'cordoned']);
  assert.deepEqual([statusOf(actions).desiredNumberScheduled, statusOf(actions).numberUnavailable], [3, 3]);
});

test('what a node must not have goes; a NoSchedule taint that came later drives nothing away', () => {
  const hash = hashOf(set());
  const [stays, goes, twin] = [pod('soft', hash), pod('hard', hash), pod('soft', hash)];
  const nodes = [node('soft', [{ key: 'a', effect: 'NoSchedule' }]), node('hard', [{ key: 'a', effect: 'NoExecute' }])];
  const { actions } = run(set(), nodes, { pods: [stays, goes, twin], revisions: [revisionOf(set())] });
  assert.deepEqual(removed(actions), [twin.metadata.name, goes.metadata.name]);
  assert.equal(statusOf(actions).numberMisscheduled, 2);
});

test('failed Pods are replaced, with growing delay', () => {
  const failed = pod('a', hashOf(set()), { phase: 'Failed' });
  const at = (ms: number) => run(set(), [node('a')], { pods: [failed], failedBackoffMs: () => ms });
  assert.deepEqual(removed(at(0).actions), [failed.metadata.name]);
  assert.ok(at(0).events!.some((one) => one.reason === 'FailedDaemonPod'));
  assert.deepEqual([removed(at(500).actions), at(500).wakeAfterMs], [[], 500]);
  const backoff = new FailureBackoff();
  const delays = [0, 1000, 3000].map((time) => {
    backoff.note('key', time);
    return backoff.leftMs('key', time);
  });
  assert.deepEqual(delays, [1000, 2000, 4000]);
});

test('rolling: as many as may be unavailable, those that are so already first', () => {
  const [old, next] = [set(), set({ template: { metadata: { labels: { app: 'd' } }, spec: { containers: [] } } })];
  const pods = [pod('a', hashOf(old)), pod('b', hashOf(old), { ready: false }), pod('c', hashOf(old))];
  const nodes = [node('a'), node('b'), node('c')];
  const go = (one: DaemonSet) => removed(run(one, nodes, { pods, revisions: [revisionOf(old)] }).actions);
  assert.deepEqual(go(next), [pods[1]!.metadata.name], 'one is unavailable: no more');
  const strategy = (rollingUpdate: object) => ({ ...next, spec: { ...next.spec, updateStrategy: { rollingUpdate } } });
  assert.deepEqual(go(strategy({ maxUnavailable: '60%' })), [pods[1]!.metadata.name, pods[0]!.metadata.name]);
  const onDelete = { ...next, spec: { ...next.spec, updateStrategy: { type: 'OnDelete' } } };
  assert.deepEqual(go(onDelete), []);
  // With a surge the new one comes before the old one goes.
  const surging = strategy({ maxSurge: 1, maxUnavailable: 0 });
  const { actions } = run(surging, nodes, { pods, revisions: [revisionOf(old)] });
  assert.deepEqual([madeFor(actions), removed(actions)], [['b', 'a'], []]);
  const fresh = pod('a', hashOf(next));
  assert.deepEqual(removed(run(surging, nodes, { pods: [...pods, fresh], revisions: [revisionOf(old)] }).actions), [
    pods[0]!.metadata.name,
  ]);
});

test('revisions: numbered, used again, kept to the limit', () => {
  const one = set();
  const template = { metadata: { labels: { app: 'd' } }, spec: { containers: [] } };
  const other = set({ template, revisionHistoryLimit: 0 });
  const first: ControllerRevision = { ...revisionOf(one), metadata: { ...revisionOf(one).metadata, uid: '1' } };
  const { actions } = run(other, [], { revisions: [first] });
  const made = actions.find((action) => action.verb === 'create')!.object as ControllerRevision;
  assert.equal(made.revision, 2);
  assert.deepEqual(removed(actions), [first.metadata.name], 'nobody is of it');
  const again = run(one, [], { revisions: [first, made] }).actions.find((action) => action.verb === 'update')!.object;
  assert.deepEqual([again.metadata.name, (again as ControllerRevision).revision], [first.metadata.name, 3]);
  const collision = run(one, [], { revisionNamed: () => made });
  assert.equal(statusOf(collision.actions).collisionCount, 1);
});

test('the data of a revision is what clients compare byte for byte: keys in order at every level', () => {
  const template = {
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'i', args: ['b', 'a'] }] },
    metadata: { labels: { b: '2', app: 'd' } },
  };
  assert.equal(
    JSON.stringify(revisionOf(set({ template })).data),
    '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"d","b":"2"}},' +
      '"spec":{"containers":[{"args":["b","a"],"image":"i","name":"c"}],"terminationGracePeriodSeconds":1}}}}',
  );
});
