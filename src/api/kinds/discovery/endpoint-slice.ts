// EndpointSlice.
import { duplicate, invalid, required, tooMany, type FieldError } from '../../field-error.ts';
import type { EndpointSlice } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { labelValue, nameIsDnsSubdomain } from '../../meta/names.ts';
import { canonicalIpErrors, endpointIpErrors, ipErrors, ipWarnings } from '../../validation/addresses.ts';
import { isIPv6 } from '../../validation/ip.ts';
import { protocols } from '../../validation/containers.ts';
import {
  immutable,
  isAbsent,
  labelErrors,
  qualifiedErrors,
  requiredOneOf,
  semanticEqual,
  subdomainErrors,
  texts,
} from '../../validation/fields.ts';

function domainErrors(path: string, name: string): FieldError[] {
  if (name === '') return [required(path)];
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  const errors = subdomainErrors(path, bare);
  return errors.length > 0 || bare.includes('.')
    ? errors
    : [invalid(path, name, 'should be a domain with at least two segments separated by dots')];
}

function addressErrors(path: string, index: number, address: string, type: string): FieldError[] {
  const at = `${path}[${index}]`;
  if (type === 'FQDN') return domainErrors(at, address);
  if (type !== 'IPv4' && type !== 'IPv6') return [];
  // IPv6 addresses came later than the habit of writing addresses in any form.
  const wrong = type === 'IPv6' ? canonicalIpErrors(at, address) : ipErrors(at, address);
  if (wrong.length > 0) return wrong;
  const family = isIPv6(address) ? 'IPv6' : 'IPv4';
  return [
    ...(family === type ? [] : [invalid(path, address, `must be an ${type} address`)]),
    ...endpointIpErrors(at, address),
  ];
}

function validate({ addressType, endpoints = [], ports = [] }: EndpointSlice): FieldError[] {
  const errors = requiredOneOf('addressType', addressType, ['FQDN', 'IPv4', 'IPv6']);
  if ((ports?.length ?? 0) > 20_000) errors.push(tooMany('ports', ports.length, 20_000));
  const names = new Set<string>();
  for (const [index, port] of (ports ?? []).entries()) {
    const at = `ports[${index}]`;
    const name = port.name ?? '';
    if (name !== '') errors.push(...labelErrors(`${at}.name`, name));
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    errors.push(...requiredOneOf(`${at}.protocol`, port.protocol, protocols));
    if (port.appProtocol !== undefined) errors.push(...qualifiedErrors(`${at}.appProtocol`, port.appProtocol));
  }
  const list = endpoints ?? [];
  if (list.length > 1000) return [...errors, tooMany('endpoints', list.length, 1000)];
  for (const [index, endpoint] of list.entries()) {
    const at = `endpoints[${index}]`;
    const addresses = endpoint.addresses ?? [];
    if (addresses.length === 0) errors.push(required(`${at}.addresses`, 'must contain at least 1 address'));
    if (addresses.length > 100) errors.push(tooMany(`${at}.addresses`, addresses.length, 100));
    addresses.forEach((one, position) => errors.push(...addressErrors(`${at}.addresses`, position, one, addressType)));
    if (endpoint.nodeName !== undefined)
      errors.push(...texts(`${at}.nodeName`, endpoint.nodeName, nameIsDnsSubdomain(endpoint.nodeName, false)));
    if (endpoint.hostname !== undefined) errors.push(...labelErrors(`${at}.hostname`, endpoint.hostname));
    const { forZones = [], forNodes = [] } = endpoint.hints ?? {};
    for (const [field, hints, check] of [
      ['forZones', forZones, labelValue],
      ['forNodes', forNodes, (name: string) => nameIsDnsSubdomain(name, false)],
    ] as const) {
      if (hints.length > 8) {
        errors.push(tooMany(`${at}.hints.${field}`, hints.length, 8));
        break;
      }
      const seen = new Set<string>();
      for (const [position, { name }] of hints.entries()) {
        const of = `${at}.hints.${field}[${position}].name`;
        if (seen.has(name)) errors.push(duplicate(of, name));
        seen.add(name);
        errors.push(...texts(of, name, check(name)));
      }
    }
  }
  return errors;
}

/** v1 carries topology in fields of their own. */
function prepare(object: { endpoints?: { deprecatedTopology?: unknown }[] | undefined }): void {
  for (const endpoint of object.endpoints ?? [])
    if (!isAbsent(endpoint.deprecatedTopology as string | undefined)) delete endpoint.deprecatedTopology;
}

/** Controllers write what is in Services and Pods: who is warned there need not be warned here. */
const controllers = ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io'];

export const endpointSlice: KindBehaviour<EndpointSlice> = {
  metadataInUpdate: ['whole'],
  prepareForCreate: prepare,
  prepareForUpdate(object, previous) {
    // What is dropped was a change all the same.
    const counts = (object.endpoints ?? []).some((one) => !isAbsent(one.deprecatedTopology as string | undefined));
    prepare(object);
    if (counts && object.metadata.generation === previous.metadata.generation)
      object.metadata.generation = (previous.metadata.generation ?? 0) + 1;
  },
  validate,
  // Endpoints that older servers accepted may stay as they are.
  validateUpdate: (object, previous) => [
    ...validate(object).filter(
      ({ field }) => !field.startsWith('endpoints') || !semanticEqual(object.endpoints, previous.endpoints),
    ),
    ...immutable('addressType', object.addressType, previous.addressType),
  ],
  warnings: (object, previous) => [
    ...(previous === undefined && object.addressType === 'FQDN'
      ? ['spec.addressType: FQDN endpoints are deprecated']
      : []),
    ...(controllers.includes(object.metadata.labels?.['endpointslice.kubernetes.io/managed-by'] ?? '')
      ? []
      : (object.endpoints ?? []).flatMap(({ addresses }, index) =>
          (addresses ?? []).flatMap((one, position) => ipWarnings(`endpoints[${index}].addresses[${position}]`, one)),
        )),
  ],
};
