// Ingress and IngressClass.
import { forbidden, invalid, required, tooLong, type FieldError } from '../../field-error.ts';
import type { HTTPIngressPath, Ingress, IngressBackend, IngressClass } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import {
  dns1123Subdomain,
  nameIsDnsLabel,
  nameIsDnsSubdomain,
  pathSegment,
  portName,
  portNumber,
  wildcardDns1123Subdomain,
} from '../../meta/names.ts';
import { ipErrors } from '../../validation/addresses.ts';
import { domainPathErrors, immutable, isAbsent, oneOf, subdomainErrors, texts } from '../../validation/fields.ts';
import { isIP } from '../../validation/ip.ts';

const badSequences = ['//', '/./', '/../', '%2f', '%2F'];
const badEndings = ['/..', '/.'];
const classAnnotation = 'kubernetes.io/ingress.class';

const hostErrors = (path: string, host: string): FieldError[] =>
  texts(path, host, host.includes('*') ? wildcardDns1123Subdomain(host) : dns1123Subdomain(host));

function backendErrors(path: string, { service, resource }: IngressBackend): FieldError[] {
  if (service !== undefined && resource !== undefined)
    return [invalid(path, '', 'cannot set both resource and service backends')];
  if (resource !== undefined)
    return [
      ...(resource.apiGroup === undefined ? [] : subdomainErrors(`${path}.resource.apiGroup`, resource.apiGroup)),
      ...(['kind', 'name'] as const).flatMap((field) =>
        isAbsent(resource[field])
          ? [required(`${path}.resource.${field}`)]
          : texts(`${path}.resource.${field}`, resource[field], pathSegment(resource[field])),
      ),
    ];
  if (service === undefined) return [invalid(path, '', 'resource or service backend is required')];
  const { name = '', number = 0 } = service.port ?? {};
  const errors = isAbsent(service.name)
    ? [required(`${path}.service.name`)]
    : texts(`${path}.service.name`, service.name, nameIsDnsLabel(service.name, false));
  if (name !== '' && number !== 0) errors.push(invalid(path, '', 'cannot set both port name & port number'));
  else if (name !== '') errors.push(...texts(`${path}.service.port.name`, name, portName(name)));
  else if (number !== 0) errors.push(...texts(`${path}.service.port.number`, number, portNumber(number)));
  else errors.push(required(path, 'port name or number is required'));
  return errors;
}

function pathErrors(path: string, one: HTTPIngressPath): FieldError[] {
  const value = one.path ?? '';
  if (one.pathType === undefined) return [required(`${path}.pathType`, 'pathType must be specified')];
  const errors: FieldError[] = [];
  const wrong = (detail: string) => errors.push(invalid(`${path}.path`, value, detail));
  if (one.pathType === 'Exact' || one.pathType === 'Prefix') {
    if (!value.startsWith('/')) wrong('must be an absolute path');
    for (const bad of badSequences) if (value.includes(bad)) wrong(`must not contain '${bad}'`);
    for (const bad of badEndings) if (value.endsWith(bad)) wrong(`cannot end with '${bad}'`);
  } else if (one.pathType === 'ImplementationSpecific') {
    if (value !== '' && !value.startsWith('/')) wrong('must be an absolute path');
  } else errors.push(...oneOf(`${path}.pathType`, one.pathType, ['Exact', 'ImplementationSpecific', 'Prefix']));
  return [...errors, ...backendErrors(`${path}.backend`, one.backend ?? {})];
}

function validate(object: Ingress): FieldError[] {
  const spec: Ingress['spec'] = object.spec ?? {};
  const errors: FieldError[] = [];
  const rules = spec.rules ?? [];
  if (rules.length === 0 && spec.defaultBackend === undefined)
    errors.push(invalid('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
  if (spec.defaultBackend !== undefined) errors.push(...backendErrors('spec.defaultBackend', spec.defaultBackend));
  for (const [index, { host = '', http }] of rules.entries()) {
    const at = `spec.rules[${index}]`;
    if (host !== '') {
      if (isIP(host)) errors.push(invalid(`${at}.host`, host, 'must be a DNS name, not an IP address'));
      errors.push(...hostErrors(`${at}.host`, host));
    }
    if (http === undefined) continue;
    if ((http.paths?.length ?? 0) === 0) errors.push(required(`${at}.http.paths`));
    (http.paths ?? []).forEach((one, position) => errors.push(...pathErrors(`${at}.http.paths[${position}]`, one)));
  }
  for (const [index, { hosts = [], secretName }] of (spec.tls ?? []).entries()) {
    const at = `spec.tls[${index}]`;
    hosts.forEach((host, position) => errors.push(...hostErrors(`${at}.hosts[${position}]`, host)));
    if (!isAbsent(secretName))
      errors.push(...texts(`${at}.secretName`, secretName, nameIsDnsSubdomain(secretName, false)));
  }
  if (spec.ingressClassName !== undefined)
    errors.push(
      ...texts('spec.ingressClassName', spec.ingressClassName, nameIsDnsSubdomain(spec.ingressClassName, false)),
    );
  return errors;
}

export const ingress: KindBehaviour<Ingress> = {
  metadataInUpdate: ['update', 'whole'],
  warnings: (object, previous) =>
    previous === undefined &&
    object.metadata.annotations?.[classAnnotation] !== undefined &&
    object.spec?.ingressClassName === undefined
      ? [`annotation ${JSON.stringify(classAnnotation)} is deprecated, please use 'spec.ingressClassName' instead`]
      : [],
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate(object) {
    const annotation = object.metadata.annotations?.[classAnnotation];
    const name = object.spec?.ingressClassName;
    return [
      ...validate(object),
      ...(annotation !== undefined && name !== undefined && annotation !== name
        ? [
            invalid(
              `annotations.${classAnnotation}`,
              annotation,
              'must match `ingressClassName` when both are specified',
            ),
          ]
        : []),
    ];
  },
  validateUpdate: (object, _previous, subresource) =>
    subresource === 'status'
      ? (object.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, index) => {
          const at = `status.loadBalancer.ingress[${index}]`;
          return [
            ...(isAbsent(ip) ? [] : ipErrors(`${at}.ip`, ip)),
            ...(isAbsent(hostname) ? [] : subdomainErrors(`${at}.hostname`, hostname)),
            ...(!isAbsent(hostname) && isIP(hostname)
              ? [invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address')]
              : []),
          ];
        })
      : validate(object),
};

function classErrors(object: IngressClass): FieldError[] {
  const spec: IngressClass['spec'] = object.spec ?? {};
  const controller = spec.controller ?? '';
  const errors = controller.length > 250 ? [tooLong('spec.controller', 250)] : [];
  errors.push(...domainPathErrors('spec.controller', controller));
  const { parameters } = spec;
  if (parameters === undefined) return errors;
  const at = 'spec.parameters';
  if (parameters.apiGroup !== undefined) errors.push(...subdomainErrors(`${at}.apiGroup`, parameters.apiGroup));
  for (const field of ['kind', 'name'] as const)
    errors.push(
      ...(isAbsent(parameters[field])
        ? [required(`${at}.${field}`)]
        : texts(`${at}.${field}`, parameters[field], pathSegment(parameters[field]))),
    );
  const { scope, namespace } = parameters;
  if (scope === undefined) return [...errors, required(`${at}.scope`)];
  errors.push(...oneOf(`${at}.scope`, scope, ['Cluster', 'Namespace']));
  if (scope === 'Namespace')
    errors.push(
      ...(namespace === undefined
        ? [required(`${at}.namespace`, "`parameters.scope` is set to 'Namespace'")]
        : texts(`${at}.namespace`, namespace, nameIsDnsLabel(namespace, false))),
    );
  if (scope === 'Cluster' && namespace !== undefined)
    errors.push(forbidden(`${at}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  return errors;
}

export const ingressClass: KindBehaviour<IngressClass> = {
  metadataInUpdate: ['update', 'whole'],
  validate: classErrors,
  validateUpdate: (object, previous) => [
    ...immutable('spec.controller', object.spec?.controller, previous.spec?.controller),
    ...classErrors(object),
  ],
};
