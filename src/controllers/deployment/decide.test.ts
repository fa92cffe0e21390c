import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment, ReplicaSet } from '#api/generated/types.ts';
import type { Action } from '../runtime/action.ts';
import { decide, type DeploymentSnapshot } from './decide.ts';
import { templateHash } from './template-hash.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const template = (image: string) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image }] },
});
const deployment = (spec: Partial<Deployment['spec']> = {}, more: Partial<Deployment> = {}): Deployment => ({
  metadata: { name: 'web', namespace: 'default', uid: 'd', generation: 1 },
  spec: {
    replicas: 10,
    selector: { matchLabels: { app: 'web' } },
    template: template('new'),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    ...spec,
  },
  ...more,
});
const owned = (
  image: string,
  replicas: number,
  available = replicas,
  annotations: Record<string, string> = {},
): ReplicaSet => ({
  metadata: {
    name: `web-${image}`,
    namespace: 'default',
    uid: image,
    labels: { app: 'web', 'pod-template-hash': image },
    annotations: {
      'deployment.kubernetes.io/revision': image === 'new' ? '2' : '1',
      'deployment.kubernetes.io/desired-replicas': '10',
      'deployment.kubernetes.io/max-replicas': '13',
      ...annotations,
    },
    creationTimestamp: image === 'new' ? '2026-01-02T00:00:00Z' : '2026-01-01T00:00:00Z',
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd', controller: true }],
  },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web', 'pod-template-hash': image } },
    template: { ...template(image), metadata: { labels: { app: 'web', 'pod-template-hash': image } } },
  },
  status: {
    replicas,
    availableReplicas: available,
    readyReplicas: available,
    observedGeneration: 1,
    terminatingReplicas: 0,
  },
});
const snapshot = (
  one: Deployment,
  replicaSets: readonly ReplicaSet[] = [],
  more: Partial<DeploymentSnapshot> = {},
): DeploymentSnapshot => ({
  deployment: one,
  replicaSets,
  podsOf: () => [],
  replicaSetNamed: (name) => replicaSets.find((other) => other.metadata.name === name),
  failure: undefined,
  ...more,
});
/** `web-old 10 -> 8`. */
const sizes = (actions: readonly Action[]): string[] =>
  actions.flatMap((one) => {
    if ((one.verb !== 'update' && one.verb !== 'create') || one.kind.resource !== 'replicasets') return [];
    const replicaSet = one.object as ReplicaSet;
    return [`${one.verb === 'create' ? 'new' : replicaSet.metadata.name!} ${replicaSet.spec.replicas}`];
  });
const statusOf = (actions: readonly Action[]) => {
  const action = actions.find((one) => one.verb === 'update' && one.kind.resource === 'deployments');
  return action?.verb === 'update' ? (action.object as Deployment) : undefined;
};
const progressing = (actions: readonly Action[]) =>
  statusOf(actions)?.status?.conditions?.find((one) => one.type === 'Progressing');

test('the first ReplicaSet has all replicas, a hash in name, label and selector, and revision 1', () => {
  const one = deployment();
  const { actions } = decide(snapshot(one), now);
  const made = actions.find((action) => action.verb === 'create')!.object as ReplicaSet;
  const hash = templateHash(one.spec.template, undefined);
  assert.equal(made.metadata.name, `web-${hash}`);
  assert.equal(made.spec.selector.matchLabels!['pod-template-hash'], hash);
  assert.equal(made.spec.template!.metadata.labels!['pod-template-hash'], hash);
  assert.equal(made.spec.replicas, 10);
  assert.deepEqual(made.metadata.annotations, {
    'deployment.kubernetes.io/revision': '1',
    'deployment.kubernetes.io/desired-replicas': '10',
    'deployment.kubernetes.io/max-replicas': '13',
  });
  assert.equal(progressing(actions)?.reason, 'NewReplicaSetCreated');
  assert.equal(statusOf(actions)?.metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
});

test('the hash does not depend on the order of keys', () => {
  const reordered = { spec: { containers: [{ image: 'new', name: 'app' }] }, metadata: { labels: { app: 'web' } } };
  assert.equal(templateHash(reordered, undefined), templateHash(template('new'), undefined));
  assert.notEqual(templateHash(template('new'), 1), templateHash(template('new'), undefined));
});

test('rolling update: surge first, then as many down as availability allows', () => {
  const cases: readonly (readonly [what: string, sets: readonly ReplicaSet[], expected: readonly string[]])[] = [
    ['starts within the surge, and takes down what may be missing', [owned('old', 10)], ['new 3', 'web-old 8']],
    ['new ones that are not available take nothing more down', [owned('new', 5, 0), owned('old', 8)], []],
    ['each new one that is available lets an old one go', [owned('new', 5, 2), owned('old', 8)], ['web-old 6']],
    ['unhealthy old ones go first', [owned('new', 3, 3), owned('old', 8, 5)], ['web-new 5']],
    ['at the end nothing is left of the old', [owned('new', 10), owned('old', 1)], ['web-old 0']],
  ];
  for (const [what, sets, expected] of cases) {
    const { actions } = decide(snapshot(deployment(), sets), now);
    assert.deepEqual(sizes(actions), expected, what);
  }
});

test('scaling in the middle of a rollout is shared in proportion', () => {
  const { actions } = decide(snapshot(deployment({ replicas: 20 }), [owned('new', 5, 0), owned('old', 8)]), now);
  assert.deepEqual(sizes(actions), ['web-new 9', 'web-old 14']);
});

test('paused: no rollout, but scaling, and the condition says so', () => {
  const { actions } = decide(snapshot(deployment({ paused: true, replicas: 4 }), [owned('old', 10)]), now);
  assert.deepEqual(sizes(actions), ['web-old 4']);
  assert.equal(progressing(actions)?.reason, 'DeploymentPaused');
});

test('Recreate: first none of the old, then all of the new', () => {
  const recreate = deployment({ strategy: { type: 'Recreate' } });
  const old = (replicas: number) => owned('old', replicas, replicas, { 'deployment.kubernetes.io/max-replicas': '10' });
  assert.deepEqual(sizes(decide(snapshot(recreate, [old(10)]), now).actions), ['web-old 0']);
  const pod = { metadata: { name: 'p' }, spec: { containers: [] }, status: { phase: 'Running' } };
  assert.deepEqual(sizes(decide(snapshot(recreate, [old(0)], { podsOf: () => [pod] }), now).actions), []);
  assert.deepEqual(sizes(decide(snapshot(recreate, [old(0)]), now).actions), ['new 10']);
});

test('no progress until the deadline is a failure; it wakes for it', () => {
  const stuck = (since: string): Deployment =>
    deployment(
      {},
      {
        status: {
          observedGeneration: 1,
          replicas: 13,
          updatedReplicas: 5,
          readyReplicas: 8,
          availableReplicas: 8,
          unavailableReplicas: 5,
          conditions: [
            {
              type: 'Progressing',
              status: 'True',
              reason: 'ReplicaSetUpdated',
              lastUpdateTime: since,
              lastTransitionTime: since,
            },
          ],
        },
      },
    );
  const sets = [owned('new', 5, 0), owned('old', 8)];
  const waiting = decide(snapshot(stuck('2026-01-02T03:04:00Z'), sets), now);
  assert.equal(waiting.wakeAfterMs, 596_000);
  const late = decide(snapshot(stuck('2026-01-02T02:54:00Z'), sets), now);
  assert.deepEqual(
    [progressing(late.actions)?.status, progressing(late.actions)?.reason, progressing(late.actions)?.message],
    ['False', 'ProgressDeadlineExceeded', 'ReplicaSet "web-new" has timed out progressing.'],
  );
});

test('a name that is taken counts as a collision', () => {
  const one = deployment();
  const name = `web-${templateHash(one.spec.template, undefined)}`;
  const stranger: ReplicaSet = { metadata: { name, namespace: 'default', uid: 'x' }, spec: { selector: {} } };
  const { actions } = decide(
    snapshot(one, [], { replicaSetNamed: (asked) => (asked === name ? stranger : undefined) }),
    now,
  );
  assert.deepEqual(sizes(actions), []);
  assert.equal(statusOf(actions)?.status?.collisionCount, 1);
});

test('history beyond the limit goes, oldest first, once the rollout is complete', () => {
  const complete = deployment(
    { replicas: 1, revisionHistoryLimit: 1 },
    { status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 } },
  );
  const sized = { 'deployment.kubernetes.io/desired-replicas': '1', 'deployment.kubernetes.io/max-replicas': '4' };
  const sets = [
    owned('new', 1, 1, { ...sized, 'deployment.kubernetes.io/revision': '9' }),
    owned('b', 0, 0, { 'deployment.kubernetes.io/revision': '5' }),
    owned('a', 0, 0, { 'deployment.kubernetes.io/revision': '4' }),
  ];
  const { actions } = decide(snapshot(complete, sets), now);
  assert.deepEqual(
    actions.flatMap((one) => (one.verb === 'delete' ? [one.key.name] : [])),
    ['web-a'],
  );
});

test('the rollback annotation brings back an older template and goes', () => {
  const asked = deployment(
    {},
    { metadata: { ...deployment().metadata, annotations: { 'deprecated.deployment.rollback.to': '1' } } },
  );
  const { actions } = decide(snapshot(asked, [owned('new', 10), owned('old', 0)]), now);
  const changed = statusOf(actions)!;
  assert.equal(changed.spec.template.spec.containers[0]!.image, 'old');
  assert.deepEqual(changed.spec.template.metadata.labels, { app: 'web' });
  assert.equal(changed.metadata.annotations?.['deprecated.deployment.rollback.to'], undefined);
});

test('revisions have 64 bits', () => {
  const revision = 'deployment.kubernetes.io/revision';
  const { actions } = decide(
    snapshot(deployment(), [owned('old', 10, 10, { [revision]: '3546343826724305832' })]),
    now,
  );
  const made = actions.find((action) => action.verb === 'create')!.object as ReplicaSet;
  assert.equal(made.metadata.annotations?.[revision], '3546343826724305833');
});
