import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  ControllerRevision,
  PersistentVolumeClaim,
  Pod,
  StatefulSet,
  StatefulSetSpec,
} from '#api/generated/types.ts';
import type { Action } from '../runtime/action.ts';
import { decide, type StatefulSetSnapshot } from './decide.ts';
import { wantedOwners } from './retention.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const set = (spec: Partial<StatefulSetSpec> = {}, status?: StatefulSet['status']): StatefulSet => ({
  metadata: { name: 's', namespace: 'default', uid: 'set', generation: 1 },
  spec: {
    replicas: 3,
    serviceName: 's',
    selector: { matchLabels: { app: 's' } },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    template: { metadata: { labels: { app: 's' } }, spec: { containers: [{ name: 'app', image: 'i' }] } },
    ...spec,
  },
  ...(status === undefined ? {} : { status }),
});
const run = (one: StatefulSet, pods: readonly Pod[] = [], more: Partial<StatefulSetSnapshot> = {}) =>
  decide({ set: one, pods, revisions: [], revisionNamed: () => undefined, claim: () => undefined, ...more }, now);
const revisionOf = (one: StatefulSet): ControllerRevision =>
  run(one)
    .actions.filter((action) => action.verb === 'create')
    .map((action) => action.object)
    .find((object): object is ControllerRevision => object.kind === 'ControllerRevision')!;
const pod = (
  ordinal: number,
  more: { revision?: string; phase?: string; ready?: boolean; ending?: boolean; since?: string } = {},
): Pod => ({
  metadata: {
    name: `s-${ordinal}`,
    namespace: 'default',
    uid: `uid-${ordinal}`,
    labels: {
      app: 's',
      'statefulset.kubernetes.io/pod-name': `s-${ordinal}`,
      'controller-revision-hash': more.revision ?? revisionOf(set()).metadata.name!,
    },
    ...(more.ending === true ? { deletionTimestamp: '2026-01-02T03:00:00Z' } : {}),
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 's', uid: 'set', controller: true }],
  },
  spec: { containers: [] },
  status: {
    phase: more.phase ?? 'Running',
    conditions: [
      {
        type: 'Ready',
        status: more.ready === false ? 'False' : 'True',
        lastTransitionTime: more.since ?? '2026-01-01T00:00:00Z',
      },
    ],
  },
});
const shown = (actions: readonly Action[]) =>
  actions.flatMap((one) => {
    if (one.verb === 'delete' && one.kind.resource === 'pods') return [`delete ${one.key.name}`];
    if (one.verb === 'create' && one.kind.resource !== 'controllerrevisions')
      return [`create ${one.object.metadata.name!}`];
    return [];
  });
const created = (actions: readonly Action[]): Pod =>
  actions.flatMap((one) => (one.verb === 'create' && one.kind.resource === 'pods' ? [one.object as Pod] : []))[0]!;
const parallel = { podManagementPolicy: 'Parallel' };

test('ordered: one after the other; parallel: all at once', () => {
  assert.deepEqual(shown(run(set()).actions), ['create s-0']);
  assert.deepEqual(shown(run(set(), [pod(0, { ready: false })]).actions), []);
  assert.deepEqual(shown(run(set(), [pod(0)]).actions), ['create s-1']);
  assert.deepEqual(shown(run(set(parallel)).actions), ['create s-0', 'create s-1', 'create s-2']);
  const young = run(set({ minReadySeconds: 30 }), [pod(0, { since: '2026-01-02T03:04:00Z' })]);
  assert.deepEqual([shown(young.actions), young.wakeAfterMs], [[], 25_000]);
  assert.deepEqual(shown(run(set({ ordinals: { start: 5 } })).actions), ['create s-5']);
});

test('shrinking goes from the top, and waits for what is not healthy', () => {
  const shrunk = set({ replicas: 1 });
  assert.deepEqual(shown(run(shrunk, [pod(0), pod(1), pod(2)]).actions), ['delete s-2']);
  assert.deepEqual(shown(run(shrunk, [pod(0), pod(1), pod(2, { ending: true })]).actions), []);
  assert.deepEqual(shown(run(shrunk, [pod(0), pod(1, { ready: false }), pod(2)]).actions), ['delete s-2']);
  assert.deepEqual(shown(run(shrunk, [pod(0), pod(1), pod(2, { ready: false })]).actions), ['delete s-2']);
  assert.deepEqual(shown(run(shrunk, [pod(0, { ready: false }), pod(1)]).actions), []);
  assert.deepEqual(shown(run(set({ replicas: 1, ...parallel }), [pod(0), pod(1), pod(2)]).actions), [
    'delete s-2',
    'delete s-1',
  ]);
});

test('what ended is made anew', () => {
  assert.deepEqual(shown(run(set(), [pod(0, { phase: 'Failed' })]).actions), ['delete s-0']);
  assert.deepEqual(shown(run(set(), [pod(0, { phase: 'Succeeded', ending: true })]).actions), []);
});

test('updates go from the top to the partition, one at a time', () => {
  const old = revisionOf(set());
  const changed = (more: Partial<StatefulSetSpec> = {}) =>
    set(
      { template: { metadata: { labels: { app: 's' } }, spec: { containers: [] } }, ...more },
      {
        replicas: 3,
        currentRevision: old.metadata.name!,
      },
    );
  const fresh = revisionOf(changed()).metadata.name!;
  const go = (one: StatefulSet, ...pods: Pod[]) => shown(run(one, pods, { revisions: [old] }).actions);
  assert.deepEqual(go(changed(), pod(0), pod(1), pod(2)), ['delete s-2']);
  assert.deepEqual(go(changed(), pod(0), pod(1), pod(2, { revision: fresh })), ['delete s-1']);
  assert.deepEqual(go(changed(parallel), pod(0), pod(1), pod(2, { revision: fresh, ready: false })), []);
  const partition = changed({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
  assert.deepEqual(go(partition, pod(0), pod(1), pod(2, { revision: fresh })), []);
  const made = created(run(partition, [], { revisions: [old] }).actions);
  assert.equal(made.spec.containers.length, 1, 'below the partition it is made as it was');
  assert.deepEqual(go(changed({ updateStrategy: { type: 'OnDelete' } }), pod(0), pod(1), pod(2)), []);
  const { currentRevision, updatedReplicas } = (
    run(
      changed(),
      [0, 1, 2].map((one) => pod(one, { revision: fresh })),
      { revisions: [old] },
    ).actions.find((one) => one.verb === 'update')!.object as StatefulSet
  ).status!;
  assert.deepEqual([currentRevision, updatedReplicas], [fresh, 3], 'complete');
});

test('claims come before their Pod; one that is going is waited for', () => {
  const template: PersistentVolumeClaim = { metadata: { name: 'data' }, spec: {} };
  const one = set({ volumeClaimTemplates: [template] });
  const { actions } = run(one);
  assert.deepEqual(shown(actions), ['create data-s-0', 'create s-0']);
  const made = created(actions);
  assert.deepEqual(made.spec.volumes, [{ name: 'data', persistentVolumeClaim: { claimName: 'data-s-0' } }]);
  const going = { metadata: { name: 'data-s-0', deletionTimestamp: 'x' }, spec: {} };
  const waits = run(one, [], { claim: () => going });
  assert.deepEqual(shown(waits.actions), []);
  assert.equal(
    waits.events![0]!.message,
    'Create Pod s-0 in StatefulSet s failed error: pvc data-s-0 is being deleted',
  );
});

test('a set that is being deleted makes no revision, also when its own were orphaned already', () => {
  const revision = revisionOf(set());
  const { ownerReferences: _, ...metadata } = revision.metadata;
  const ending = { ...set(), metadata: { ...set().metadata, deletionTimestamp: '2026-01-02T03:00:00Z' } };
  const orphan = { ...revision, metadata };
  for (const revisions of [[], [orphan]]) {
    const { actions } = run(ending, [], { revisions, revisionNamed: () => orphan });
    // A status with a collision would come back as a set that wants a new name, and so on without end.
    assert.deepEqual(
      actions.map((one) => one.verb === 'update' && (one.object as StatefulSet).status?.collisionCount),
      [0],
    );
  }
});

test('who owns a claim follows the retention policy', () => {
  const claim = (...owners: string[]): PersistentVolumeClaim => ({
    metadata: {
      name: 'data-s-1',
      ownerReferences: owners.map((uid) =>
        uid === 'set'
          ? { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 's', uid, controller: true }
          : { apiVersion: 'v1', kind: 'Pod', name: 's-1', uid, controller: true },
      ),
    },
    spec: {},
  });
  const policy = (whenDeleted: string, whenScaled: string, replicas: number) =>
    set({ replicas, persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
  const owners = (one: StatefulSet, held: PersistentVolumeClaim) =>
    wantedOwners(held, one, pod(1), 1)?.ownerReferences.map((reference) => reference.uid);
  assert.equal(owners(set(), claim()), undefined);
  assert.deepEqual(owners(set(), claim('set')), []);
  assert.deepEqual(owners(policy('Delete', 'Retain', 3), claim()), ['set']);
  assert.equal(owners(policy('Delete', 'Retain', 3), claim('set')), undefined);
  assert.deepEqual(owners(policy('Retain', 'Delete', 1), claim()), ['uid-1']);
  assert.deepEqual(owners(policy('Delete', 'Delete', 1), claim('set')), ['uid-1']);
  assert.equal(owners(policy('Delete', 'Delete', 3), claim('another-uid')), undefined, 'not of this Pod: not touched');
});
