// Nothing is made twice: at the moment in which a Pod (or a ReplicaSet's size) is written, its owner has no more than it may.
// What an owner may have is the largest of what its controller can have read: every generation from the observed one on.
import type { Deployment, Job, Pod, ReplicaSet, ResourceQuota, StatefulSet } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { quantityToNumber } from '#api/quantity.ts';
import { podIsActive, podIsTerminal } from '#rules/pod-is-active.ts';
import type { StoreEvent } from '#storage/store.ts';
import type { Cluster } from '../world/cluster.ts';
import { nameOf } from '../world/stored.ts';

/** What an owner may have, by the generation that says so. */
class Allowance {
  readonly #byGeneration = new Map<number, number>();
  note(generation: number, count: number, observedGeneration: number): void {
    this.#byGeneration.set(generation, count);
    for (const one of this.#byGeneration.keys()) if (one < observedGeneration) this.#byGeneration.delete(one);
  }
  get max(): number {
    return Math.max(0, ...this.#byGeneration.values());
  }
}

export const controllerUid = (object: KubernetesObject): string | undefined =>
  object.metadata.ownerReferences?.find((one) => one.controller === true)?.uid;

const share = (value: number | string | undefined, of: number): number =>
  typeof value === 'number' ? value : Math.ceil((Number.parseInt(value ?? '25%', 10) / 100) * of);

/** The node for which a DaemonSet made a Pod. */
export const targetNode = (pod: Pod): string | undefined =>
  pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]
    ?.matchFields?.[0]?.values?.[0];

const parallelismMemoryMs = 60_000;

export class OwnerRules {
  readonly #cluster: Cluster;
  readonly #allowances = new Map<string, Allowance>();
  readonly #pods = new Map<string, Pod>();
  readonly #replicaSets = new Map<string, ReplicaSet>();
  readonly #jobs = new Map<string, { readonly job: Job; readonly parallelisms: { atMs: number; count: number }[] }>();
  /** Job -> Pods that ended well without being told to end. */
  readonly #succeeded = new Map<string, Set<string>>();
  readonly #quotas = new Map<string, { readonly quota: ResourceQuota; readonly hardMax: number }>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }
  #violate(rule: string, message: string): void {
    this.#cluster.journal.violate(rule, message);
  }
  onEvent(event: StoreEvent): void {
    const object = event.stored.object();
    const isGone = event.type === 'delete';
    switch (object.kind) {
      case 'Pod':
        return this.#onPod(event, object as Pod, isGone);
      case 'ReplicaSet':
        return this.#onReplicaSet(event, object as ReplicaSet, isGone);
      case 'StatefulSet': {
        const { spec, status, metadata } = object as StatefulSet;
        return this.#note(metadata, spec?.replicas ?? 1, status?.observedGeneration);
      }
      case 'Deployment': {
        const { spec, status, metadata } = object as Deployment;
        const replicas = spec?.replicas ?? 1;
        const surge =
          spec?.strategy?.type === 'Recreate' ? 0 : share(spec?.strategy?.rollingUpdate?.maxSurge, replicas);
        return this.#note(metadata, replicas + surge, status?.observedGeneration);
      }
      case 'Job':
        return this.#onJob(object as Job, isGone);
      case 'ResourceQuota':
        return this.#onQuota(object as ResourceQuota, isGone);
      default:
        return undefined;
    }
  }
  #note({ uid = '', generation = 0 }: KubernetesObject['metadata'], count: number, observed: number | undefined): void {
    let allowance = this.#allowances.get(uid);
    if (allowance === undefined) this.#allowances.set(uid, (allowance = new Allowance()));
    allowance.note(generation, count, observed ?? 0);
  }
  #onReplicaSet({ previous }: StoreEvent, set: ReplicaSet, isGone: boolean): void {
    const { uid = '' } = set.metadata;
    if (isGone) return void this.#replicaSets.delete(uid);
    this.#replicaSets.set(uid, set);
    const replicas = set.spec?.replicas ?? 1;
    this.#note(set.metadata, replicas, set.status?.observedGeneration);
    const before = previous === undefined ? 0 : ((previous.object() as ReplicaSet).spec?.replicas ?? 1);
    const owner = controllerUid(set);
    const allowance = owner === undefined ? undefined : this.#allowances.get(owner);
    if (allowance === undefined || replicas <= before) return;
    let total = 0;
    for (const other of this.#replicaSets.values())
      if (controllerUid(other) === owner) total += other.spec?.replicas ?? 1;
    if (total > allowance.max)
      this.#violate('a Deployment stays within its surge', `${nameOf(set)}: ${total} replicas of ${allowance.max}`);
  }
  #onJob(job: Job, isGone: boolean): void {
    const { uid = '' } = job.metadata;
    if (isGone) return void this.#jobs.delete(uid);
    const parallelisms = this.#jobs.get(uid)?.parallelisms ?? [];
    const count = job.spec?.parallelism ?? 1;
    const atMs = this.#cluster.timeline.monotonicMs;
    // What is replaced now was true until now.
    const last = parallelisms.at(-1);
    if (last !== undefined) last.atMs = Math.max(last.atMs, atMs);
    if (last?.count !== count) parallelisms.push({ atMs, count });
    this.#jobs.set(uid, { job, parallelisms });
  }
  #onQuota(quota: ResourceQuota, isGone: boolean): void {
    const { uid = '' } = quota.metadata;
    if (isGone) return void this.#quotas.delete(uid);
    const hard = quota.status?.hard?.['pods'];
    if (hard === undefined) return;
    const known = this.#quotas.get(uid)?.hardMax ?? 0;
    this.#quotas.set(uid, { quota, hardMax: Math.max(known, quantityToNumber(String(hard))) });
  }
  #onPod({ previous }: StoreEvent, pod: Pod, isGone: boolean): void {
    const { uid = '' } = pod.metadata;
    if (isGone) return void this.#pods.delete(uid);
    this.#pods.set(uid, pod);
    const owner = pod.metadata.ownerReferences?.find((one) => one.controller === true);
    if (owner?.kind === 'Job' && pod.status?.phase === 'Succeeded' && pod.metadata.deletionTimestamp === undefined) {
      let done = this.#succeeded.get(owner.uid);
      if (done === undefined) this.#succeeded.set(owner.uid, (done = new Set()));
      done.add(uid);
    }
    if (previous !== undefined) return;
    this.#checkQuotas(pod);
    const siblings = [...this.#pods.values()].filter((one) => controllerUid(one) === owner?.uid);
    switch (owner?.kind) {
      case 'ReplicaSet':
        return this.#checkCount(
          'a ReplicaSet has no Pod too many',
          pod,
          owner.uid,
          siblings.filter(podIsActive).length,
        );
      case 'StatefulSet': {
        const ordinal = Number(/-(\d+)$/.exec(pod.metadata.name ?? '')?.[1]);
        return this.#checkCount('a StatefulSet has no Pod beyond its size', pod, owner.uid, ordinal + 1);
      }
      case 'DaemonSet': {
        const there = siblings.filter((one) => podIsActive(one) && targetNode(one) === targetNode(pod));
        if (there.length > 1)
          this.#violate('a DaemonSet has one Pod a node', `${nameOf(pod)} is one of ${there.map(nameOf).join(' ')}`);
        return undefined;
      }
      case 'Job':
        return this.#checkJob(pod, owner.uid, siblings.filter(podIsActive));
      default:
        return undefined;
    }
  }
  #checkCount(rule: string, pod: Pod, owner: string, count: number): void {
    const allowance = this.#allowances.get(owner);
    if (allowance !== undefined && count > allowance.max)
      this.#violate(rule, `${nameOf(pod)} is number ${count} of ${allowance.max}`);
  }
  #checkJob(pod: Pod, owner: string, active: readonly Pod[]): void {
    const known = this.#jobs.get(owner);
    if (known === undefined) return;
    const now = this.#cluster.timeline.monotonicMs;
    const current = known.parallelisms.at(-1);
    const recent = known.parallelisms.filter((one) => one === current || now - one.atMs < parallelismMemoryMs);
    const parallelism = Math.max(...recent.map((one) => one.count));
    if (active.length > parallelism)
      this.#violate('a Job has no active Pod too many', `${nameOf(pod)} is number ${active.length} of ${parallelism}`);
    const { completions, completionMode } = known.job.spec ?? {};
    const done = this.#succeeded.get(owner)?.size ?? 0;
    if (completions !== undefined && completionMode !== 'Indexed' && active.length + done > completions)
      this.#violate(
        'a Job makes no Pod beyond its completions',
        `${nameOf(pod)}: ${active.length} active and ${done} succeeded of ${completions}`,
      );
    const indexOf = (one: Pod) => one.metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
    if (completionMode === 'Indexed' && active.filter((one) => indexOf(one) === indexOf(pod)).length > 1)
      this.#violate('an index of a Job has one active Pod', `${nameOf(pod)}: index ${indexOf(pod)}`);
  }
  #checkQuotas(pod: Pod): void {
    for (const { quota, hardMax } of this.#quotas.values()) {
      if (quota.metadata.namespace !== pod.metadata.namespace || quota.metadata.deletionTimestamp !== undefined)
        continue;
      let count = 0;
      for (const other of this.#pods.values())
        if (other.metadata.namespace === pod.metadata.namespace && !podIsTerminal(other)) count++;
      if (count > hardMax)
        this.#violate('a quota is not exceeded', `${nameOf(pod)} is number ${count} of ${hardMax} in ${nameOf(quota)}`);
    }
  }
}
