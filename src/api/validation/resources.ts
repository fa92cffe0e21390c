// Resource names and amounts: requests and limits of containers, Pods, quotas.
import { forbidden, invalid, notFound, notSupported, required, type FieldError } from '../field-error.ts';
import type { Quantity, ResourceRequirements } from '../generated/types.ts';
import { qualifiedName } from '../meta/names.ts';
import { canonicalQuantity, compareQuantities, quantityValue } from '../quantity.ts';
import { labelErrors, qualifiedErrors } from './fields.ts';

export type Amounts = Readonly<Record<string, Quantity>>;

const containerResources = new Set(['cpu', 'memory', 'ephemeral-storage']);
const countedResources = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const standardResources = new Set([
  ...containerResources,
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'storage',
  'requests.storage',
  ...countedResources,
]);
const integerResources = new Set(countedResources);

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
export const isNativeResource = (name: string) => !name.includes('/') || name.includes('kubernetes.io/');
/** Resources of devices: they come in whole numbers and cannot be overcommitted. */
export const isExtendedResource = (name: string): boolean =>
  !isNativeResource(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;
export const mayOvercommit = (name: string) => isNativeResource(name) && !isHugePages(name);

export function resourceNameErrors(path: string, name: string): FieldError[] {
  const errors = qualifiedErrors(path, name);
  if (errors.length > 0 || name.includes('/')) return errors;
  return standardResources.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-')
    ? []
    : [invalid(path, name, 'must be a standard resource type or fully qualified')];
}

export function containerResourceNameErrors(path: string, name: string): FieldError[] {
  const errors = resourceNameErrors(path, name);
  if (!name.includes('/')) {
    if (!containerResources.has(name) && !isHugePages(name))
      errors.push(invalid(path, name, 'must be a standard resource for containers'));
  } else if (!isNativeResource(name) && !isExtendedResource(name))
    errors.push(invalid(path, name, "doesn't follow extended resource name standard"));
  return errors;
}

function podResourceNameErrors(path: string, name: string): FieldError[] {
  const errors = resourceNameErrors(path, name);
  if (errors.length > 0 || name === 'cpu' || name === 'memory' || isHugePages(name)) return errors;
  return [notSupported(path, name, ['cpu', 'hugepages-', 'memory'])];
}

const show = (amount: Quantity) => canonicalQuantity(String(amount));

export function amountErrors(path: string, name: string, amount: Quantity): FieldError[] {
  const text = String(amount);
  const errors: FieldError[] = [];
  if (compareQuantities(text, '0') < 0) errors.push(invalid(path, show(amount), 'must be greater than or equal to 0'));
  if (
    (integerResources.has(name) || isExtendedResource(name)) &&
    compareQuantities(text, quantityValue(text).toString()) !== 0
  )
    errors.push(invalid(path, show(amount), 'must be an integer'));
  return errors;
}

/** Bytes come whole. */
export const fractionalByteWarning = (path: string, amount: Quantity | undefined): string[] =>
  amount !== undefined && compareQuantities(String(amount), quantityValue(String(amount)).toString()) !== 0
    ? [`${path}: fractional byte value ${JSON.stringify(show(amount))} is invalid, must be an integer`]
    : [];

/** As upstream shows it here: the number. */
export const basicAmountErrors = (path: string, amount: Quantity): FieldError[] =>
  compareQuantities(String(amount), '0') < 0
    ? [
        {
          reason: 'FieldValueInvalid',
          field: path,
          message: `Invalid value: ${quantityValue(String(amount))}: must be a valid resource quantity`,
        },
      ]
    : [];

export const nonNegativeAmount = (path: string, amount: Quantity): FieldError[] =>
  compareQuantities(String(amount), '0') < 0 ? [invalid(path, show(amount), 'must be greater than or equal to 0')] : [];

export const positiveAmount = (path: string, amount: Quantity): FieldError[] =>
  compareQuantities(String(amount), '0') <= 0 ? [invalid(path, show(amount), 'must be greater than zero')] : [];

const hugePageErrors = (path: string, name: string, amount: Quantity): FieldError[] => {
  if (!isHugePages(name)) return [];
  const sizeText = name.slice('hugepages-'.length);
  const size = /^[0-9]+[kKMGTPEi]*$/.test(sizeText) ? quantityValue(sizeText) : 0n;
  return size <= 0n || quantityValue(String(amount)) % size !== 0n
    ? [invalid(path, show(amount), `${show(amount)} is not positive integer multiple of ${name}`)]
    : [];
};

export function resourceRequirementErrors(
  path: string,
  requirements: ResourceRequirements,
  claims: ReadonlySet<string>,
  scope: 'container' | 'pod' = 'container',
): FieldError[] {
  const checkName = scope === 'pod' ? podResourceNameErrors : containerResourceNameErrors;
  const { limits = {}, requests = {} } = requirements;
  const errors: FieldError[] = [];
  for (const [name, amount] of Object.entries(limits)) {
    const at = `${path}.limits[${name}]`;
    errors.push(...checkName(at, name), ...amountErrors(at, name, amount), ...hugePageErrors(at, name, amount));
  }
  for (const [name, amount] of Object.entries(requests)) {
    const at = `${path}.requests[${name}]`;
    errors.push(...checkName(at, name), ...amountErrors(at, name, amount));
    const limit = limits[name];
    if (limit !== undefined) {
      const order = compareQuantities(String(amount), String(limit));
      if (order !== 0 && !mayOvercommit(name))
        errors.push(invalid(`${path}.requests`, show(amount), `must be equal to ${name} limit of ${show(limit)}`));
      else if (order > 0)
        errors.push(
          invalid(`${path}.requests`, show(amount), `must be less than or equal to ${name} limit of ${show(limit)}`),
        );
    } else if (!mayOvercommit(name))
      errors.push(required(`${path}.limits`, 'Limit must be set for non overcommitable resources'));
    errors.push(...hugePageErrors(at, name, amount));
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory'))
    errors.push(forbidden(path, 'HugePages require cpu or memory'));
  return [...errors, ...claimErrors(`${path}.claims`, requirements, claims)];
}

/** In the text for one that is missing. */
const namedClaimsMax = 100;

function claimErrors(path: string, requirements: ResourceRequirements, claims: ReadonlySet<string>): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  /** Claims of which single requests are named. */
  const divided = new Set<string>();
  const names = [...claims].slice(0, namedClaimsMax).toSorted().join(', ');
  const known = claims.size === 0 ? ' which is empty' : `: ${names}${claims.size > namedClaimsMax ? ', ...' : ''}`;
  for (const [index, { name, request = '' }] of (requirements.claims ?? []).entries()) {
    const at = `${path}[${index}]`;
    if ((name ?? '') === '') {
      errors.push(required(at));
      continue;
    }
    const key = request === '' ? name : `${name}/${request}`;
    if (seen.has(name))
      errors.push({ reason: 'FieldValueDuplicate', field: at, message: `Duplicate value: "${name}"` });
    else {
      if (request !== '') errors.push(...labelErrors(`${at}.request`, request));
      if (seen.has(key) || (request === '' && divided.has(name)))
        errors.push({ reason: 'FieldValueDuplicate', field: at, message: `Duplicate value: "${key}"` });
      seen.add(key);
      if (request !== '') divided.add(name);
    }
    if (!claims.has(name)) {
      const missing = notFound(at, name);
      errors.push({
        ...missing,
        message: `${missing.message}: must be one of the names in pod.spec.resourceClaims${known}`,
      });
    }
  }
  return errors;
}
