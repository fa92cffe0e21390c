// Pods that want to be near, or far from, other Pods.
import type { Pod, PodAffinityTerm } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import type { NodeInfo } from '../../node-info.ts';
import {
  normalised,
  resolvable,
  unresolvable,
  type ClusterSnapshot,
  type NodeFilter,
  type SchedulerPlugin,
} from '../../plugin.ts';

/** Whether `term`, which `owner` states, speaks of `pod`. */
function matchesTerm(term: PodAffinityTerm, owner: Pod, pod: Pod, cluster: ClusterSnapshot): boolean {
  const namespace = pod.metadata.namespace!;
  const inNamespace =
    term.namespaces?.includes(namespace) === true ||
    (term.namespaceSelector !== undefined &&
      matcherFor(term.namespaceSelector).matches(cluster.namespaceLabels(namespace))) ||
    ((term.namespaces ?? []).length === 0 &&
      term.namespaceSelector === undefined &&
      namespace === owner.metadata.namespace);
  return inNamespace && matcherFor(term.labelSelector).matches(pod.metadata.labels);
}

const domainOf = ({ node }: NodeInfo, key: string): string | undefined => node.metadata.labels?.[key];

function* podsInDomain(cluster: ClusterSnapshot, key: string, domain: string): Generator<Pod> {
  for (const info of cluster.nodes) if (domainOf(info, key) === domain) yield* info.pods.values();
}
const anyMatches = (pods: Iterable<Pod>, terms: readonly PodAffinityTerm[], owner: Pod, cluster: ClusterSnapshot) => {
  for (const other of pods) if (terms.every((term) => matchesTerm(term, owner, other, cluster))) return true;
  return false;
};

const affinityRule = "node(s) didn't match pod affinity rules";
const antiAffinityRule = "node(s) didn't match pod anti-affinity rules";
const existingRule = "node(s) didn't satisfy existing pods anti-affinity rules";

/** Domains of a topology in which something is so. */
class Domains {
  readonly #found = new Map<string, Set<string>>();
  add(key: string, info: NodeInfo): void {
    const domain = domainOf(info, key);
    if (domain === undefined) return;
    const values = this.#found.get(key);
    if (values === undefined) this.#found.set(key, new Set([domain]));
    else values.add(domain);
  }
  has(key: string, info: NodeInfo): boolean {
    const domain = domainOf(info, key);
    return domain !== undefined && this.#found.get(key)?.has(domain) === true;
  }
  get keys(): readonly string[] {
    return [...this.#found.keys()];
  }
}

/** Where Pods are that want the new one elsewhere. */
function refusedDomains(pod: Pod, cluster: ClusterSnapshot): Domains {
  const refused = new Domains();
  for (const info of cluster.nodes)
    if (info.podsWithAntiAffinity.size > 0)
      for (const existing of info.podsWithAntiAffinity.values())
        for (const term of existing.spec.affinity!.podAntiAffinity!.requiredDuringSchedulingIgnoredDuringExecution!)
          if (!refused.has(term.topologyKey, info) && matchesTerm(term, existing, pod, cluster))
            refused.add(term.topologyKey, info);
  return refused;
}

/** One pass over all Pods instead of one for each node. */
function prepare(pod: Pod, cluster: ClusterSnapshot): NodeFilter | undefined {
  const affinity = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const antiAffinity = pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const refused = refusedDomains(pod, cluster);
  const refusedKeys = refused.keys;
  if (affinity.length + antiAffinity.length + refusedKeys.length === 0) return undefined;
  const [wanted, unwanted] = [new Domains(), antiAffinity.map(() => new Domains())];
  let isAnywhere = false;
  if (affinity.length + antiAffinity.length > 0)
    for (const info of cluster.nodes) {
      if (affinity.length > 0 && anyMatches(info.pods.values(), affinity, pod, cluster)) {
        isAnywhere = true;
        for (const term of affinity) wanted.add(term.topologyKey, info);
      }
      for (const [index, term] of antiAffinity.entries())
        if (!unwanted[index]!.has(term.topologyKey, info) && anyMatches(info.pods.values(), [term], pod, cluster))
          unwanted[index]!.add(term.topologyKey, info);
    }
  // The first of a group that wants its own kind near must be able to start somewhere.
  const mayBeFirst = !isAnywhere && affinity.every((term) => matchesTerm(term, pod, pod, cluster));
  return (info) => {
    const isNear =
      affinity.every((term) => wanted.has(term.topologyKey, info)) ||
      (mayBeFirst && affinity.every((term) => domainOf(info, term.topologyKey) !== undefined));
    if (!isNear) return unresolvable(affinityRule);
    if (antiAffinity.some((term, index) => unwanted[index]!.has(term.topologyKey, info)))
      return resolvable(antiAffinityRule);
    return refusedKeys.some((key) => refused.has(key, info)) ? resolvable(existingRule) : undefined;
  };
}

export const interPodAffinity: SchedulerPlugin = {
  name: 'InterPodAffinity',
  wakesOn: ['node', 'pod-removed', 'pod-added', 'namespace'],
  prepare,
  filter(pod, info, cluster) {
    const affinity = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const antiAffinity = pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    if (affinity.length > 0) {
      const here = affinity.every((term) => {
        const domain = domainOf(info, term.topologyKey);
        return (
          domain !== undefined && anyMatches(podsInDomain(cluster, term.topologyKey, domain), affinity, pod, cluster)
        );
      });
      if (!here) {
        // The first of a group that wants its own kind near must be able to start somewhere.
        const isFirst =
          affinity.every((term) => domainOf(info, term.topologyKey) !== undefined) &&
          affinity.every((term) => matchesTerm(term, pod, pod, cluster)) &&
          !cluster.nodes.some((one) => anyMatches(one.pods.values(), affinity, pod, cluster));
        if (!isFirst) return unresolvable(affinityRule);
      }
    }
    for (const term of antiAffinity) {
      const domain = domainOf(info, term.topologyKey);
      if (domain !== undefined && anyMatches(podsInDomain(cluster, term.topologyKey, domain), [term], pod, cluster))
        return resolvable(antiAffinityRule);
    }
    for (const other of cluster.nodes)
      for (const existing of other.podsWithAntiAffinity.values())
        for (const term of existing.spec.affinity!.podAntiAffinity!.requiredDuringSchedulingIgnoredDuringExecution!) {
          const domain = domainOf(info, term.topologyKey);
          if (
            domain !== undefined &&
            domain === domainOf(other, term.topologyKey) &&
            matchesTerm(term, existing, pod, cluster)
          )
            return resolvable(existingRule);
        }
    return undefined;
  },
  score: {
    weight: 2,
    of(pod, nodes, cluster) {
      const near = pod.spec.affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      const far = pod.spec.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      if (near.length + far.length === 0) return nodes.map(() => 0);
      const sums = nodes.map((info) => {
        const points = ({ weight, podAffinityTerm: term }: { weight: number; podAffinityTerm: PodAffinityTerm }) => {
          const domain = domainOf(info, term.topologyKey);
          if (domain === undefined) return 0;
          let count = 0;
          for (const other of podsInDomain(cluster, term.topologyKey, domain))
            if (matchesTerm(term, pod, other, cluster)) count++;
          return count * weight;
        };
        return near.reduce((sum, one) => sum + points(one), 0) - far.reduce((sum, one) => sum + points(one), 0);
      });
      const least = Math.min(...sums);
      return normalised(sums.map((one) => one - least));
    },
  },
};
