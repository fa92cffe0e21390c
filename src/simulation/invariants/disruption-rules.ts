// An eviction leaves as many healthy Pods as the budget wants. Judged only where the budget's Pods had been as they are for a
// while: what changes in the moment of an eviction cannot be known to who decides it.
import type { Pod, PodDisruptionBudget } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { podIsActive } from '#rules/pod-is-active.ts';
import { podCondition, podIsReady } from '#rules/pod-is-ready.ts';
import type { StoreEvent } from '#storage/store.ts';
import type { Cluster } from '../world/cluster.ts';
import { nameOf } from '../world/stored.ts';

/** Longer than a commit on a slow disk and a message on a slow link together. */
const settledMs = 90_000;

const isEvicted = (pod: Pod): boolean => podCondition(pod, 'DisruptionTarget')?.reason === 'EvictionByEvictionAPI';
const isHealthy = (pod: Pod): boolean => podIsActive(pod) && podIsReady(pod);

export class DisruptionRules {
  readonly #cluster: Cluster;
  readonly #pods = new Map<string, Pod>();
  readonly #budgets = new Map<string, { readonly budget: PodDisruptionBudget; changedMs: number }>();
  /** Evictions that were judged: so that a test can say that there were some. */
  judged = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }
  onEvent({ type, stored, previous }: StoreEvent): void {
    const object = stored.object();
    const now = this.#cluster.timeline.monotonicMs;
    const { uid = '' } = object.metadata;
    if (object.kind === 'PodDisruptionBudget') {
      const known = this.#budgets.get(uid);
      if (type === 'delete') this.#budgets.delete(uid);
      else {
        const isSame = known?.budget.metadata.generation === object.metadata.generation;
        this.#budgets.set(uid, { budget: object as PodDisruptionBudget, changedMs: isSame ? known!.changedMs : now });
      }
    }
    if (object.kind !== 'Pod') return;
    const pod = object as Pod;
    if (type === 'delete') this.#pods.delete(uid);
    else this.#pods.set(uid, pod);
    const before = previous?.object() as Pod | undefined;
    const isLoss = before !== undefined && isHealthy(before) && (type === 'delete' || !isHealthy(pod));
    const isEviction = isLoss && before.metadata.deletionTimestamp === undefined && isEvicted(pod);
    const wasHealthy = before !== undefined && isHealthy(before);
    const isChange = wasHealthy !== (type !== 'delete' && isHealthy(pod));
    const moved =
      before !== undefined && JSON.stringify(before.metadata.labels) !== JSON.stringify(pod.metadata.labels);
    for (const known of this.#budgets.values()) {
      if (known.budget.metadata.namespace !== pod.metadata.namespace) continue;
      const matcher = this.#matcher(known.budget);
      if (!matcher.matches(pod) && (before === undefined || !matcher.matches(before))) continue;
      if (isEviction) this.#judge(known.budget, pod, now - known.changedMs);
      else if (isChange || moved) known.changedMs = now;
    }
  }
  #matcher({ spec }: PodDisruptionBudget): { matches(pod: Pod): boolean } {
    const matcher = matcherFor(spec?.selector);
    return { matches: (pod) => matcher.matches(pod.metadata.labels) };
  }
  #judge(budget: PodDisruptionBudget, evicted: Pod, settledForMs: number): void {
    if (settledForMs < settledMs || budget.status?.desiredHealthy === undefined) return;
    this.judged++;
    const matcher = this.#matcher(budget);
    let healthy = 0;
    for (const pod of this.#pods.values())
      if (pod.metadata.namespace === budget.metadata.namespace && matcher.matches(pod) && isHealthy(pod)) healthy++;
    if (healthy < budget.status.desiredHealthy)
      this.#cluster.journal.violate(
        'evictions leave what a budget wants',
        `${nameOf(evicted)}: ${healthy} healthy of ${budget.status.desiredHealthy} in ${nameOf(budget)}`,
      );
  }
}
