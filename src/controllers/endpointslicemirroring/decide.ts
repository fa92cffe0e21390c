// EndpointSlices for Endpoints that somebody else keeps: those of Services without a selector.
import { Endpoints as EndpointsKind, EndpointSlices } from '#api/generated/kind-references.ts';
import type {
  Endpoint,
  EndpointAddress,
  EndpointPort,
  EndpointPortDiscoveryV1,
  Endpoints,
  EndpointSlice,
  Service,
} from '#api/generated/types.ts';
import { isIP, isIPv6 } from '#api/validation/ip.ts';
import { controllerReference } from '#api/meta/owner.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { managedByLabel, serviceNameLabel } from '../endpointslice/decide.ts';
import { create, remove, update, type Action, type Decision, type EventRequest } from '../runtime/action.ts';

export interface MirrorSnapshot {
  readonly service: Service | undefined;
  readonly endpoints: Endpoints | undefined;
  /** Slices of this name that this controller manages. */
  readonly slices: readonly EndpointSlice[];
}

export const managedByUs = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const notMirrored = [
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubectl.kubernetes.io/last-applied-configuration',
];
/** Of one subset: upstream's --mirroring-max-endpoints-per-subset. */
const addressesMax = 1000;

const without = (map: Readonly<Record<string, string>> | undefined, keys: readonly string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !keys.includes(key)));

export function decide({ service, endpoints, slices }: MirrorSnapshot): Decision {
  const isMirrored =
    service !== undefined &&
    service.spec.selector === undefined &&
    endpoints !== undefined &&
    endpoints.metadata.labels?.[skipLabel] !== 'true' &&
    endpoints.metadata.annotations?.[leaderAnnotation] === undefined;
  if (!isMirrored) return { actions: slices.map((one) => remove(EndpointSlices, one)) };
  const { wanted, events } = wantedSlices(endpoints);
  const labels = {
    ...endpoints.metadata.labels,
    [serviceNameLabel]: endpoints.metadata.name!,
    [managedByLabel]: managedByUs,
  };
  const annotations = without(endpoints.metadata.annotations, notMirrored);
  const ownerReferences = [controllerReference(EndpointsKind, endpoints)];
  const left = new Set(slices.filter((one) => one.metadata.deletionTimestamp === undefined));
  const changes: Action[] = [];
  const missing: Wanted[] = [];
  const put = (slice: EndpointSlice, one: Wanted): void => {
    left.delete(slice);
    const next: EndpointSlice = {
      ...slice,
      metadata: { ...slice.metadata, labels, annotations, ownerReferences },
      endpoints: one.endpoints,
      ports: one.ports,
    };
    if (!semanticallyEqual(next, slice)) changes.push(update(EndpointSlices, next));
  };
  for (const one of wanted) {
    const same = [...left].find((slice) => slice.addressType === one.type && keyOf(slice.ports ?? []) === one.key);
    if (same === undefined) missing.push(one);
    else put(same, one);
  }
  for (const one of missing) {
    // One that would go is used again.
    const spare = [...left].find((slice) => slice.addressType === one.type);
    if (spare !== undefined) put(spare, one);
    else if (endpoints.metadata.deletionTimestamp === undefined)
      changes.push(
        create(EndpointSlices, {
          kind: 'EndpointSlice',
          apiVersion: 'discovery.k8s.io/v1',
          metadata: {
            generateName: `${endpoints.metadata.name!}-`,
            namespace: endpoints.metadata.namespace,
            labels,
            annotations,
            ownerReferences,
          },
          addressType: one.type,
          endpoints: one.endpoints,
          ports: one.ports,
        }),
      );
  }
  return { actions: [...changes, ...[...left].map((one) => remove(EndpointSlices, one))], events };
}

interface Wanted {
  readonly key: string;
  readonly type: 'IPv4' | 'IPv6';
  readonly ports: readonly EndpointPortDiscoveryV1[];
  readonly endpoints: readonly Endpoint[];
}

const keyOf = (ports: readonly EndpointPortDiscoveryV1[]): string =>
  ports
    .map((one) => [one.name ?? '', one.protocol ?? 'TCP', one.port ?? '', one.appProtocol ?? ''].join('/'))
    .toSorted()
    .join(',');

const portOf = ({ name = '', port, protocol = 'TCP', appProtocol }: EndpointPort): EndpointPortDiscoveryV1 => ({
  name,
  port,
  protocol,
  ...(appProtocol === undefined ? {} : { appProtocol }),
});

const endpointOf = ({ ip, targetRef, nodeName, hostname }: EndpointAddress, ready: boolean): Endpoint => ({
  addresses: [ip],
  conditions: { ready },
  ...(hostname ? { hostname } : {}),
  ...(targetRef === undefined ? {} : { targetRef }),
  ...(nodeName ? { nodeName } : {}),
});

function wantedSlices(endpoints: Endpoints): { readonly wanted: readonly Wanted[]; readonly events: EventRequest[] } {
  const groups = new Map<string, Wanted & { readonly endpoints: Endpoint[] }>();
  let [invalid, skipped] = [0, 0];
  for (const { ports = [], addresses = [], notReadyAddresses = [] } of endpoints.subsets ?? []) {
    const sliceports = ports.map(portOf);
    const key = keyOf(sliceports);
    let added = 0;
    const all = [
      ...addresses.map((one) => ({ one, ready: true })),
      ...notReadyAddresses.map((one) => ({ one, ready: false })),
    ];
    for (const { one, ready } of all) {
      if (added >= addressesMax) break;
      if (!isIP(one.ip)) {
        invalid++;
        continue;
      }
      const type = isIPv6(one.ip) ? 'IPv6' : 'IPv4';
      const group = groups.get(`${type} ${key}`) ?? { key, type, ports: sliceports, endpoints: [] };
      groups.set(`${type} ${key}`, group);
      const endpoint = endpointOf(one, ready);
      added++;
      if (!group.endpoints.some((other) => semanticallyEqual({ ...other, conditions: endpoint.conditions }, endpoint)))
        group.endpoints.push(endpoint);
    }
    skipped += all.length - added;
  }
  const events: EventRequest[] = [];
  const warn = (reason: string, message: string) =>
    events.push({ about: { ...endpoints, kind: 'Endpoints', apiVersion: 'v1' }, type: 'Warning', reason, message });
  if (invalid > 0) warn('InvalidIPAddress', `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`);
  if (skipped > invalid)
    warn(
      'TooManyAddressesToMirror',
      `A max of ${addressesMax} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`,
    );
  return { wanted: [...groups.values()], events };
}
