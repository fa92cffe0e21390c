// Endpoints are exactly the ready Pods of their Service, in both kinds and in what the service proxy makes of them.
import { Endpoints, EndpointSlices, Services } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { matchesLabels } from '#rules/matches-labels.ts';
import { podIsReady } from '#rules/pod-is-ready.ts';
import type { Cluster } from '../world/cluster.ts';
import { nameOf, stored } from '../world/stored.ts';

const text = (addresses: Iterable<string>): string => [...new Set(addresses)].toSorted().join(' ');

export function endpointProblems(cluster: Cluster, pods: readonly Pod[]): readonly string[] {
  const [slices, endpoints] = [stored(cluster.store, EndpointSlices), stored(cluster.store, Endpoints)];
  return stored(cluster.store, Services).flatMap((service) => {
    const { namespace, name } = service.metadata;
    const { selector, publishNotReadyAddresses } = service.spec ?? {};
    if (selector === undefined) return [];
    const ready = pods.filter(
      (pod) =>
        pod.metadata.namespace === namespace &&
        matchesLabels(selector, pod.metadata.labels) &&
        (pod.status?.podIP ?? '') !== '' &&
        pod.metadata.deletionTimestamp === undefined &&
        pod.status?.phase === 'Running' &&
        (podIsReady(pod) || publishNotReadyAddresses === true),
    );
    const wanted = text(ready.map((pod) => pod.status?.podIP ?? ''));
    const inSlices = text(
      slices
        .filter(
          (one) => one.metadata.namespace === namespace && one.metadata.labels?.['kubernetes.io/service-name'] === name,
        )
        .flatMap((one) => one.endpoints ?? [])
        .filter((one) => one.conditions?.ready !== false)
        .flatMap((one) => one.addresses),
    );
    const inEndpoints = text(
      endpoints
        .filter((one) => one.metadata.namespace === namespace && one.metadata.name === name)
        .flatMap((one) => one.subsets ?? [])
        .flatMap((one) => one.addresses ?? [])
        .map((one) => one.ip),
    );
    return [
      ...(inSlices === wanted ? [] : [`${nameOf(service)}: slices have ${inSlices}, ready are ${wanted}`]),
      ...(inEndpoints === wanted ? [] : [`${nameOf(service)}: Endpoints has ${inEndpoints}, ready are ${wanted}`]),
    ];
  });
}
