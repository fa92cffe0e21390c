// LimitRange: limits and defaults of what a namespace's Pods and claims ask for.
import { ownValue } from '#base/own-value.ts';
import { duplicate, forbidden, invalid, required, type FieldError } from '../../field-error.ts';
import type { LimitRange, LimitRangeItem, Quantity } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { canonicalQuantity, compareQuantities, milliAmount, quantityValue } from '../../quantity.ts';
import { qualifiedErrors } from '../../validation/fields.ts';
import { containerResourceNameErrors, mayOvercommit, resourceNameErrors } from '../../validation/resources.ts';

const show = (amount: Quantity) => canonicalQuantity(String(amount));
const types = new Set(['Pod', 'Container', 'PersistentVolumeClaim']);
const milliMax = ((1n << 63n) - 1n) / 1000n;

function typeErrors(path: string, type: string): FieldError[] {
  const errors = qualifiedErrors(path, type);
  return errors.length > 0 || type.includes('/') || types.has(type)
    ? errors
    : [invalid(path, type, 'must be a standard limit type or fully qualified')];
}

/** `%f` of a quotient. */
const quotient = (one: bigint, other: bigint): string => {
  const value = Number(one) / Number(other);
  return Number.isFinite(value) ? value.toFixed(6) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
};

function ratioErrors(path: string, ratio: Quantity, low: Quantity | undefined, high: Quantity | undefined) {
  const errors: FieldError[] = [];
  if (compareQuantities(String(ratio), '1') < 0)
    errors.push(invalid(path, show(ratio), `ratio ${show(ratio)} is less than 1`));
  if (low === undefined || high === undefined) return errors;
  const whole = [ratio, low, high].map((one) => quantityValue(String(one)));
  // As exactly as the numbers allow.
  const isSmall = whole.every((one) => one < milliMax);
  const [wanted, min, max] = isSmall ? [ratio, low, high].map((one) => milliAmount(String(one))) : whole;
  const value = Number(wanted!) / (isSmall ? 1000 : 1);
  if (value > Number(max!) / Number(min!))
    errors.push(invalid(path, show(ratio), `ratio ${show(ratio)} is greater than max/min = ${quotient(max!, min!)}`));
  return errors;
}

/** What one resource may be asked for. */
function boundErrors(at: string, name: string, limit: LimitRangeItem): FieldError[] {
  const isPod = limit.type === 'Pod';
  const low = ownValue(limit.min, name);
  const high = ownValue(limit.max, name);
  const preset = isPod ? undefined : ownValue(limit.default, name);
  const request = isPod ? undefined : ownValue(limit.defaultRequest, name);
  const errors: FieldError[] = [];
  const check = (
    list: string,
    what: string,
    a: Quantity | undefined,
    other: string,
    b: Quantity | undefined,
    named: 'a' | 'b',
  ) => {
    if (a === undefined || b === undefined || compareQuantities(String(a), String(b)) <= 0) return;
    const text = `${what} value ${show(a)} is greater than ${other} value ${show(b)}`;
    errors.push(invalid(`${at}.${list}[${name}]`, show(named === 'a' ? a : b), text));
  };
  check('min', 'min', low, 'max', high, 'a');
  check('defaultRequest', 'min', low, 'default request', request, 'b');
  check('defaultRequest', 'default request', request, 'max', high, 'a');
  check('defaultRequest', 'default request', request, 'default limit', preset, 'a');
  check('default', 'min', low, 'default', preset, 'a');
  check('default', 'default', preset, 'max', high, 'b');
  const ratio = ownValue(limit.maxLimitRequestRatio, name);
  if (ratio !== undefined) errors.push(...ratioErrors(`${at}.maxLimitRequestRatio[${name}]`, ratio, low, high));
  if (
    !mayOvercommit(name) &&
    preset !== undefined &&
    request !== undefined &&
    compareQuantities(String(preset), String(request)) !== 0
  )
    errors.push(
      invalid(
        `${at}.defaultRequest[${name}]`,
        show(request),
        `default value ${show(preset)} must equal to defaultRequest value ${show(request)} in ${name}`,
      ),
    );
  return errors;
}

function itemErrors(at: string, limit: LimitRangeItem): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const nameErrors =
    limit.type === 'Pod' || limit.type === 'Container' ? containerResourceNameErrors : resourceNameErrors;
  const take = (list: 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio') => {
    for (const name of Object.keys(limit[list] ?? {})) {
      names.add(name);
      errors.push(...nameErrors(`${at}.${list}[${name}]`, name));
    }
  };
  take('max');
  take('min');
  for (const list of ['default', 'defaultRequest'] as const)
    if (limit.type !== 'Pod') take(list);
    else if (Object.keys(limit[list] ?? {}).length > 0)
      errors.push(forbidden(`${at}.${list}`, "may not be specified when `type` is 'Pod'"));
  const bounds = [limit.min?.['storage'], limit.max?.['storage']];
  if (limit.type === 'PersistentVolumeClaim' && bounds.every((one) => one === undefined))
    errors.push(
      required(`${at}.limits`, 'either minimum or maximum storage value is required, but neither was provided'),
    );
  take('maxLimitRequestRatio');
  return [...errors, ...[...names].flatMap((name) => boundErrors(at, name, limit))];
}

function validate({ spec }: LimitRange): FieldError[] {
  const seen = new Set<string>();
  return (spec?.limits ?? []).flatMap((limit, index) => {
    const at = `spec.limits[${index}]`;
    const type = limit.type ?? '';
    const errors = typeErrors(`${at}.type`, type);
    if (seen.has(type)) errors.push(duplicate(`${at}.type`, type));
    seen.add(type);
    return [...errors, ...itemErrors(at, limit)];
  });
}

export const limitRange: KindBehaviour<LimitRange> = {
  metadataInUpdate: ['whole'],
  /** One without a name gets one that nobody else has. */
  prepareForCreate(object, context) {
    if ((object.metadata.name ?? '') === '') object.metadata.name = context.uuid();
  },
  validate,
  validateUpdate: validate,
};
