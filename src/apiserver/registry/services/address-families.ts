// Which addresses of which families a Service is to have: what its creator says in clusterIP, clusterIPs, ipFamilies and
// ipFamilyPolicy is completed, or refused, before anything is allocated. The order of the steps is upstream's.
import { familyOf } from '#rules/addresses.ts';
import { invalid, type FieldError } from '#api/field-error.ts';
import type { ServiceSpec } from '#api/generated/types.ts';
import type { Mutable } from '#api/kind.ts';
import { clusterIpErrors } from '#api/validation/service-addresses.ts';

type Spec = Mutable<ServiceSpec>;

const sameList = (one: readonly string[] = [], other: readonly string[] = []): boolean =>
  one.length === other.length && one.every((value, index) => value === other[index]);
const hasAddress = (spec: ServiceSpec): boolean => spec.type !== 'ExternalName';
/** Fewer than before, and those that are left are the same. */
const isReduced = (now: readonly string[] = [], before: readonly string[] = []): boolean =>
  now.length > 0 && now.length < before.length && now.every((value, index) => value === before[index]);

/** The single field and the list mean the same. */
function linkAddresses(spec: Spec, before: ServiceSpec | undefined): void {
  const given = spec.clusterIP ?? '';
  if (before === undefined) {
    if (given !== '' && (spec.clusterIPs?.length ?? 0) === 0) spec.clusterIPs = [given];
    return;
  }
  const old = before.clusterIP ?? '';
  if ((before.clusterIPs?.length ?? 0) > 0 && (spec.clusterIPs?.length ?? 0) === 0 && old === given)
    spec.clusterIPs = [...before.clusterIPs!];
  if (old === given || !sameList(spec.clusterIPs, before.clusterIPs)) return;
  if (given === '') delete spec.clusterIPs;
  else spec.clusterIPs = [given];
}

/** Whoever leaves out what was allocated for them keeps it. */
function keepAddresses(spec: Spec, before: ServiceSpec | undefined): void {
  if (before === undefined || !hasAddress(before) || !hasAddress(spec)) return;
  if ((spec.clusterIP ?? '') === '' && before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
  if ((spec.clusterIPs?.length ?? 0) === 0 && before.clusterIPs !== undefined) spec.clusterIPs = [...before.clusterIPs];
}

const isUnchangedPreference = (spec: Spec, before: ServiceSpec): boolean =>
  spec.type === before.type &&
  spec.ipFamilyPolicy === 'PreferDualStack' &&
  (before.ipFamilyPolicy ?? 'PreferDualStack') === 'PreferDualStack' &&
  sameList(spec.clusterIPs, before.clusterIPs) &&
  sameList(spec.ipFamilies, before.ipFamilies);

const policyError = (spec: Spec, detail: string): FieldError =>
  invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, detail);

function policyErrors(spec: Spec, before: ServiceSpec | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (before !== undefined) {
      if (sameList(spec.clusterIPs, before.clusterIPs) && (spec.clusterIPs?.length ?? 0) > 1)
        spec.clusterIPs = spec.clusterIPs!.slice(0, 1);
      if (sameList(spec.ipFamilies, before.ipFamilies) && (spec.ipFamilies?.length ?? 0) > 1)
        spec.ipFamilies = spec.ipFamilies!.slice(0, 1);
    }
    const detail = (what: string) =>
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
    if (spec.clusterIPs?.length === 2) errors.push(policyError(spec, detail('cluster IPs')));
    if (spec.ipFamilies?.length === 2) errors.push(policyError(spec, detail('IP families')));
  } else if (before !== undefined) {
    if (isReduced(spec.clusterIPs, before.clusterIPs))
      errors.push(policyError(spec, "must be 'SingleStack' to release the secondary cluster IP"));
    if (isReduced(spec.ipFamilies, before.ipFamilies))
      errors.push(policyError(spec, "must be 'SingleStack' to release the secondary IP family"));
  }
  return errors;
}

const otherFamily = (family: string): string => (family === 'IPv4' ? 'IPv6' : 'IPv4');

/** `configured`: the families of the cluster, the default first. */
export function completeAddressFields(
  spec: Spec,
  before: ServiceSpec | undefined,
  configured: readonly string[],
): FieldError[] {
  keepAddresses(spec, before);
  linkAddresses(spec, before);
  if (!hasAddress(spec) || (before !== undefined && isUnchangedPreference(spec, before))) return [];
  const selectsNothing = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= before?.ipFamilyPolicy ?? (selectsNothing ? 'RequireDualStack' : 'SingleStack');
  const wrong = clusterIpErrors(spec, before);
  if (wrong.length > 0) return wrong;

  const errors = policyErrors(spec, before);
  const families = [...(spec.ipFamilies ?? [])];
  for (const [index, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === 'None') break;
    if (index < families.length) continue;
    const family = familyOf(ip);
    if (configured.includes(family)) families.push(family);
    else
      errors.push(invalid(`spec.clusterIPs[${index}]`, spec.clusterIPs, `${family} is not configured on this cluster`));
  }
  if (errors.length > 0) return errors;
  const isDual = spec.ipFamilyPolicy !== 'SingleStack';
  // One that names its addresses itself may have families that the cluster has not.
  if (!selectsNothing) {
    if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2)
      errors.push(policyError(spec, 'this cluster is not configured for dual-stack services'));
    for (const [index, family] of families.entries())
      if (!configured.includes(family))
        errors.push(invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster'));
    if (errors.length > 0) return errors;
  }
  if (families.length === 0) families.push(configured[0]!);
  if (isDual && families.length === 1 && (selectsNothing || configured.length === 2))
    families.push(otherFamily(families[0]!));
  spec.ipFamilies = families;
  return [];
}
