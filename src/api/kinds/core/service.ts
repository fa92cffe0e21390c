// Service: ports, types, what cannot change. Addresses and node ports are allocated by the API server, before validation.
import { duplicate, forbidden, invalid, required, type FieldError } from '../../field-error.ts';
import type { Service, ServicePort, ServiceSpec } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { nameIsDnsLabel, portNumber } from '../../meta/names.ts';
import { validateLabels } from '../../meta/object-meta.ts';
import { cidrErrors, cidrWarnings, endpointIpErrors, ipErrors, ipWarnings } from '../../validation/addresses.ts';
import { isIP } from '../../validation/ip.ts';
import { protocols } from '../../validation/containers.ts';
import { addressUpdateErrors, clusterIpErrors, isHeadless } from '../../validation/service-addresses.ts';
import {
  isAbsent,
  labelErrors,
  oneOf,
  optionalOneOf,
  portNumberOrName,
  qualifiedErrors,
  requiredOneOf,
  semanticEqual,
  subdomainErrors,
  texts,
} from '../../validation/fields.ts';

const affinitySecondsMax = 86_400;
const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

const isExternal = ({ type, externalIPs }: ServiceSpec) =>
  type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && (externalIPs?.length ?? 0) > 0);
const needsHealthCheck = ({ type, externalTrafficPolicy }: ServiceSpec) =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
const usesNodePorts = ({ type }: ServiceSpec) => type === 'NodePort' || type === 'LoadBalancer';

function portErrors(path: string, port: ServicePort, nameNeeded: boolean, names: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  if (isAbsent(port.name)) {
    if (nameNeeded) errors.push(required(`${path}.name`));
  } else {
    errors.push(...labelErrors(`${path}.name`, port.name));
    if (names.has(port.name)) errors.push(duplicate(`${path}.name`, port.name));
    names.add(port.name);
  }
  return [
    ...errors,
    ...texts(`${path}.port`, port.port ?? 0, portNumber(port.port ?? 0)),
    ...requiredOneOf(`${path}.protocol`, port.protocol, protocols),
    ...portNumberOrName(`${path}.targetPort`, port.targetPort ?? 0),
    ...(port.appProtocol === undefined ? [] : qualifiedErrors(`${path}.appProtocol`, port.appProtocol)),
  ];
}

function affinityErrors(spec: ServiceSpec): FieldError[] {
  const { sessionAffinity, sessionAffinityConfig: config } = spec;
  const path = 'spec.sessionAffinityConfig';
  const errors = requiredOneOf('spec.sessionAffinity', sessionAffinity, ['ClientIP', 'None']);
  if (sessionAffinity === 'None' && config !== undefined)
    return [...errors, forbidden(path, 'must not be set when session affinity is None')];
  if (sessionAffinity !== 'ClientIP') return errors;
  const detail = 'when session affinity type is ClientIP';
  if (config === undefined) return [...errors, required(path, detail)];
  if (config.clientIP === undefined) return [...errors, required(`${path}.clientIP`, detail)];
  const seconds = config.clientIP.timeoutSeconds;
  const at = `${path}.clientIP.timeoutSeconds`;
  if (seconds === undefined) return [...errors, required(at, detail)];
  return seconds <= 0 || seconds > affinitySecondsMax
    ? [...errors, invalid(at, seconds, `must be greater than 0 and less than ${affinitySecondsMax}`)]
    : errors;
}

function trafficErrors(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const policy = spec.externalTrafficPolicy;
  if (isExternal(spec)) errors.push(...requiredOneOf('spec.externalTrafficPolicy', policy, ['Cluster', 'Local']));
  else if (!isAbsent(policy))
    errors.push(invalid('spec.externalTrafficPolicy', policy, 'may only be set for externally-accessible services'));
  const port = spec.healthCheckNodePort ?? 0;
  if (!needsHealthCheck(spec)) {
    if (port !== 0)
      errors.push(
        invalid(
          'spec.healthCheckNodePort',
          port,
          "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ),
      );
  } else
    errors.push(
      ...(port === 0
        ? [required('spec.healthCheckNodePort')]
        : texts('spec.healthCheckNodePort', port, portNumber(port))),
    );
  if (spec.internalTrafficPolicy === undefined) {
    if (spec.type === 'ClusterIP' || usesNodePorts(spec)) errors.push(required('spec.internalTrafficPolicy'));
  } else errors.push(...oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']));
  return [
    ...errors,
    ...optionalOneOf('spec.trafficDistribution', spec.trafficDistribution, [
      'PreferClose',
      'PreferSameZone',
      'PreferSameNode',
    ]),
  ];
}

const rangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const modeAnnotation = 'service.kubernetes.io/topology-mode';
const hintsAnnotation = 'service.kubernetes.io/topology-aware-hints';

/** What loadBalancerSourceRanges was before it was a field. */
function rangeAnnotationErrors({ metadata, spec }: Service, previous: Service | undefined): FieldError[] {
  const text = metadata.annotations?.[rangesAnnotation];
  if (text === undefined) return [];
  const at = `metadata.annotations[${rangesAnnotation}]`;
  const errors = spec?.type === 'LoadBalancer' ? [] : [forbidden(at, "may only be used when `type` is 'LoadBalancer'")];
  if (text !== previous?.metadata.annotations?.[rangesAnnotation] && text.trim() !== '')
    for (const range of text.split(',')) errors.push(...cidrErrors(at, range.trim()));
  return errors;
}

function topologyErrors({ metadata }: Service): FieldError[] {
  const [mode, hints] = [metadata.annotations?.[modeAnnotation], metadata.annotations?.[hintsAnnotation]];
  return mode === undefined || hints === undefined || mode === hints
    ? []
    : [
        invalid(
          `metadata.annotations[${modeAnnotation}]`,
          mode,
          `must match annotations[${hintsAnnotation}] when both are specified`,
        ),
      ];
}

function warnings({ metadata, spec }: Service): string[] {
  const result: string[] = [];
  if (metadata.annotations?.[hintsAnnotation] !== undefined)
    result.push(`annotation ${hintsAnnotation} is deprecated, please use ${modeAnnotation} instead`);
  const headless = isHeadless(spec);
  const isName = spec.type === 'ExternalName';
  const [externalIPs, clusterIPs] = [spec.externalIPs ?? [], spec.clusterIPs ?? []];
  if (!headless && !isName)
    clusterIPs.forEach((ip, index) => result.push(...ipWarnings(`spec.clusterIPs[${index}]`, ip)));
  if (headless) {
    if (!isAbsent(spec.loadBalancerIP)) result.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIPs.length > 0) result.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') result.push('spec.SessionAffinity is ignored for headless services');
  }
  externalIPs.forEach((ip, index) => result.push(...ipWarnings(`spec.externalIPs[${index}]`, ip)));
  if (externalIPs.length > 0 && !headless && !isName)
    result.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  if (!isAbsent(spec.loadBalancerIP)) result.push(...ipWarnings('spec.loadBalancerIP', spec.loadBalancerIP));
  for (const [index, range] of (spec.loadBalancerSourceRanges ?? []).entries())
    result.push(...cidrWarnings(`spec.loadBalancerSourceRanges[${index}]`, range));
  if (isName && externalIPs.length > 0) result.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (!isName && !isAbsent(spec.externalName))
    result.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose')
    result.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return result;
}

function statusErrors({ spec, status }: Service, previous: Service): FieldError[] {
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (spec?.type !== 'LoadBalancer')
    return ingress.length === 0
      ? []
      : [forbidden('status.loadBalancer.ingress', "may only be used when `spec.type` is 'LoadBalancer'")];
  const known = (previous.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (isAbsent(ip) ? [] : [ip]));
  return ingress.flatMap(({ ip, ipMode, hostname }, index) => {
    const at = `status.loadBalancer.ingress[${index}]`;
    const errors = isAbsent(ip) ? [] : ipErrors(`${at}.ip`, ip, known);
    if (ipMode === undefined) {
      if (!isAbsent(ip)) errors.push(required(`${at}.ipMode`, 'must be specified when `ip` is set'));
    } else if (isAbsent(ip)) errors.push(forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set'));
    else errors.push(...oneOf(`${at}.ipMode`, ipMode, ['Proxy', 'VIP']));
    if (!isAbsent(hostname)) {
      errors.push(...subdomainErrors(`${at}.hostname`, hostname));
      if (isIP(hostname)) errors.push(invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'));
    }
    return errors;
  });
}

function validateService(object: Service, previous?: Service): FieldError[] {
  const spec: Service['spec'] = object.spec ?? {};
  const errors: FieldError[] = topologyErrors(object);
  const { type, ports = [] } = spec;
  const headless = isHeadless(spec);
  if (ports.length === 0 && !headless && type !== 'ExternalName') errors.push(required('spec.ports'));
  if (headless && usesNodePorts(spec))
    errors.push(invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`));
  if (type === 'ExternalName') {
    const detail = 'may not be set for ExternalName services';
    if ((spec.clusterIPs?.length ?? 0) > 0) errors.push(forbidden('spec.clusterIPs', detail));
    if ((spec.ipFamilies?.length ?? 0) > 0) errors.push(forbidden('spec.ipFamilies', detail));
    if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden('spec.ipFamilyPolicy', detail));
    const name = (spec.externalName ?? '').replace(/\.$/, '');
    errors.push(...(name === '' ? [required('spec.externalName')] : subdomainErrors('spec.externalName', name)));
  }
  const names = new Set<string>();
  for (const [index, port] of ports.entries())
    errors.push(...portErrors(`spec.ports[${index}]`, port, ports.length > 1, names));
  errors.push(
    ...validateLabels(spec.selector, 'spec.selector'),
    ...affinityErrors(spec),
    ...clusterIpErrors(spec, previous?.spec),
  );
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) {
    const at = `spec.externalIPs[${index}]`;
    const wrong = ipErrors(at, ip, previous?.spec?.externalIPs);
    errors.push(...(wrong.length > 0 ? wrong : endpointIpErrors(at, ip)));
  }
  errors.push(...requiredOneOf('spec.type', type, types));
  const [nodePorts, numbers] = [new Set<string>(), new Set<string>()];
  if (type === 'ClusterIP')
    for (const [index, { nodePort = 0 }] of ports.entries())
      if (nodePort !== 0)
        errors.push(forbidden(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
  for (const [index, { nodePort = 0, protocol }] of ports.entries()) {
    if (nodePort === 0) continue;
    if (nodePorts.has(`${protocol}/${nodePort}`)) errors.push(duplicate(`spec.ports[${index}].nodePort`, nodePort));
    nodePorts.add(`${protocol}/${nodePort}`);
  }
  for (const [index, { port, protocol }] of ports.entries()) {
    if (numbers.has(`${protocol}/${port}`)) errors.push(duplicate(`spec.ports[${index}]`, { protocol, port }));
    numbers.add(`${protocol}/${port}`);
  }
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length === 0) errors.push(...rangeAnnotationErrors(object, previous));
  else {
    const at = 'spec.LoadBalancerSourceRanges';
    if (type !== 'LoadBalancer') errors.push(forbidden(at, "may only be used when `type` is 'LoadBalancer'"));
    ranges.forEach((one, index) =>
      errors.push(...cidrErrors(`${at}[${index}]`, one.trim(), previous?.spec?.loadBalancerSourceRanges)),
    );
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && type !== 'LoadBalancer')
    errors.push(forbidden('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'"));
  if (spec.allocateLoadBalancerNodePorts === undefined && type === 'LoadBalancer')
    errors.push(required('allocateLoadBalancerNodePorts'));
  if (spec.loadBalancerClass !== undefined)
    errors.push(
      ...(type === 'LoadBalancer'
        ? qualifiedErrors('spec.loadBalancerClass', spec.loadBalancerClass)
        : [forbidden('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'")]),
    );
  return [...errors, ...trafficErrors(spec)];
}

/** What was allocated for the old type and is not said otherwise goes with it. */
function dropOfOldType(spec: Mutable<ServiceSpec>, before: ServiceSpec): void {
  const same = (field: keyof ServiceSpec) => semanticEqual(spec[field], before[field]);
  if (before.type !== 'ExternalName' && spec.type === 'ExternalName') {
    if (same('clusterIP') && same('clusterIPs')) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (same('ipFamilies')) delete spec.ipFamilies;
    if (same('ipFamilyPolicy')) delete spec.ipFamilyPolicy;
  }
  const nodePortsOf = (one: ServiceSpec) =>
    (one.ports ?? []).map((port) => port.nodePort ?? 0).filter((port) => port !== 0);
  if (usesNodePorts(before) && !usesNodePorts(spec)) {
    const old = new Set(nodePortsOf(before));
    const now = nodePortsOf(spec);
    if (now.length === old.size && now.every((port) => old.has(port)))
      for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (needsHealthCheck(before) && !needsHealthCheck(spec) && same('healthCheckNodePort'))
    delete spec.healthCheckNodePort;
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (same('allocateLoadBalancerNodePorts')) delete spec.allocateLoadBalancerNodePorts;
    if (same('loadBalancerClass')) delete spec.loadBalancerClass;
  }
  if (isExternal(before) && !isExternal(spec) && same('externalTrafficPolicy')) delete spec.externalTrafficPolicy;
}

export const service: KindBehaviour<Service> = {
  validateName: nameIsDnsLabel,
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') {
      object.spec = previous.spec as Mutable<Service['spec']>;
      return;
    }
    dropOfOldType((object.spec ??= {}), previous.spec ?? {});
    if (object.spec.type !== 'LoadBalancer' && object.status?.loadBalancer !== undefined)
      object.status = { ...object.status, loadBalancer: {} };
  },
  validate: (object) => validateService(object),
  warnings,
  validateUpdate(object, previous, subresource) {
    if (subresource === 'status') return statusErrors(object, previous);
    const [spec, before] = [object.spec ?? {}, previous.spec ?? {}];
    const errors = addressUpdateErrors(spec, before);
    if (
      spec.type === 'LoadBalancer' &&
      before.type === 'LoadBalancer' &&
      spec.loadBalancerClass !== before.loadBalancerClass
    )
      errors.push(invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set'));
    if (needsHealthCheck(spec) && needsHealthCheck(before) && spec.healthCheckNodePort !== before.healthCheckNodePort)
      errors.push(forbidden('spec.healthCheckNodePort', 'field is immutable'));
    return [...errors, ...validateService(object, previous)];
  },
  selectableFields: ({ spec }) => ({ 'spec.clusterIP': spec?.clusterIP ?? '', 'spec.type': spec?.type ?? '' }),
};
