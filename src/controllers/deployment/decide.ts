// One Deployment: its ReplicaSets' sizes and annotations, its revision, its status.
import { Deployments, ReplicaSets } from '#api/generated/kind-references.ts';
import type { Deployment, DeploymentCondition, Pod, ReplicaSet } from '#api/generated/types.ts';
import { isEmptySelector, matcherFor } from '#api/meta/label-selector.ts';
import { controllerReference, isControlledBy } from '#api/meta/owner.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { claim } from '../ownership/ownership.ts';
import { remove, updateStatus, type Action, type Decision } from '../runtime/action.ts';
import { conditionOf, withCondition } from '../runtime/conditions.ts';
import type { Failure } from '../runtime/declaration.ts';
import {
  aboutDeployment,
  active,
  byCreation,
  hashLabel,
  isCopied,
  isRolling,
  Member,
  parseRevision,
  revisionAnnotation,
  revisionHistoryAnnotation,
  sameTemplate,
  wanted,
} from './member.ts';
import { rollback, rollbackRevision } from './rollback.ts';
import { isScaled, newSize, scaleNew, scaleOld, scaleProportionally } from './scaling.ts';
import {
  computeStatus,
  condition,
  hasDeadline,
  isComplete,
  progressCheckInMs,
  rolloutStatus,
  unlimited,
} from './status.ts';
import { templateHash } from './template-hash.ts';

export interface DeploymentSnapshot {
  readonly deployment: Deployment;
  /** ReplicaSets that it controls, and those of the namespace without a controller. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Pods of a ReplicaSet. */
  podsOf(replicaSet: ReplicaSet): readonly Pod[];
  /** Any ReplicaSet of the namespace by name: finds collisions of the hash. */
  replicaSetNamed(name: string): ReplicaSet | undefined;
  readonly failure: Failure | undefined;
}

/** Characters of the revision-history annotation. */
const historyLengthMax = 2000;

class Planner {
  readonly deployment: Deployment;
  readonly snapshot: DeploymentSnapshot;
  readonly now: number;
  readonly newest: Member | undefined;
  readonly old: readonly Member[];
  made: Member | undefined;
  readonly actions: Action[] = [];
  conditions: readonly DeploymentCondition[];
  annotations: Readonly<Record<string, string>>;
  collisionCount: number | undefined;

  constructor(snapshot: DeploymentSnapshot, claimed: readonly ReplicaSet[], now: number) {
    this.snapshot = snapshot;
    this.deployment = snapshot.deployment;
    this.now = now;
    this.conditions = this.deployment.status?.conditions ?? [];
    this.annotations = this.deployment.metadata.annotations ?? {};
    this.collisionCount = this.deployment.status?.collisionCount;
    const members = claimed.map((one) => new Member(one, true)).toSorted(byCreation);
    this.newest = members.find(
      ({ replicaSet }) =>
        replicaSet.spec.template !== undefined && sameTemplate(replicaSet.spec.template, this.deployment.spec.template),
    );
    this.old = members.filter((one) => one !== this.newest);
  }
  get current(): Member | undefined {
    return this.newest ?? this.made;
  }
  get all(): Member[] {
    return this.current === undefined ? [...this.old] : [...this.old, this.current];
  }

  /** The new ReplicaSet and its annotations, and the Deployment's revision. False: it cannot be made now. */
  prepareNewest(createIfAbsent: boolean): boolean {
    const { deployment, newest } = this;
    const revision = this.old.reduce((most, one) => (one.revision > most ? one.revision : most), 0n) + 1n;
    if (newest !== undefined) {
      annotate(deployment, newest, revision);
      newest.minReadySeconds = deployment.spec.minReadySeconds ?? 0;
      this.setRevision(newest.annotations[revisionAnnotation] ?? String(revision));
      if (hasDeadline(deployment) && conditionOf(this.conditions, 'Progressing') === undefined)
        this.setProgressing('True', 'FoundNewReplicaSet', `Found new replica set ${JSON.stringify(newest.name)}`);
      return true;
    }
    if (!createIfAbsent) return true;
    const hash = templateHash(deployment.spec.template, this.collisionCount);
    const name = `${deployment.metadata.name!.slice(0, 253 - 1 - hash.length)}-${hash}`;
    const other = this.snapshot.replicaSetNamed(name);
    if (other !== undefined) {
      if (!isControlledBy(other, deployment) || other.metadata.deletionTimestamp === undefined)
        this.collisionCount = (this.collisionCount ?? 0) + 1;
      return false;
    }
    const labels = { ...deployment.spec.template.metadata.labels, [hashLabel]: hash };
    const made = new Member(
      {
        kind: 'ReplicaSet',
        apiVersion: 'apps/v1',
        metadata: {
          name,
          namespace: deployment.metadata.namespace,
          labels,
          ownerReferences: [controllerReference(Deployments, deployment)],
        },
        spec: {
          replicas: 0,
          minReadySeconds: deployment.spec.minReadySeconds ?? 0,
          selector: {
            ...deployment.spec.selector,
            matchLabels: { ...deployment.spec.selector.matchLabels, [hashLabel]: hash },
          },
          template: {
            ...deployment.spec.template,
            metadata: { ...deployment.spec.template.metadata, labels },
          },
        },
      },
      false,
    );
    annotate(deployment, made, revision);
    made.noteSize(deployment);
    made.replicas = newSize(deployment, [...this.old, made], made);
    this.made = made;
    this.setRevision(String(revision));
    if (hasDeadline(deployment)) {
      if (this.snapshot.failure !== undefined)
        this.setProgressing(
          'False',
          'ReplicaSetCreateError',
          `Failed to create new replica set ${JSON.stringify(name)}: ${this.snapshot.failure.message}`,
        );
      else this.setProgressing('True', 'NewReplicaSetCreated', `Created new replica set ${JSON.stringify(name)}`);
    }
    return true;
  }
  setRevision(revision: string): void {
    if (this.annotations[revisionAnnotation] !== revision)
      this.annotations = { ...this.annotations, [revisionAnnotation]: revision };
  }
  setProgressing(status: 'True' | 'False' | 'Unknown', reason: string, message: string): void {
    this.conditions = withCondition(this.conditions, condition('Progressing', status, reason, message, this.now));
  }

  notePause(): void {
    const { deployment } = this;
    if (!hasDeadline(deployment)) return;
    const reason = conditionOf(this.conditions, 'Progressing')?.reason;
    if (reason === 'ProgressDeadlineExceeded') return;
    if (deployment.spec.paused === true && reason !== 'DeploymentPaused')
      this.setProgressing('Unknown', 'DeploymentPaused', 'Deployment is paused');
    else if (deployment.spec.paused !== true && reason === 'DeploymentPaused')
      this.setProgressing('Unknown', 'DeploymentResumed', 'Deployment is resumed');
  }

  /** Removes the oldest revisions beyond the limit. */
  trimHistory(): void {
    const limit = this.deployment.spec.revisionHistoryLimit;
    if (limit === undefined || limit === unlimited) return;
    const alive = this.old.filter((one) => one.replicaSet.metadata.deletionTimestamp === undefined);
    const excess = alive
      .toSorted((one, other) =>
        one.revision === other.revision ? byCreation(one, other) : one.revision < other.revision ? -1 : 1,
      )
      .slice(0, Math.max(0, alive.length - limit));
    for (const { replicaSet } of excess) {
      const settled = (replicaSet.metadata.generation ?? 0) <= (replicaSet.status?.observedGeneration ?? 0);
      if ((replicaSet.status?.replicas ?? 0) === 0 && (replicaSet.spec.replicas ?? 1) === 0 && settled)
        this.actions.push(remove(ReplicaSets, replicaSet));
    }
  }

  finish(rollout: boolean): Decision {
    const { deployment, now } = this;
    const computed = computeStatus(deployment, this.conditions, this.collisionCount, this.all, this.current, now);
    const status = rollout
      ? rolloutStatus(deployment, this.conditions, computed, this.all, this.current, now)
      : computed.status;
    const newestFirst = [...(this.current === undefined ? [] : [this.current]), ...this.old];
    const memberActions = newestFirst.flatMap((one) => one.action(deployment) ?? []);
    const unchanged =
      semanticallyEqual(status, deployment.status) &&
      semanticallyEqual(this.annotations, deployment.metadata.annotations);
    const statusActions = unchanged
      ? []
      : [
          updateStatus(Deployments, {
            ...deployment,
            metadata: { ...deployment.metadata, annotations: this.annotations },
            status,
          }),
        ];
    return {
      // A failed creation is said before it is tried again; else the status follows what it tells of.
      actions:
        this.snapshot.failure === undefined
          ? [...this.actions, ...memberActions, ...statusActions]
          : [...this.actions, ...statusActions, ...memberActions],
      wakeAfterMs: rollout ? progressCheckInMs(deployment, status, now) : undefined,
    };
  }
}

function annotate(deployment: Deployment, member: Member, revision: bigint): void {
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {}))
    if (isCopied(key)) member.annotations[key] = value;
  const before = member.annotations[revisionAnnotation];
  if (before !== undefined && parseRevision(before) === undefined) return;
  if (member.revision >= revision) return;
  member.annotations[revisionAnnotation] = String(revision);
  if (before === undefined) return;
  // The ReplicaSet is used again: its earlier revisions stay known.
  const history = (member.annotations[revisionHistoryAnnotation] ?? '').split(',').filter((one) => one !== '');
  history.push(before);
  while (history.length > 0 && history.join(',').length > historyLengthMax) history.shift();
  member.annotations[revisionHistoryAnnotation] = history.join(',');
}

export function decide(snapshot: DeploymentSnapshot, now: number): Decision {
  const { deployment } = snapshot;
  if (isEmptySelector(deployment.spec.selector)) return selectsAll(deployment);
  const selector = matcherFor(deployment.spec.selector);
  const claims = claim({
    ownerKind: Deployments,
    owner: deployment,
    kind: ReplicaSets,
    candidates: snapshot.replicaSets,
    matches: (one) => selector.matches(one.metadata.labels),
  });
  const planner = new Planner(snapshot, claims.claimed, now);
  planner.actions.push(...claims.actions);
  return plan(planner);
}

function plan(planner: Planner): Decision {
  const { deployment } = planner;
  if (deployment.metadata.deletionTimestamp !== undefined) {
    planner.prepareNewest(false);
    return planner.finish(false);
  }
  planner.notePause();
  const revision = rollbackRevision(deployment);
  if (deployment.spec.paused !== true && revision !== undefined) {
    const decision = rollback(deployment, revision, planner.all);
    return { ...decision, actions: [...planner.actions, ...decision.actions] };
  }
  if (deployment.spec.paused === true || isScaled(deployment, planner.all)) {
    planner.prepareNewest(false);
    scaleProportionally(deployment, planner.newest, planner.old);
    if (deployment.spec.paused === true && revision === undefined) planner.trimHistory();
    return planner.finish(false);
  }
  return isRolling(deployment) ? rollOver(planner) : recreate(planner);
}

function rollOver(planner: Planner): Decision {
  const { deployment } = planner;
  if (!planner.prepareNewest(true)) return planner.finish(true);
  const newest = planner.current!;
  if (newest.exists && scaleNew(deployment, planner.all, newest)) return planner.finish(true);
  // A ReplicaSet that this decision makes counts with its planned size and nothing available yet.
  if (scaleOld(deployment, planner.old, newest)) return planner.finish(true);
  if (isComplete(deployment, deployment.status)) planner.trimHistory();
  return planner.finish(true);
}

function recreate(planner: Planner): Decision {
  const { deployment, snapshot } = planner;
  planner.prepareNewest(false);
  const shrinking = active(planner.old);
  if (shrinking.length > 0) {
    for (const member of shrinking) member.scale(0, deployment);
    return planner.finish(true);
  }
  const oldRuns =
    planner.old.some((one) => (one.replicaSet.status?.replicas ?? 0) > 0) ||
    planner.old.some((one) => snapshot.podsOf(one.replicaSet).some((pod) => !podIsTerminal(pod)));
  if (oldRuns) return planner.finish(true);
  if (!planner.prepareNewest(true)) return planner.finish(true);
  planner.current!.scale(wanted(deployment), deployment);
  if (isComplete(deployment, deployment.status)) planner.trimHistory();
  return planner.finish(true);
}

function selectsAll(deployment: Deployment): Decision {
  const behind = (deployment.status?.observedGeneration ?? 0) < (deployment.metadata.generation ?? 0);
  return {
    actions: behind
      ? [
          updateStatus(Deployments, {
            ...deployment,
            status: { ...deployment.status, observedGeneration: deployment.metadata.generation },
          }),
        ]
      : [],
    events: [
      aboutDeployment(
        deployment,
        'Warning',
        'SelectingAll',
        'This deployment is selecting all pods. A non-empty selector is required.',
      ),
    ],
  };
}
