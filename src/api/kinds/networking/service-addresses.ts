// IPAddress and ServiceCIDR.
import { invalid, required, type FieldError } from '../../field-error.ts';
import type { IPAddress, ServiceCIDR } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { dns1123Subdomain, pathSegment } from '../../meta/names.ts';
import { canonicalCidrErrors, canonicalIpErrors, cidrBlockOf } from '../../validation/addresses.ts';
import { immutable, isAbsent, texts } from '../../validation/fields.ts';

function parentErrors(object: IPAddress): FieldError[] {
  const parent = object.spec?.parentRef;
  if (parent === undefined) return [required('spec.parentRef')];
  const at = 'spec.parentRef';
  const segment = (field: 'resource' | 'name' | 'namespace', value: string) =>
    texts(`${at}.${field}`, value, pathSegment(value));
  return [
    ...(isAbsent(parent.group) ? [] : texts(`${at}.group`, parent.group, dns1123Subdomain(parent.group))),
    ...(['resource', 'name'] as const).flatMap((field) => {
      const value = parent[field];
      return isAbsent(value) ? [required(`${at}.${field}`)] : segment(field, value);
    }),
    ...(isAbsent(parent.namespace) ? [] : segment('namespace', parent.namespace)),
  ];
}

/** The name is the address, in the one form that an address has. */
export const ipAddress: KindBehaviour<IPAddress> = {
  metadataInUpdate: ['whole', 'update'],
  validateName: (name) =>
    canonicalIpErrors('', name).map(({ message }) => message.replace(/^Invalid value: "[^"]*": /, '')),
  validate: parentErrors,
  validateUpdate: (object, previous) => [
    ...parentErrors(object),
    ...immutable('spec.parentRef', object.spec?.parentRef, previous.spec?.parentRef),
  ],
};

const rangesPath = 'spec.cidrs';
const immutableText = 'field is immutable';
function rangeErrors(object: ServiceCIDR): FieldError[] {
  const ranges = object.spec?.cidrs ?? [];
  if (ranges.length === 0) return [required(rangesPath, 'at least one CIDR required')];
  if (ranges.length > 2) return [invalid(rangesPath, object.spec, 'may only hold up to 2 values')];
  const errors = ranges.flatMap((range, index) => canonicalCidrErrors(`${rangesPath}[${index}]`, range));
  const families = ranges.map((range) => cidrBlockOf(range)?.bits);
  if (ranges.length === 2 && families[0] !== undefined && families[0] === families[1])
    errors.push(
      invalid(
        rangesPath,
        ranges,
        'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
      ),
    );
  return errors;
}

export const serviceCidr: KindBehaviour<ServiceCIDR> = {
  validate: rangeErrors,
  validateUpdate(object, previous, subresource) {
    if (subresource === 'status') return [];
    const [before, after] = [previous.spec?.cidrs ?? [], object.spec?.cidrs ?? []];
    // A second family may be added; nothing else changes.
    const grows = before.length === 1 && after.length === 2;
    if (!grows && before.length !== after.length) return [invalid(rangesPath, after, immutableText)];
    const changed = before.flatMap((range, index) =>
      range === after[index] ? [] : [invalid(`${rangesPath}[${index}]`, after[index], immutableText)],
    );
    return grows ? [...changed, ...rangeErrors(object)] : changed;
  },
};
