// Cluster IPs and address families of a Service: how they fit each other, and what of them stays. The API server asks before it
// allocates, and again with all else.
import { duplicate, invalid, required, type FieldError } from '../field-error.ts';
import type { ServiceSpec } from '../generated/types.ts';
import { ipErrors, isDualStack } from './addresses.ts';
import { oneOf, optionalOneOf } from './fields.ts';
import { isIPv6 } from './ip.ts';

export const isHeadless = ({ clusterIPs }: ServiceSpec): boolean =>
  clusterIPs?.length === 1 && clusterIPs[0] === 'None';

export function clusterIpErrors(spec: ServiceSpec, previous: ServiceSpec | undefined): FieldError[] {
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

/** Addresses stay for the life of the Service; a second family may come and go. */
export function addressUpdateErrors(spec: ServiceSpec, before: ServiceSpec): FieldError[] {
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
