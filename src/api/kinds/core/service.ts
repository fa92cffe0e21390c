// Service: ports, types, what cannot change. Addresses and node ports are allocated by the API server, before validation.
import { duplicate, forbidden, invalid, required, type FieldError } from '../../field-error.ts';
import type { Service, ServicePort, ServiceSpec } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { nameIsDnsLabel, portNumber } from '../../meta/names.ts';
import { validateLabels } from '../../meta/object-meta.ts';
import { cidrErrors, endpointIpErrors, ipErrors, isDualStack } from '../../validation/addresses.ts';
import { isIPv6 } from '../../validation/ip.ts';
import { protocols } from '../../validation/containers.ts';
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

const isHeadless = ({ clusterIPs }: ServiceSpec) => clusterIPs?.length === 1 && clusterIPs[0] === 'None';
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

function clusterIpErrors(spec: ServiceSpec, previous: ServiceSpec | undefined): FieldError[] {
  if (spec.type === 'ExternalName') return [];
  const { clusterIP = '', clusterIPs = [], ipFamilies = [] } = spec;
  const path = 'spec.clusterIPs';
  const errors: FieldError[] = [];
  if (clusterIP === '') {
    if (clusterIPs.length > 0)
      errors.push(invalid(path, clusterIPs, 'must be empty when `clusterIP` is not specified'));
  } else if (clusterIPs.length === 0) errors.push(required(path));
  else if (clusterIPs[0] !== clusterIP) errors.push(invalid(path, clusterIPs, 'first value must match `clusterIP`'));
  for (const [index, family] of ipFamilies.entries()) {
    errors.push(...oneOf(`spec.ipFamilies[${index}]`, family, ['IPv4', 'IPv6']));
    if (ipFamilies.indexOf(family) < index) errors.push(duplicate(`spec.ipFamilies[${index}]`, family));
  }
  errors.push(
    ...optionalOneOf('spec.ipFamilyPolicy', spec.ipFamilyPolicy, [
      'PreferDualStack',
      'RequireDualStack',
      'SingleStack',
    ]),
  );
  const wrong: FieldError[] = [];
  for (const [index, ip] of clusterIPs.entries()) {
    if (index === 0 && ip === 'None') {
      if (clusterIPs.length > 1) wrong.push(invalid(path, clusterIPs, "'None' must be the first and only value"));
    } else wrong.push(...ipErrors(`${path}[${index}]`, ip, previous?.clusterIPs));
  }
  errors.push(...wrong);
  if (clusterIPs.length > 2) errors.push(invalid(path, clusterIPs, 'may only hold up to 2 values'));
  if (wrong.length > 0) return errors;
  if (clusterIPs.length > 1 && !isDualStack(clusterIPs))
    errors.push(invalid(path, clusterIPs, 'may specify no more than one IP for each IP family'));
  if (!isHeadless(spec))
    for (const [index, ip] of clusterIPs.slice(0, ipFamilies.length).entries()) {
      const family = isIPv6(ip) ? 'IPv6' : 'IPv4';
      if (ipFamilies[index] !== family)
        errors.push(
          invalid(
            `${path}[${index}]`,
            ip,
            `expected an ${ipFamilies[index]} value as indicated by \`ipFamilies[${index}]\``,
          ),
        );
    }
  return errors;
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
    if (spec.type !== 'ExternalName') errors.push(required('spec.internalTrafficPolicy'));
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

function validateService(object: Service, previous?: Service): FieldError[] {
  const spec: Service['spec'] = object.spec ?? {};
  const errors: FieldError[] = [];
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
  if (ranges.length > 0) {
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

/** Addresses stay for the life of the Service; a second family may come and go. */
function addressUpdateErrors(spec: ServiceSpec, before: ServiceSpec): FieldError[] {
  if (spec.type === 'ExternalName' || before.type === 'ExternalName') return [];
  const errors: FieldError[] = [];
  const [headless, wasHeadless] = [isHeadless(spec), isHeadless(before)];
  if (!(headless && wasHeadless)) {
    const [now, old] = [spec.clusterIPs ?? [], before.clusterIPs ?? []];
    const changed = (index: number) => invalid(`spec.clusterIPs[${index}]`, now, 'may not change once set');
    if (now.length === old.length) old.forEach((ip, index) => ip !== now[index] && errors.push(changed(index)));
    else {
      if (now.length === 0) errors.push(invalid('spec.clusterIPs[0]', now, 'primary clusterIP can not be unset'));
      if (old.length > 0 && now.length > 0 && now[0] !== old[0]) errors.push(changed(0));
      if (now.length === 1 && old.length > 1 && spec.ipFamilyPolicy !== 'SingleStack')
        errors.push(
          invalid(
            'spec.ipFamilyPolicy',
            spec.ipFamilyPolicy ?? null,
            "must be set to 'SingleStack' when releasing the secondary clusterIP",
          ),
        );
    }
  }
  if (headless || wasHeadless) return errors;
  const [now, old] = [spec.ipFamilies ?? [], before.ipFamilies ?? []];
  const at = 'spec.ipFamilies[0]';
  if (now.length === old.length) {
    for (const [index, family] of old.entries())
      if (family !== now[index]) errors.push(invalid(at, now, 'may not change once set'));
  } else {
    if (now.length > 0 && old.length > 0 && now[0] !== old[0])
      errors.push(invalid(at, spec.clusterIPs ?? [], 'may not change once set'));
    if (now.length === 1 && old.length > 1 && spec.ipFamilyPolicy !== 'SingleStack')
      errors.push(
        invalid(
          'spec.ipFamilyPolicy',
          spec.ipFamilyPolicy ?? null,
          "must be set to 'SingleStack' when releasing the secondary ipFamily",
        ),
      );
  }
  return errors;
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
  validateUpdate(object, previous, subresource) {
    if (subresource === 'status')
      return (object.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, index) => {
        const at = `status.loadBalancer.ingress[${index}]`;
        return [
          ...(isAbsent(ip) ? [] : ipErrors(`${at}.ip`, ip)),
          ...(isAbsent(hostname) ? [] : subdomainErrors(`${at}.hostname`, hostname)),
        ];
      });
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
