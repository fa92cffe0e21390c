// What is accepted of a Pod or template and yet surely not meant: upstream's Warning headers.
import type { Container, ContainerPort, PodSpec, PodTemplateSpec } from '../generated/types.ts';
import { dns1123Label } from '../meta/names.ts';
import { isAbsent, semanticEqual } from './fields.ts';

interface Placed {
  readonly path: string;
  readonly container: Container;
}
/** In upstream's order: init containers first. */
const containersOf = (path: string, spec: PodSpec): Placed[] =>
  (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, index) => ({ path: `${path}.${list}[${index}]`, container })),
  );

function environmentWarnings({ path, container }: Placed): string[] {
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

function portWarnings(containers: readonly Placed[]): string[] {
  const warnings: string[] = [];
  const byNumber = new Map<string, PlacedPort[]>();
  let comparisons = 0;
  const ports = containers.flatMap(({ path, container }) =>
    (container.ports ?? []).map((port, index) => ({ at: `${path}.ports[${index}]`, port })),
  );
  for (const one of ports) {
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

/** `path` is of the Pod or template: empty, or `spec.template`. */
export function podWarnings(path: string, spec: PodSpec): string[] {
  const at = path === '' ? 'spec' : `${path}.spec`;
  const warnings: string[] = [];
  const seenAddresses = new Set<string>();
  for (const [index, { ip }] of (spec.hostAliases ?? []).entries()) {
    if (seenAddresses.has(ip)) warnings.push(`${at}.hostAliases[${index}].ip: duplicate ip ${JSON.stringify(ip)}`);
    seenAddresses.add(ip);
  }
  const seenSecrets = new Set<string>();
  for (const [index, { name = '' }] of (spec.imagePullSecrets ?? []).entries()) {
    const of = `${at}.imagePullSecrets[${index}].name`;
    if (name === '') warnings.push(`${of}: invalid empty name ""`);
    else if (seenSecrets.has(name)) warnings.push(`${of}: duplicate name ${JSON.stringify(name)}`);
    seenSecrets.add(name);
  }
  const containers = containersOf(at, spec);
  warnings.push(...containers.flatMap(environmentWarnings), ...portWarnings(containers));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warnings.push(
      `${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
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
    : podWarnings(path, template.spec);

/** Of kinds whose names begin those of Pods. */
export function nameWarnings(name: string | undefined): string[] {
  const wrong = dns1123Label(name ?? '');
  return wrong.length === 0
    ? []
    : [
        `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(' ')}]`,
      ];
}
