// Pods that want to be near, or far from, other Pods.
import type { Pod, PodAffinityTerm } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import type { NodeInfo } from '../../node-info.ts';
import { normalised, resolvable, unresolvable, type ClusterSnapshot, type SchedulerPlugin } from '../../plugin.ts';

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

export const interPodAffinity: SchedulerPlugin = {
  name: 'InterPodAffinity',
  wakesOn: ['node', 'pod-removed', 'pod-added', 'namespace'],
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
        if (!isFirst) return unresolvable("node(s) didn't match pod affinity rules");
      }
    }
    for (const term of antiAffinity) {
      const domain = domainOf(info, term.topologyKey);
      if (domain !== undefined && anyMatches(podsInDomain(cluster, term.topologyKey, domain), [term], pod, cluster))
        return resolvable("node(s) didn't match pod anti-affinity rules");
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
            return resolvable("node(s) didn't satisfy existing pods anti-affinity rules");
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
