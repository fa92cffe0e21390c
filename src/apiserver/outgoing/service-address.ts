// Where a Service is reached from the API server itself: at a ready endpoint, so that it works without a service proxy on this
// machine; at the cluster IP where no EndpointSlice tells of endpoints. Texts of upstream's resolvers.
import { EndpointSlices, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice, Service, ServicePort } from '#api/generated/types.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { fraction, type Random } from '#base/random.ts';
import type { Store } from '#storage/store.ts';

export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  /** 443 where nobody says another. */
  readonly port: number;
}
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Throws an Error whose message is upstream's. */
export function serviceAddress(store: Store, random: Random, reference: ServiceReference): Address {
  const { namespace, name, port } = reference;
  const service = serviceOf(store, namespace, name);
  if (service === undefined) throw new Error(`service "${name}" not found`);
  const { type = 'ClusterIP', clusterIP = '', externalName = '' } = service.spec ?? {};
  if (type === 'ExternalName') return { host: externalName, port };
  const servicePort = portOf(service, port);
  const slices = slicesOf(store, namespace, name);
  if (slices.length > 0) {
    const found = readyEndpoint(slices, service, servicePort, random);
    if (found !== undefined) return found;
    throw new Error(`no endpoints available for service "${name}"`);
  }
  if (clusterIP === '' || clusterIP === 'None') throw new Error(`no endpoints available for service "${name}"`);
  return { host: clusterIP, port: servicePort.port };
}

function portOf(service: Service, port: number): ServicePort {
  const found = service.spec?.ports?.find((one) => one.port === port);
  if (found === undefined) throw new Error(`no service port ${port} found for service "${service.metadata.name}"`);
  return found;
}

const serviceLabel = 'kubernetes.io/service-name';

export const serviceOf = (store: Store, namespace: string, name: string): Service | undefined =>
  store.get(storageKey(Services, namespace, name))?.object() as Service | undefined;

export function slicesOf(store: Store, namespace: string, name: string): EndpointSlice[] {
  const selector = matcherFor({ matchLabels: { [serviceLabel]: name } });
  return store
    .list(storagePrefix(EndpointSlices, namespace))
    .items.map((stored) => stored.object() as EndpointSlice)
    .filter((slice) => selector.matches(slice.metadata.labels));
}

/** Of the Service's first address family if there is one; any of the ready ones. */
function readyEndpoint(
  slices: readonly EndpointSlice[],
  service: Service,
  servicePort: ServicePort,
  random: Random,
): Address | undefined {
  const preferred = service.spec?.ipFamilies?.[0];
  const ordered = slices.toSorted((a, b) => Number(b.addressType === preferred) - Number(a.addressType === preferred));
  for (const slice of ordered) {
    const port = slice.ports?.find((one) => (one.name ?? '') === (servicePort.name ?? ''))?.port;
    const ready = (slice.endpoints ?? []).filter((one) => one.conditions?.ready !== false && one.addresses.length > 0);
    if (typeof port !== 'number' || ready.length === 0) continue;
    return { host: ready[Math.floor(fraction(random) * ready.length)]!.addresses[0]!, port };
  }
  return undefined;
}
