// The legacy Endpoints object of a Service: one address family, ready and not ready addresses by ports.
import { Endpoints as EndpointsKind } from '#api/generated/kind-references.ts';
import type { EndpointAddress, EndpointPort, Endpoints, EndpointSubset, Pod, Service } from '#api/generated/types.ts';
import { podIsReady } from '#rules/pod-is-ready.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { hasEndpoints, hostnameIn, podCanServe, portOf } from '../endpointslice/decide.ts';
import { create, nothing, remove, update, type Decision } from '../runtime/action.ts';

export interface EndpointsSnapshot {
  /** Undefined: it is gone, and the object goes too. */
  readonly service: Service | undefined;
  readonly pods: readonly Pod[];
  readonly endpoints: Endpoints | undefined;
}

/** Addresses kept in one object; more are cut, and an annotation says so. */
const addressesMax = 1000;
const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const managedByUs = 'endpoint-controller';
const headlessLabel = 'service.kubernetes.io/headless';
const overCapacity = 'endpoints.kubernetes.io/over-capacity';
const triggerTime = 'endpoints.kubernetes.io/last-change-trigger-time';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';

interface Group {
  readonly ports: readonly EndpointPort[];
  readonly addresses: EndpointAddress[];
  readonly notReady: EndpointAddress[];
}

export function decide({ service, pods, endpoints }: EndpointsSnapshot): Decision {
  if (service === undefined)
    return endpoints?.metadata.labels?.[managedByLabel] === managedByUs &&
      endpoints.metadata.annotations?.[leaderAnnotation] === undefined
      ? { actions: [remove(EndpointsKind, endpoints)] }
      : nothing;
  if (!hasEndpoints(service) || service.metadata.deletionTimestamp !== undefined) return nothing;
  const { subsets, truncated } = subsetsOf(service, pods);
  const headless = service.spec.clusterIP === 'None' || (service.spec.clusterIP ?? '') === '';
  const { [headlessLabel]: _, ...own } = service.metadata.labels ?? {};
  const labels = { ...own, ...(headless ? { [headlessLabel]: '' } : {}), [managedByLabel]: managedByUs };
  const { [overCapacity]: __, [triggerTime]: ___, ...kept } = endpoints?.metadata.annotations ?? {};
  const annotations = truncated ? { ...kept, [overCapacity]: 'truncated' } : kept;
  if (endpoints === undefined)
    return {
      actions: [
        create(EndpointsKind, {
          kind: 'Endpoints',
          apiVersion: 'v1',
          metadata: {
            name: service.metadata.name,
            namespace: service.metadata.namespace,
            labels,
            ...(truncated ? { annotations } : {}),
          },
          subsets,
        }),
      ],
    };
  const same =
    semanticallyEqual(endpoints.subsets, subsets) &&
    semanticallyEqual(endpoints.metadata.labels, labels) &&
    (endpoints.metadata.annotations?.[overCapacity] === 'truncated') === truncated;
  return same
    ? nothing
    : {
        actions: [
          update(EndpointsKind, { ...endpoints, metadata: { ...endpoints.metadata, labels, annotations }, subsets }),
        ],
      };
}

function subsetsOf(
  service: Service,
  pods: readonly Pod[],
): { readonly subsets: EndpointSubset[]; readonly truncated: boolean } {
  const groups = new Map<string, Group>();
  const ipv6 = service.spec.ipFamilies?.[0] === 'IPv6' || service.spec.clusterIP?.includes(':') === true;
  const includeTerminating = service.spec.publishNotReadyAddresses === true;
  let count = 0;
  let truncated = false;
  const ready = (pod: Pod) => includeTerminating || podIsReady(pod);
  // Ready ones first: when there are too many, those that do not answer are left out.
  for (const pod of pods.toSorted((one, other) => Number(ready(other)) - Number(ready(one)))) {
    if (!podCanServe(pod) || (pod.metadata.deletionTimestamp !== undefined && !includeTerminating)) continue;
    const ip = pod.status?.podIPs?.map((one) => one.ip ?? '').find((one) => one !== '' && one.includes(':') === ipv6);
    if (ip === undefined) continue;
    const ports = (service.spec.ports ?? []).flatMap((one): EndpointPort[] => {
      const port = portOf(pod, one);
      if (port === undefined) return [];
      const { name, protocol = 'TCP', appProtocol } = one;
      return [{ ...(name ? { name } : {}), port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
    });
    if (ports.length === 0 && (service.spec.ports ?? []).length > 0) continue;
    if (count >= addressesMax) {
      truncated = true;
      continue;
    }
    count++;
    const hostname = hostnameIn(pod, service);
    const address: EndpointAddress = {
      ip,
      ...(hostname === undefined ? {} : { hostname }),
      ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
      targetRef: {
        kind: 'Pod',
        namespace: pod.metadata.namespace,
        name: pod.metadata.name,
        uid: pod.metadata.uid,
      },
    };
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, addresses: [], notReady: [] };
    groups.set(key, group);
    (ready(pod) ? group.addresses : group.notReady).push(address);
  }
  const byIp = (one: EndpointAddress, other: EndpointAddress) =>
    one.ip === other.ip ? (one.targetRef!.uid! < other.targetRef!.uid! ? -1 : 1) : one.ip < other.ip ? -1 : 1;
  const subsets = [...groups]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { ports, addresses, notReady }]) => ({
      ...(addresses.length === 0 ? {} : { addresses: addresses.toSorted(byIp) }),
      ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady.toSorted(byIp) }),
      ...(ports.length === 0 ? {} : { ports }),
    }));
  return { subsets, truncated };
}
