// Rows of Services and what is behind and before them.
import type {
  EndpointSlice,
  Endpoints,
  Ingress,
  IngressClass,
  NetworkPolicy,
  Route,
  Service,
} from '../generated/types.ts';
import { age, labelsText, none, selectorText, unset, withMore, type CellsOf } from './format.ts';

function externalIps({ spec, status }: Service): string {
  const own = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return own.length === 0 ? none : own.join(',');
    case 'LoadBalancer': {
      const given = new Set((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? ''));
      const all = [...[...given].filter((one) => one !== '').toSorted(), ...own];
      return all.length === 0 ? '<pending>' : all.join(',');
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

export const serviceCells: CellsOf<Service> = (object, now) => {
  const { spec } = object;
  const ports = (spec?.ports ?? []).map(({ port, nodePort = 0, protocol }) =>
    nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return [
    object.metadata.name,
    spec?.type ?? '',
    spec?.clusterIPs?.[0] ?? none,
    externalIps(object),
    ports.length === 0 ? none : ports.join(','),
    age(object, now),
    labelsText(spec?.selector),
  ];
};

const hostPort = (ip: string, port: number) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

export const endpointsCells: CellsOf<Endpoints> = (object, now) => {
  const subsets = object.subsets ?? [];
  const list = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => hostPort(ip, port))),
  );
  return [object.metadata.name, subsets.length === 0 ? none : withMore(list, 3, ''), age(object, now)];
};

export const endpointSliceCells: CellsOf<EndpointSlice> = (object, now) => [
  object.metadata.name,
  object.addressType,
  withMore(
    (object.ports ?? []).map(({ port, name }) => (port === undefined ? (name ?? '*') : String(port))),
    3,
    unset,
  ),
  withMore(
    (object.endpoints ?? []).flatMap((one) => one.addresses),
    3,
    unset,
  ),
  age(object, now),
];

export const ingressCells: CellsOf<Ingress> = (object, now) => {
  const { spec, status } = object;
  const hosts = (spec?.rules ?? []).map((one) => one.host ?? '').filter((one) => one !== '');
  const addresses = new Set((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? ''));
  return [
    object.metadata.name,
    spec?.ingressClassName ?? none,
    withMore(hosts, 3, '*'),
    [...addresses]
      .filter((one) => one !== '')
      .toSorted()
      .join(','),
    (spec?.tls?.length ?? 0) > 0 ? '80, 443' : '80',
    age(object, now),
  ];
};

export const ingressClassCells: CellsOf<IngressClass> = (object, now) => {
  const { spec, metadata } = object;
  const isDefault = metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true';
  const parameters = spec?.parameters;
  const group = parameters?.apiGroup === undefined ? '' : `.${parameters.apiGroup}`;
  return [
    `${metadata.name}${isDefault ? ' (default)' : ''}`,
    spec?.controller ?? '',
    parameters === undefined ? none : `${parameters.kind}${group}/${parameters.name}`,
    age(object, now),
  ];
};

export const networkPolicyCells: CellsOf<NetworkPolicy> = (object, now) => [
  object.metadata.name,
  selectorText(object.spec?.podSelector ?? {}),
  age(object, now),
];

/** Where routers admitted it; else what was asked for. */
function routeHost({ spec, status }: Route): string {
  const admitted = (status?.ingress ?? []).filter((one) =>
    one.conditions?.some(({ type, status: state }) => type === 'Admitted' && state === 'True'),
  );
  const host = admitted[0]?.host ?? spec.host ?? '';
  if (admitted.length > 1) return `${host} ... ${admitted.length - 1} more`;
  const refused = (status?.ingress ?? [])
    .flatMap((one) => one.conditions ?? [])
    .find(({ type, status: state }) => type === 'Admitted' && state === 'False');
  if (admitted.length === 0 && refused !== undefined) return refused.reason ?? 'Rejected';
  return host;
}

export const routeCells: CellsOf<Route> = (object) => {
  const { spec, metadata } = object;
  const backends = [spec.to, ...(spec.alternateBackends ?? [])];
  const total = backends.reduce((sum, one) => sum + (one.weight ?? 100), 0);
  const services = backends.map(({ name, weight = 100 }) =>
    backends.length === 1 ? name : `${name}(${total === 0 ? 0 : Math.trunc((weight * 100) / total)}%)`,
  );
  const { tls } = spec;
  const insecure = tls?.insecureEdgeTerminationPolicy ?? '';
  return [
    metadata.name,
    routeHost(object),
    spec.path ?? '',
    services.join(','),
    spec.port === undefined ? '<all>' : String(spec.port.targetPort),
    tls === undefined ? '' : insecure === '' ? tls.termination : `${tls.termination}/${insecure}`,
    (spec.wildcardPolicy ?? '') === '' ? 'None' : spec.wildcardPolicy,
  ];
};
