// Checks of single fields, used by the kinds' validation. Objects come here decoded and defaulted.
import { forbidden, invalid, notSupported, required, type FieldError } from '../field-error.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  patternText,
  percentage,
  portName,
  portNumber,
  qualifiedName,
  rangeText,
} from '../meta/names.ts';
import type { IntOrString } from '../generated/types.ts';

export const texts = (path: string, value: unknown, wrong: readonly string[]): FieldError[] =>
  wrong.map((text) => invalid(path, value, text));

export const labelErrors = (path: string, value: string) => texts(path, value, dns1123Label(value));
export const subdomainErrors = (path: string, value: string) => texts(path, value, dns1123Subdomain(value));
export const qualifiedErrors = (path: string, value: string) => texts(path, value, qualifiedName(value));

export const isAbsent = (value: unknown): value is undefined | null | '' =>
  value === undefined || value === null || value === '';

export const requiredText = (path: string, value: string | undefined, detail = ''): FieldError[] =>
  isAbsent(value) ? [required(path, detail)] : [];

/** One of a closed set. `supported` is in the order of the message. */
export const oneOf = (path: string, value: string | undefined, supported: readonly string[]): FieldError[] =>
  value !== undefined && supported.includes(value) ? [] : [notSupported(path, value ?? '', supported)];
export const requiredOneOf = (path: string, value: string | undefined, supported: readonly string[]): FieldError[] =>
  isAbsent(value) ? [required(path)] : oneOf(path, value, supported);
export const optionalOneOf = (path: string, value: string | undefined, supported: readonly string[]): FieldError[] =>
  value === undefined ? [] : oneOf(path, value, supported);

export const nonNegative = (path: string, value: number | undefined): FieldError[] =>
  value !== undefined && value < 0 ? [invalid(path, value, 'must be greater than or equal to 0')] : [];
export const positive = (path: string, value: number): FieldError[] =>
  value <= 0 ? [invalid(path, value, 'must be greater than zero')] : [];
export const inRange = (path: string, value: number, low: number, high: number): FieldError[] =>
  value < low || value > high ? [invalid(path, value, rangeText(low, high))] : [];

export const portNumberOrName = (path: string, value: IntOrString): FieldError[] =>
  texts(path, value, typeof value === 'number' ? portNumber(value) : portName(value));

export const nonNegativeOrPercent = (path: string, value: IntOrString | undefined): FieldError[] =>
  value === undefined
    ? []
    : typeof value === 'number'
      ? nonNegative(path, value)
      : texts(path, value, percentage(value));

/** `25%` -> 25, `3` and 3 -> 3; anything else counts as none. */
export function amountOf(value: IntOrString | undefined): number {
  if (typeof value === 'number') return value;
  return value !== undefined && /^(\d+%|[+-]?\d+)$/.test(value) ? Number.parseInt(value, 10) : 0;
}
export const atMost100Percent = (path: string, value: IntOrString | undefined): FieldError[] =>
  typeof value === 'string' && percentage(value).length === 0 && amountOf(value) > 100
    ? [invalid(path, value, 'must not be greater than 100%')]
    : [];

const isZero = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === false ||
  value === 0 ||
  (Array.isArray(value) ? value.length === 0 : typeof value === 'object' && Object.keys(value).length === 0);

/** Equal as upstream's semantic equality: what is absent equals what is empty. */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isZero(a) && isZero(b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((one, index) => semanticEqual(one, b[index]))
    );
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return (
    Object.keys(left).every((key) => semanticEqual(left[key], right[key])) &&
    Object.keys(right).every((key) => Object.hasOwn(left, key) || isZero(right[key]))
  );
}

/** Equal as they are stored: a zero that somebody wrote is another value than none. */
export function exactlyEqual(a: unknown, b: unknown): boolean {
  if (a === b || (isNothing(a) && isNothing(b))) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return (
    Object.keys(left).every((key) => exactlyEqual(left[key], right[key])) &&
    Object.keys(right).every((key) => Object.hasOwn(left, key) || isNothing(right[key]))
  );
}
/** What Go cannot tell from nothing: an empty list. */
const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

export const immutable = (path: string, value: unknown, previous: unknown): FieldError[] =>
  exactlyEqual(value, previous) ? [] : [invalid(path, value ?? null, 'field is immutable')];

/** `field: old -> new` for every leaf that differs: what a message shows where upstream shows a diff. */
export function differences(previous: unknown, value: unknown, path = ''): string[] {
  if (semanticEqual(previous, value)) return [];
  const bothObjects = [previous, value].every((one) => typeof one === 'object' && one !== null);
  if (!bothObjects) return [`  ${path}: ${JSON.stringify(previous ?? null)} -> ${JSON.stringify(value ?? null)}`];
  const [left, right] = [previous as Record<string, unknown>, value as Record<string, unknown>];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].flatMap((key) =>
    differences(left[key], right[key], Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`),
  );
}

const httpPath = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
/** `acme.io/foo`. */
export function domainPathErrors(path: string, value: string): FieldError[] {
  if (value === '') return [required(path)];
  const slash = value.indexOf('/');
  const [host, rest] = slash < 0 ? ['', ''] : [value.slice(0, slash), value.slice(slash + 1)];
  if (host === '' || rest === '')
    return [invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors = texts(path, host, dns1123Subdomain(host));
  if (!new RegExp(`^${httpPath}$`).test(rest)) errors.push(invalid(path, rest, patternText('Invalid path', httpPath)));
  return errors;
}

/** Relative and without steps up. */
export function relativePath(path: string, value: string): FieldError[] {
  const absolute = value.startsWith('/') ? [invalid(path, value, 'must be a relative path')] : [];
  return [...absolute, ...noStepsUp(path, value)];
}
export const noStepsUp = (path: string, value: string): FieldError[] =>
  value.split('/').includes('..') ? [invalid(path, value, "must not contain '..'")] : [];
/** As relativePath; also not hidden behind `..` as the files that volumes manage themselves. */
export const fileInVolume = (path: string, value: string): FieldError[] => [
  ...relativePath(path, value),
  ...(value.startsWith('..') && !value.startsWith('../') ? [invalid(path, value, "must not start with '..'")] : []),
];

export const fileMode = (path: string, mode: number | undefined): FieldError[] =>
  mode !== undefined && (mode < 0 || mode > 0o777)
    ? [invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')]
    : [];

export const cannotUpdate = (path: string, detail: string): FieldError[] => [forbidden(path, detail)];
