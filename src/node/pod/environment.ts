// The environment of a container: service links, envFrom, env with its references.
import { ownValue } from '#base/own-value.ts';
import type { Container, EnvVar, Pod, Service } from '#api/generated/types.ts';
import { parseQuantity, quantityToNumber } from '#api/quantity.ts';
import { expand } from './expansion.ts';

/** The container cannot be made until something that it names exists: reason CreateContainerConfigError. */
export class ContainerConfigError extends Error {}

export interface EnvironmentSources {
  /** Undefined: there is none. */
  configMap(namespace: string, name: string): Promise<{ readonly data: Readonly<Record<string, string>> } | undefined>;
  /** Values decoded to text. */
  secret(namespace: string, name: string): Promise<{ readonly data: Readonly<Record<string, string>> } | undefined>;
  /** Services of the Pod's namespace, and default/kubernetes. */
  services(namespace: string): readonly Service[];
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  readonly allocatable: Readonly<Record<string, number>>;
}

const variableName = (name: string): string => name.toUpperCase().replaceAll('-', '_');

export function serviceEnvironment(services: readonly Service[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const service of services) {
    const address = service.spec.clusterIP;
    const ports = service.spec.ports ?? [];
    const first = ports[0];
    if (address === undefined || address === '' || address === 'None' || first === undefined) continue;
    const host = address.includes(':') ? `[${address}]` : address;
    const name = variableName(service.metadata.name ?? '');
    values[`${name}_SERVICE_HOST`] = address;
    values[`${name}_SERVICE_PORT`] = String(first.port);
    for (const port of ports)
      if (port.name !== undefined && port.name !== '')
        values[`${name}_SERVICE_PORT_${variableName(port.name)}`] = String(port.port);
    for (const [index, port] of ports.entries()) {
      const protocol = port.protocol ?? 'TCP';
      const prefix = `${name}_PORT_${port.port}_${protocol}`;
      const url = `${protocol.toLowerCase()}://${host}:${port.port}`;
      if (index === 0) values[`${name}_PORT`] = url;
      values[prefix] = url;
      values[`${prefix}_PROTO`] = protocol.toLowerCase();
      values[`${prefix}_PORT`] = String(port.port);
      values[`${prefix}_ADDR`] = address;
    }
  }
  return values;
}

/** A downward API field as text; undefined: no such field. */
export function podField(
  pod: Pod,
  path: string,
  sources: Pick<EnvironmentSources, 'podIps' | 'hostIps'>,
): string | undefined {
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (keyed !== null) {
    const map = keyed[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations;
    return ownValue(map, keyed[2]!) ?? '';
  }
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name ?? '';
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid ?? '';
    case 'metadata.labels':
      return mapText(pod.metadata.labels);
    case 'metadata.annotations':
      return mapText(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return sources.hostIps[0] ?? '';
    case 'status.hostIPs':
      return sources.hostIps.join(',');
    case 'status.podIP':
      return sources.podIps[0] ?? '';
    case 'status.podIPs':
      return sources.podIps.join(',');
    default:
      return undefined;
  }
}

const mapText = (map: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(map ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');

/** `limits.cpu` and the like in units of the divisor, rounded up; without a limit the node's allocatable. */
export function resourceField(
  container: Container,
  resource: string,
  divisor: string | number | undefined,
  allocatable: Readonly<Record<string, number>>,
): string {
  const [kind, ...rest] = resource.split('.');
  const name = rest.join('.');
  const given = kind === 'limits' ? container.resources?.limits?.[name] : container.resources?.requests?.[name];
  const value =
    given === undefined ? (kind === 'limits' ? (allocatable[name] ?? 0) : 0) : quantityToNumber(String(given));
  const unit = divisor === undefined || String(divisor) === '0' ? 1 : quantityToNumber(parseQuantity(String(divisor)));
  return String(Math.ceil(Number((value / unit).toFixed(9))));
}

export async function containerEnvironment(
  pod: Pod,
  container: Container,
  sources: EnvironmentSources,
): Promise<Record<string, string>> {
  const namespace = pod.metadata.namespace ?? 'default';
  const links = sources.services(namespace).filter((service) => {
    const isMaster = service.metadata.namespace === 'default' && service.metadata.name === 'kubernetes';
    return isMaster || (pod.spec.enableServiceLinks !== false && service.metadata.namespace === namespace);
  });
  const fromServices = serviceEnvironment(links);
  const result: Record<string, string> = {};
  for (const from of container.envFrom ?? []) {
    const reference = from.configMapRef ?? from.secretRef;
    if (reference === undefined) continue;
    const name = reference.name ?? '';
    const source =
      from.configMapRef === undefined
        ? await sources.secret(namespace, name)
        : await sources.configMap(namespace, name);
    if (source === undefined) {
      if (reference.optional === true) continue;
      throw new ContainerConfigError(
        `${from.configMapRef === undefined ? 'secret' : 'configmap'} ${JSON.stringify(name)} not found`,
      );
    }
    for (const [key, value] of Object.entries(source.data)) result[`${from.prefix ?? ''}${key}`] = value;
  }
  const known: Record<string, string> = { ...fromServices, ...result };
  for (const variable of container.env ?? []) {
    const value = await variableValue(pod, container, variable, known, sources);
    if (value === undefined) continue;
    result[variable.name] = value;
    known[variable.name] = value;
  }
  for (const [name, value] of Object.entries(fromServices)) result[name] ??= value;
  return result;
}

async function variableValue(
  pod: Pod,
  container: Container,
  variable: EnvVar,
  known: Readonly<Record<string, string>>,
  sources: EnvironmentSources,
): Promise<string | undefined> {
  const namespace = pod.metadata.namespace ?? 'default';
  const from = variable.valueFrom;
  if (from === undefined) return expand(variable.value ?? '', known);
  if (from.fieldRef !== undefined) {
    const value = podField(pod, from.fieldRef.fieldPath, sources);
    if (value === undefined) throw new ContainerConfigError(`unsupported fieldPath: ${from.fieldRef.fieldPath}`);
    return value;
  }
  if (from.resourceFieldRef !== undefined) {
    const { containerName, resource, divisor } = from.resourceFieldRef;
    const about =
      containerName === undefined || containerName === ''
        ? container
        : [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((one) => one.name === containerName);
    if (about === undefined) throw new ContainerConfigError(`container ${String(containerName)} not found`);
    return resourceField(about, resource, divisor, sources.allocatable);
  }
  const reference = from.configMapKeyRef ?? from.secretKeyRef;
  if (reference === undefined)
    throw new ContainerConfigError(`environment variable ${variable.name}: this kind of source is not supported`);
  const isSecret = from.configMapKeyRef === undefined;
  const name = reference.name ?? '';
  const source = isSecret ? await sources.secret(namespace, name) : await sources.configMap(namespace, name);
  if (source === undefined) {
    if (reference.optional === true) return undefined;
    throw new ContainerConfigError(`${isSecret ? 'secret' : 'configmap'} ${JSON.stringify(name)} not found`);
  }
  const value = ownValue(source.data, reference.key);
  if (value === undefined && reference.optional !== true)
    throw new ContainerConfigError(
      `couldn't find key ${reference.key} in ${isSecret ? 'Secret' : 'ConfigMap'} ${namespace}/${name}`,
    );
  return value;
}
