// What is accepted of a Pod or template and yet surely not meant: upstream's Warning headers.
import type { ContainerPort, ObjectMeta, PodSpec, PodTemplateSpec } from '../generated/types.ts';
import { dns1123Label } from '../meta/names.ts';
import { ipWarnings } from './addresses.ts';
import { appArmorTemplateWarnings } from './app-armor.ts';
import { isAbsent, semanticEqual } from './fields.ts';
import { placedContainers, type PlacedContainer } from './placed-containers.ts';
import { placementWarnings } from './placement-warnings.ts';
import { seccompContainerPrefix, seccompPodAnnotation } from './pod-annotations.ts';
import { volumeWarnings } from './pod-volume-warnings.ts';
import { fractionalByteWarning } from './resources.ts';

function environmentWarnings({ path, container }: PlacedContainer): string[] {
  const seen = new Set<string>();
  return (container.env ?? []).flatMap(({ name, value = '', valueFrom }, index) => {
    const repeated = seen.has(name);
    seen.add(name);
    const reference = `$(${name})`;
    return repeated && (valueFrom !== undefined || value === reference || !value.includes(reference))
      ? [
          `${path}.env[${index}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
        ]
      : [];
  });
}

interface PlacedPort {
  readonly at: string;
  readonly port: ContainerPort;
}

function portWarning({ at, port }: PlacedPort, other: PlacedPort): string | undefined {
  const [hostPort, otherHostPort] = [port.hostPort ?? 0, other.port.hostPort ?? 0];
  const [hostIP, otherHostIP] = [port.hostIP ?? '', other.port.hostIP ?? ''];
  if (hostIP === otherHostIP && hostPort === otherHostPort) return `${at}: duplicate port definition with ${other.at}`;
  if (hostPort === 0 || otherHostPort === 0) return `${at}: overlapping port definition with ${other.at}`;
  return hostPort === otherHostPort && (hostIP === '') !== (otherHostIP === '')
    ? `${at}: dangerously ambiguous port definition with ${other.at}`
    : undefined;
}

/** Each is told with each: a long list must not take memory and time with its square. The header has room for fewer. */
const portWarningsMax = 100;
const portComparisonsMax = 1_000_000;

function portWarnings(containers: readonly PlacedContainer[]): string[] {
  const warnings: string[] = [];
  const byNumber = new Map<string, PlacedPort[]>();
  let comparisons = 0;
  const ports = containers.flatMap(({ path, container }) =>
    (container.ports ?? []).map((port, index) => ({ at: `${path}.ports[${index}]`, port })),
  );
  for (const one of ports) {
    const { at, port } = one;
    if (!isAbsent(port.hostIP) && (port.hostPort ?? 0) === 0)
      warnings.push(
        `${at}: hostIP set without hostPort: {Name:${port.name ?? ''} HostPort:0 ContainerPort:${port.containerPort} Protocol:${port.protocol ?? ''} HostIP:${port.hostIP}}`,
      );
    const key = `${one.port.containerPort}/${one.port.protocol}`;
    const others = byNumber.get(key);
    if (others === undefined) {
      byNumber.set(key, [one]);
      continue;
    }
    for (const other of others) {
      if (warnings.length === portWarningsMax || comparisons++ >= portComparisonsMax) break;
      const warning = portWarning(one, other);
      if (warning !== undefined) warnings.push(warning);
    }
    others.push(one);
  }
  const byName = new Map<string, string>();
  for (const { at, port } of ports) {
    if (isAbsent(port.name)) continue;
    const other = byName.get(port.name);
    if (other === undefined) byName.set(port.name, at);
    else
      warnings.push(
        `${at}: duplicate port name ${JSON.stringify(port.name)} with ${other}, services and probes that select ports by name will use ${other}`,
      );
  }
  return warnings;
}

const deadAnnotations: readonly (readonly [key: string, text: string])[] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
];

function containerWarnings(
  metaPath: string,
  annotations: ObjectMeta['annotations'],
  placed: PlacedContainer,
): string[] {
  const { path, container } = placed;
  const warnings: string[] = [];
  const seccomp = `${seccompContainerPrefix}${container.name}`;
  if (container.securityContext?.seccompProfile === undefined && annotations?.[seccomp] !== undefined)
    warnings.push(`${metaPath}[${seccomp}]: non-functional in v1.27+; use the "seccompProfile" field instead`);
  for (const name of ['memory', 'ephemeral-storage'])
    for (const part of ['limits', 'requests'] as const)
      warnings.push(
        ...fractionalByteWarning(`${path}.resources.${part}[${name}]`, container.resources?.[part]?.[name]),
      );
  return [...warnings, ...environmentWarnings(placed)];
}

function repeatedWarnings(at: string, spec: PodSpec): string[] {
  const warnings: string[] = [];
  const [addresses, secrets] = [new Set<string>(), new Set<string>()];
  for (const [index, { ip }] of (spec.hostAliases ?? []).entries()) {
    if (addresses.has(ip)) warnings.push(`${at}.hostAliases[${index}].ip: duplicate ip ${JSON.stringify(ip)}`);
    addresses.add(ip);
  }
  const empty: string[] = [];
  for (const [index, { name = '' }] of (spec.imagePullSecrets ?? []).entries()) {
    const of = `${at}.imagePullSecrets[${index}].name`;
    if (secrets.has(name)) warnings.push(`${of}: duplicate name ${JSON.stringify(name)}`);
    if (name === '') empty.push(`${of}: invalid empty name ""`);
    secrets.add(name);
  }
  return [...warnings, ...empty];
}

/** `path` is of the Pod or template: empty, or `spec.template`. */
export function podWarnings(path: string, spec: PodSpec, meta: ObjectMeta | undefined): string[] {
  const at = path === '' ? 'spec' : `${path}.spec`;
  const metaPath = path === '' ? 'metadata.annotations' : `${path}.metadata.annotations`;
  const annotations = meta?.annotations;
  const { selectors, terms } = placementWarnings(at, spec);
  const warnings = [...selectors];
  for (const [key, text] of deadAnnotations)
    if (annotations?.[key] !== undefined) warnings.push(`${metaPath}[${key}]: ${text}`);
  warnings.push(...volumeWarnings(at, spec), ...repeatedWarnings(at, spec));
  for (const name of ['memory', 'ephemeral-storage'])
    warnings.push(...fractionalByteWarning(`${at}.overhead[${name}]`, spec.overhead?.[name]));
  if (spec.securityContext?.seccompProfile === undefined && annotations?.[seccompPodAnnotation] !== undefined)
    warnings.push(
      `${metaPath}[${seccompPodAnnotation}]: non-functional in v1.27+; use the "seccompProfile" field instead`,
    );
  const containers = placedContainers(at, spec);
  if (path !== '') warnings.push(...appArmorTemplateWarnings(metaPath, annotations, spec));
  for (const placed of containers) warnings.push(...containerWarnings(metaPath, annotations, placed));
  warnings.push(...portWarnings(containers));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warnings.push(
      `${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  warnings.push(...terms);
  for (const [index, server] of (spec.dnsConfig?.nameservers ?? []).entries())
    warnings.push(...ipWarnings(`${at}.dnsConfig.nameservers[${index}]`, server));
  for (const [index, { ip }] of (spec.hostAliases ?? []).entries())
    warnings.push(...ipWarnings(`${at}.hostAliases[${index}].ip`, ip));
  return warnings;
}

/** Said once, when the template is new or changed. */
export const templateWarnings = (
  path: string,
  template: PodTemplateSpec | undefined,
  previous: PodTemplateSpec | undefined,
): string[] =>
  template?.spec === undefined || (previous !== undefined && semanticEqual(template, previous))
    ? []
    : podWarnings(path, template.spec, template.metadata);

/** Of kinds whose names begin those of Pods. */
export function nameWarnings(name: string | undefined): string[] {
  const wrong = dns1123Label(name ?? '');
  return wrong.length === 0
    ? []
    : [
        `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(' ')}]`,
      ];
}
