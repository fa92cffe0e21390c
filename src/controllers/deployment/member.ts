// A ReplicaSet of a Deployment while a decision is made: what it is, and what the decision wants of it.
import { ReplicaSets } from '#api/generated/kind-references.ts';
import type { Deployment, IntOrString, PodTemplateSpec, ReplicaSet } from '#api/generated/types.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { create, update, type Action, type EventRequest } from '../runtime/action.ts';

export const hashLabel = 'pod-template-hash';
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';
export const rollbackAnnotation = 'deprecated.deployment.rollback.to';
const skippedAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredAnnotation,
  maxAnnotation,
  rollbackAnnotation,
]);
export const isCopied = (annotation: string): boolean => !skippedAnnotations.has(annotation);

export const aboutDeployment = (
  deployment: Deployment,
  type: EventRequest['type'],
  reason: string,
  message: string,
): EventRequest => ({ about: { ...deployment, kind: 'Deployment', apiVersion: 'apps/v1' }, type, reason, message });

const revisionMax = 2n ** 63n - 1n;
/** Revisions have 64 bits: annotations may say more than a number holds. Undefined: none. */
export function parseRevision(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[0-9]{1,19}$/.test(text)) return undefined;
  const revision = BigInt(text);
  return revision > revisionMax ? undefined : revision;
}

export class Member {
  readonly replicaSet: ReplicaSet;
  readonly exists: boolean;
  replicas: number;
  minReadySeconds: number;
  readonly annotations: Record<string, string>;

  constructor(replicaSet: ReplicaSet, exists: boolean) {
    this.replicaSet = replicaSet;
    this.exists = exists;
    this.replicas = replicaSet.spec.replicas ?? 1;
    this.minReadySeconds = replicaSet.spec.minReadySeconds ?? 0;
    this.annotations = { ...replicaSet.metadata.annotations };
  }
  get name(): string {
    return this.replicaSet.metadata.name!;
  }
  get available(): number {
    return this.replicaSet.status?.availableReplicas ?? 0;
  }
  get revision(): bigint {
    return parseRevision(this.annotations[revisionAnnotation]) ?? 0n;
  }
  /** Writes down how big the Deployment is: so that scaling can be told from rolling out. */
  noteSize(deployment: Deployment): boolean {
    const [desired, max] = [String(wanted(deployment)), String(wanted(deployment) + maxSurge(deployment))];
    if (this.annotations[desiredAnnotation] === desired && this.annotations[maxAnnotation] === max) return false;
    this.annotations[desiredAnnotation] = desired;
    this.annotations[maxAnnotation] = max;
    return true;
  }
  /** True when the size changes. */
  scale(replicas: number, deployment: Deployment, always = false): boolean {
    if (!always && replicas === this.replicas) return false;
    const changes = replicas !== this.replicas;
    this.replicas = replicas;
    this.noteSize(deployment);
    return changes;
  }
  action(deployment: Deployment): Action | undefined {
    const { replicaSet } = this;
    const before = this.exists ? (replicaSet.spec.replicas ?? 1) : 0;
    const { replicas } = this;
    const wantedObject: ReplicaSet = {
      ...replicaSet,
      metadata: { ...replicaSet.metadata, annotations: this.annotations },
      spec: { ...replicaSet.spec, replicas, minReadySeconds: this.minReadySeconds },
    };
    const onSuccess = () =>
      replicas === before
        ? undefined
        : aboutDeployment(
            deployment,
            'Normal',
            'ScalingReplicaSet',
            `Scaled ${replicas > before ? 'up' : 'down'} replica set ${this.name} from ${before} to ${replicas}`,
          );
    if (!this.exists)
      return create(ReplicaSets, wantedObject, {
        onSuccess,
        onFailure: (message) =>
          aboutDeployment(
            deployment,
            'Warning',
            'ReplicaSetCreateError',
            `Failed to create new replica set ${JSON.stringify(this.name)}: ${message}`,
          ),
      });
    const unchanged =
      replicas === before &&
      this.minReadySeconds === (replicaSet.spec.minReadySeconds ?? 0) &&
      semanticallyEqual(this.annotations, replicaSet.metadata.annotations);
    return unchanged ? undefined : update(ReplicaSets, wantedObject, { onSuccess });
  }
}

export const wanted = (deployment: Deployment): number => deployment.spec.replicas ?? 1;
export const isRolling = (deployment: Deployment): boolean =>
  (deployment.spec.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';

/** `value` of `total`, when it is a percentage rounded as asked. */
export function scaledValue(value: IntOrString | undefined, total: number, roundUp: boolean): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const part = (Number(value.replace(/%$/, '')) * total) / 100;
  return roundUp ? Math.ceil(part) : Math.floor(part);
}
function fenceposts(deployment: Deployment): { readonly surge: number; readonly unavailable: number } {
  const { maxSurge: surgeText, maxUnavailable: unavailableText } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = scaledValue(surgeText, wanted(deployment), true);
  const unavailable = scaledValue(unavailableText, wanted(deployment), false);
  // Both zero would never move: rounding down may have done that.
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}
export const maxSurge = (deployment: Deployment): number => (isRolling(deployment) ? fenceposts(deployment).surge : 0);
export const maxUnavailable = (deployment: Deployment): number =>
  isRolling(deployment) && wanted(deployment) > 0
    ? Math.min(fenceposts(deployment).unavailable, wanted(deployment))
    : 0;

/** Equal but for the hash label. */
export function sameTemplate(one: PodTemplateSpec, other: PodTemplateSpec): boolean {
  const bare = (template: PodTemplateSpec) => {
    const { [hashLabel]: _, ...labels } = template.metadata.labels ?? {};
    return { ...template, metadata: { ...template.metadata, labels } };
  };
  return semanticallyEqual(bare(one), bare(other));
}

export const totalReplicas = (members: readonly Member[]): number =>
  members.reduce((sum, one) => sum + one.replicas, 0);
export const active = (members: readonly (Member | undefined)[]): Member[] =>
  members.filter((one): one is Member => one !== undefined && one.replicas > 0);

const createdAt = ({ replicaSet }: Member): string => replicaSet.metadata.creationTimestamp ?? '';
export const byCreation = (one: Member, other: Member): number =>
  createdAt(one) === createdAt(other) ? (one.name < other.name ? -1 : 1) : createdAt(one) < createdAt(other) ? -1 : 1;
