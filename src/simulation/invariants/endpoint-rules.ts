// Endpoints are exactly the ready Pods of their Service: in both kinds, in the table that each node's service proxy makes of
// them, and in what DNS answers.
import { Endpoints, EndpointSlices, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice, Pod, Service } from '#api/generated/types.ts';
import { answerFromCluster, type ClusterSnapshot } from '#network/dns/records.ts';
import { decideService, isHandledHere } from '#network/proxy/decide.ts';
import { matchesLabels } from '#rules/matches-labels.ts';
import { podIsReady } from '#rules/pod-is-ready.ts';
import type { Cluster } from '../world/cluster.ts';
import { nameOf, stored } from '../world/stored.ts';

const text = (addresses: Iterable<string>): string => [...new Set(addresses)].toSorted().join(' ');

/** Addresses to which connections to the Service go from this node. */
const proxied = (service: Service, slices: readonly EndpointSlice[], nodeName: string): string =>
  text(
    decideService(service, slices, { nodeName, zone: '' }).elements.flatMap(
      ({ value }) => /^([\d.]+) \. \d+$/.exec(value ?? '')?.[1] ?? [],
    ),
  );

function named({ metadata: { namespace, name } }: Service, snapshot: ClusterSnapshot): string {
  const zone = { domain: 'cluster.local', address: '10.43.0.10', isClusterAddress: () => true };
  const question = { name: `${name}.${namespace}.svc.cluster.local`, type: 'A' } as const;
  return text(
    (answerFromCluster(question, zone, snapshot)?.answers ?? []).flatMap((one) =>
      'data' in one && typeof one.data === 'string' ? [one.data] : [],
    ),
  );
}

export function endpointProblems(cluster: Cluster, pods: readonly Pod[]): readonly string[] {
  const [slices, endpoints] = [stored(cluster.store, EndpointSlices), stored(cluster.store, Endpoints)];
  const services = stored(cluster.store, Services);
  const slicesOf = (namespace: string | undefined, name: string | undefined) =>
    slices.filter(
      (one) => one.metadata.namespace === namespace && one.metadata.labels?.['kubernetes.io/service-name'] === name,
    );
  const snapshot: ClusterSnapshot = {
    namespaceExists: () => true,
    service: (namespace, name) =>
      services.find((one) => one.metadata.namespace === namespace && one.metadata.name === name),
    slices: slicesOf,
    serviceByAddress: () => undefined,
    slicesByAddress: () => [],
  };
  return services.flatMap((service) => {
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
      slicesOf(namespace, name)
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
    const isHeadless = service.spec.clusterIP === 'None';
    const answered = named(service, snapshot);
    const wantedName = isHeadless ? wanted : (service.spec.clusterIP ?? '');
    return [
      ...(isHandledHere(service) ? cluster.nodes : [])
        .map((node) => [node.name, proxied(service, slicesOf(namespace, name), node.name)] as const)
        .filter(([, found]) => found !== wanted)
        .map(([node, found]) => `${nameOf(service)}: ${node} sends to ${found}, ready are ${wanted}`),
      ...(answered === wantedName ? [] : [`${nameOf(service)}: its name means ${answered} instead of ${wantedName}`]),
      ...(inSlices === wanted ? [] : [`${nameOf(service)}: slices have ${inSlices}, ready are ${wanted}`]),
      ...(inEndpoints === wanted ? [] : [`${nameOf(service)}: Endpoints has ${inEndpoints}, ready are ${wanted}`]),
    ];
  });
}
