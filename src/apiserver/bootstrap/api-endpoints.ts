// Service `kubernetes` of the namespace default and the addresses behind it: how pods reach this API server.
import { Endpoints, EndpointSlices, Services } from '#api/generated/kind-references.ts';
import type { Endpoints as EndpointsObject, EndpointSlice, Service } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import type { Client } from '#client/client.ts';
import { sameValue } from '../registry/same-object.ts';
import { familyOf, formatAddress, parseRange } from '../registry/services/addresses.ts';

export interface ApiEndpoints {
  /** Of this machine, reachable from pods; all of one family. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly serviceCidr: string;
}

const key = { namespace: 'default', name: 'kubernetes' };

/** The first address of the range is the API server's. */
export function apiServiceAddress(serviceCidr: string): string {
  const range = parseRange(serviceCidr);
  return formatAddress(range.first + 1n, range.family);
}

async function put<T extends KubernetesObject>(
  client: Client,
  kind: KindReference<T>,
  wanted: T,
  parts: readonly (keyof T & string)[],
): Promise<void> {
  const resource = client.resource(kind);
  const there = await resource.find(key);
  if (there === undefined) await resource.create(wanted);
  else if (parts.some((part) => !sameValue(there[part], wanted[part])))
    await resource.update({ ...there, ...Object.fromEntries(parts.map((part) => [part, wanted[part]])) });
}

export async function publishApiEndpoints(
  client: Client,
  { addresses, port, serviceCidr }: ApiEndpoints,
): Promise<void> {
  const clusterIP = apiServiceAddress(serviceCidr);
  const family = familyOf(clusterIP);
  const service: Service = {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { ...key, labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: [family],
      ipFamilyPolicy: 'SingleStack',
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }],
    },
  };
  const services = client.resource(Services);
  const there = await services.find(key);
  if (there === undefined) await services.create(service);
  else if (!sameValue(there.spec?.ports?.[0]?.targetPort, port))
    await services.update({ ...there, spec: { ...there.spec, ports: service.spec!.ports } });

  const own = addresses.filter((address) => familyOf(address) === family).toSorted();
  const endpoints: EndpointsObject = {
    kind: 'Endpoints',
    apiVersion: 'v1',
    metadata: { ...key, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: own.map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  };
  await put(client, Endpoints, endpoints, ['subsets']);
  const slice: EndpointSlice = {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: { ...key, labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: family,
    endpoints: own.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
  await put(client, EndpointSlices, slice, ['endpoints', 'ports']);
}
