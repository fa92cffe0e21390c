// EndpointSlice.
import { duplicate, invalid, required, tooMany, type FieldError } from '../../field-error.ts';
import type { EndpointSlice } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { labelValue, nameIsDnsSubdomain } from '../../meta/names.ts';
import { endpointIpErrors, ipErrors } from '../../validation/addresses.ts';
import { isIPv6 } from '../../validation/ip.ts';
import { protocols } from '../../validation/containers.ts';
import {
  immutable,
  isAbsent,
  labelErrors,
  qualifiedErrors,
  requiredOneOf,
  subdomainErrors,
  texts,
} from '../../validation/fields.ts';

function addressErrors(path: string, index: number, address: string, type: string): FieldError[] {
  const at = `${path}[${index}]`;
  if (type === 'FQDN') return subdomainErrors(at, address);
  const wrong = ipErrors(at, address);
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
      if (hints.length > 8) errors.push(tooMany(`${at}.hints.${field}`, hints.length, 8));
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

export const endpointSlice: KindBehaviour<EndpointSlice> = {
  prepareForCreate: prepare,
  prepareForUpdate: prepare,
  validate,
  validateUpdate: (object, previous) => [
    ...validate(object),
    ...immutable('addressType', object.addressType, previous.addressType),
  ],
};
