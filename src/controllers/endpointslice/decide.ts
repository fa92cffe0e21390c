// The EndpointSlices of one Service, changed as little as possible: endpoints stay in the slice in which they are.
import { EndpointSlices, Services } from '#api/generated/kind-references.ts';
import type {
  Endpoint,
  EndpointPortDiscoveryV1,
  EndpointSlice,
  Node,
  Pod,
  Service,
  ServicePort,
} from '#api/generated/types.ts';
import { controllerReference } from '#api/meta/owner.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { podCondition, podIsReady } from '#rules/pod-is-ready.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { create, nothing, remove, update, type Action, type Decision } from '../runtime/action.ts';

export interface EndpointSliceSnapshot {
  readonly service: Service;
  /** Pods that the selector matches. */
  readonly pods: readonly Pod[];
  node(name: string): Node | undefined;
  /** Slices of this Service that this controller manages. */
  readonly slices: readonly EndpointSlice[];
}

/** Endpoints of a slice: upstream's --max-endpoints-per-slice. */
export const endpointsMax = 100;
export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const managedByUs = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
const zoneLabel = 'topology.kubernetes.io/zone';

export const hasEndpoints = (service: Service): boolean =>
  service.spec.type !== 'ExternalName' && Object.keys(service.spec.selector ?? {}).length > 0;

export function decide(snapshot: EndpointSliceSnapshot): Decision {
  const { service, slices } = snapshot;
  if (!hasEndpoints(service) || service.metadata.deletionTimestamp !== undefined) return nothing;
  const types = addressTypesOf(service);
  return {
    actions: [
      ...slices
        .filter((one) => !types.some((type) => type === one.addressType))
        .map((one) => remove(EndpointSlices, one)),
      ...types.flatMap((type) =>
        reconcile(
          snapshot,
          type,
          slices.filter((one) => one.addressType === type && one.metadata.deletionTimestamp === undefined),
        ),
      ),
    ],
  };
}

type AddressType = 'IPv4' | 'IPv6';

function addressTypesOf({ spec }: Service): readonly AddressType[] {
  const families = (spec.ipFamilies ?? []).filter((one): one is AddressType => one === 'IPv4' || one === 'IPv6');
  if (families.length > 0) return families;
  if (spec.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None')
    return [spec.clusterIP.includes(':') ? 'IPv6' : 'IPv4'];
  return ['IPv4', 'IPv6'];
}

/** The container port that a Service's port means for this Pod. */
export function portOf(pod: Pod, { targetPort, protocol = 'TCP', port }: ServicePort): number | undefined {
  if (targetPort === undefined) return port;
  if (typeof targetPort === 'number') return targetPort;
  const containers = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always'),
  ];
  for (const container of containers)
    for (const one of container.ports ?? [])
      if (one.name === targetPort && (one.protocol ?? 'TCP') === protocol) return one.containerPort;
  return undefined;
}

/** Upstream's ShouldPodBeInEndpoints. */
export const podCanServe = (pod: Pod): boolean => (pod.status?.podIPs ?? []).length > 0 && !podIsTerminal(pod);

/** Pods reach each other by name in a headless Service of their subdomain. */
export const hostnameIn = (pod: Pod, service: Service): string | undefined =>
  pod.spec.hostname &&
  pod.spec.subdomain === service.metadata.name &&
  pod.metadata.namespace === service.metadata.namespace
    ? pod.spec.hostname
    : undefined;

function endpointOf(pod: Pod, snapshot: EndpointSliceSnapshot, type: AddressType): Endpoint {
  const { service } = snapshot;
  const serving = podIsReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const { nodeName } = pod.spec;
  const zone = nodeName === undefined ? undefined : snapshot.node(nodeName)?.metadata.labels?.[zoneLabel];
  const hostname = hostnameIn(pod, service);
  return {
    addresses: addressesOf(pod, type),
    conditions: {
      ready: service.spec.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(hostname === undefined ? {} : { hostname }),
    targetRef: {
      kind: 'Pod',
      namespace: pod.metadata.namespace,
      name: pod.metadata.name,
      uid: pod.metadata.uid,
    },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
}
const addressesOf = (pod: Pod, type: AddressType): readonly string[] =>
  (pod.status?.podIPs ?? [])
    .map((one) => one.ip ?? '')
    .filter((ip) => ip !== '' && ip.includes(':') === (type === 'IPv6'));

const portsOf = (service: Service, pod: Pod): readonly EndpointPortDiscoveryV1[] =>
  (service.spec.ports ?? []).flatMap((one) => {
    const port = portOf(pod, one);
    if (port === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = one;
    return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });

const portsKey = (ports: readonly EndpointPortDiscoveryV1[] | undefined): string =>
  (ports ?? [])
    .map((one) => [one.name ?? '', one.protocol ?? 'TCP', one.port ?? '', one.appProtocol ?? ''].join('/'))
    .toSorted()
    .join(',');

interface Wanted {
  readonly ports: readonly EndpointPortDiscoveryV1[];
  /** By the Pod's uid. */
  readonly endpoints: Map<string, Endpoint>;
}

function reconcile(snapshot: EndpointSliceSnapshot, type: AddressType, slices: readonly EndpointSlice[]): Action[] {
  const { service } = snapshot;
  const wanted = new Map<string, Wanted>();
  for (const pod of snapshot.pods) {
    if (!podCanServe(pod) || addressesOf(pod, type).length === 0) continue;
    const ports = portsOf(service, pod);
    const group = wanted.get(portsKey(ports)) ?? { ports, endpoints: new Map<string, Endpoint>() };
    wanted.set(portsKey(ports), group);
    group.endpoints.set(pod.metadata.uid!, endpointOf(pod, snapshot, type));
  }
  const labels = labelsOf(service);
  const plan: Draft[] = [];
  const obsolete: EndpointSlice[] = [];
  for (const slice of slices) if (!wanted.has(portsKey(slice.ports))) obsolete.push(slice);
  for (const [key, group] of wanted)
    plan.push(
      ...distribute(
        group,
        slices.filter((one) => portsKey(one.ports) === key),
      ),
    );
  const kept = plan.filter((one) => one.endpoints.length > 0);
  const emptied = [...obsolete, ...plan.filter((one) => one.endpoints.length === 0).flatMap((one) => one.slice ?? [])];
  if (kept.length === 0) {
    // A Service always has a slice, so that readers can tell "none" from "not yet".
    const [reused] = emptied.splice(0, 1);
    kept.push({ slice: reused, ports: [], endpoints: [] });
  }
  return [
    ...kept.flatMap((one) => actionOf(one, snapshot, type, labels)),
    ...emptied.map((one) => remove(EndpointSlices, one)),
  ];
}

interface Draft {
  readonly slice: EndpointSlice | undefined;
  readonly ports: readonly EndpointPortDiscoveryV1[];
  endpoints: readonly Endpoint[];
}

function distribute(group: Wanted, slices: readonly EndpointSlice[]): Draft[] {
  const left = new Map(group.endpoints);
  const drafts: Draft[] = slices.map((slice) => {
    const endpoints: Endpoint[] = [];
    for (const one of slice.endpoints ?? []) {
      const uid = one.targetRef?.uid ?? '';
      const now = left.get(uid);
      if (now === undefined) continue;
      left.delete(uid);
      // Hints and the rest of an unchanged endpoint stay as they are.
      endpoints.push(sameEndpoint(one, now) ? one : now);
    }
    return { slice, ports: group.ports, endpoints };
  });
  const missing = [...left.values()];
  const changed = (draft: Draft) => !semanticallyEqual(draft.endpoints, draft.slice?.endpoints);
  // First into slices that change anyway.
  for (const draft of drafts.filter(changed).toSorted((one, other) => other.endpoints.length - one.endpoints.length))
    draft.endpoints = [...draft.endpoints, ...missing.splice(0, endpointsMax - draft.endpoints.length)];
  while (missing.length > 0) {
    // Then into the one that they fill best, else into a new one.
    const fitting =
      missing.length >= endpointsMax
        ? undefined
        : drafts
            .filter((one) => one.endpoints.length + missing.length <= endpointsMax && one.endpoints.length > 0)
            .toSorted((one, other) => other.endpoints.length - one.endpoints.length)[0];
    const batch = missing.splice(0, endpointsMax);
    if (fitting !== undefined) fitting.endpoints = [...fitting.endpoints, ...batch];
    else drafts.push({ slice: undefined, ports: group.ports, endpoints: batch });
  }
  return drafts;
}

const sameEndpoint = (one: Endpoint, other: Endpoint): boolean =>
  semanticallyEqual({ ...one, hints: undefined }, other);

function labelsOf(service: Service): Readonly<Record<string, string>> {
  const reserved = new Set([serviceNameLabel, managedByLabel, headlessLabel]);
  const own = Object.entries(service.metadata.labels ?? {}).filter(([key]) => !reserved.has(key));
  const headless = service.spec.clusterIP === 'None' || (service.spec.clusterIP ?? '') === '';
  return {
    ...Object.fromEntries(own),
    ...(headless ? { [headlessLabel]: '' } : {}),
    [serviceNameLabel]: service.metadata.name!,
    [managedByLabel]: managedByUs,
  };
}

function actionOf(
  { slice, ports, endpoints }: Draft,
  snapshot: EndpointSliceSnapshot,
  type: AddressType,
  labels: Readonly<Record<string, string>>,
): Action[] {
  const { service } = snapshot;
  const about = { ...service, kind: 'Service', apiVersion: 'v1' };
  const name = `${service.metadata.namespace!}/${service.metadata.name!}`;
  if (slice === undefined)
    return [
      create(
        EndpointSlices,
        {
          kind: 'EndpointSlice',
          apiVersion: 'discovery.k8s.io/v1',
          metadata: {
            generateName: `${service.metadata.name!}-`,
            namespace: service.metadata.namespace,
            labels,
            annotations: triggered({}, endpoints, snapshot, service.metadata.creationTimestamp),
            ownerReferences: [controllerReference(Services, service)],
          },
          addressType: type,
          endpoints,
          ports,
        },
        {
          onFailure: (message) => ({
            about,
            type: 'Warning',
            reason: 'FailedToUpdateEndpointSlices',
            message: `Error updating Endpoint Slices for Service ${name}: failed to create EndpointSlice for Service ${service.metadata.name!}: ${message}`,
          }),
        },
      ),
    ];
  const same =
    semanticallyEqual(slice.endpoints, endpoints) &&
    portsKey(slice.ports) === portsKey(ports) &&
    semanticallyEqual(slice.metadata.labels, labels);
  if (same) return [];
  const changed = endpoints.filter((one) => !slice.endpoints?.some((other) => semanticallyEqual(other, one)));
  const annotations = triggered(slice.metadata.annotations, changed, snapshot, undefined);
  return [update(EndpointSlices, { ...slice, metadata: { ...slice.metadata, labels, annotations }, endpoints, ports })];
}

/** Says when the oldest cause of this change was: what network programming latency is measured from. */
function triggered(
  annotations: Readonly<Record<string, string>> | undefined,
  changed: readonly Endpoint[],
  { pods }: EndpointSliceSnapshot,
  madeAt: string | undefined,
): Readonly<Record<string, string>> {
  const { [triggerTimeAnnotation]: _, ...others } = annotations ?? {};
  const uids = new Set(changed.map((one) => one.targetRef?.uid));
  const times = pods
    .filter((pod) => uids.has(pod.metadata.uid))
    .map((pod) => podCondition(pod, 'Ready')?.lastTransitionTime);
  const [first] = [...times, madeAt]
    .filter((one) => one !== undefined)
    .toSorted((one, other) => (one < other ? -1 : 1));
  return first === undefined ? others : { ...others, [triggerTimeAnnotation]: first };
}
