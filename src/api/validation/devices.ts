// What the kinds of resource.k8s.io have in common: names, sets, taints, configuration of drivers.
import { duplicate, invalid, notSupported, required, tooLong, tooMany, type FieldError } from '../field-error.ts';
import type { DeviceTaint, DeviceToleration, OpaqueDeviceConfiguration } from '../generated/types.ts';
import { byteLength, labelValue, patternText } from '../meta/names.ts';
import { driverNameErrors } from './class-parameters.ts';
import { isAbsent, oneOf, qualifiedErrors, subdomainErrors, texts } from './fields.ts';

const poolNameMax = 253;
const identifierMax = 32;
const parametersBytesMax = 10 * 1024;
const identifierForm = '[A-Za-z_][A-Za-z0-9_]*';
const identifierPattern = new RegExp(`^${identifierForm}$`);
const uidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Each item, unless there are too many. */
export function itemErrors<T>(
  path: string,
  items: readonly T[] | undefined,
  max: number,
  check: (path: string, item: T) => FieldError[],
): FieldError[] {
  const list = items ?? [];
  return list.length > max
    ? [tooMany(path, list.length, max)]
    : list.flatMap((item, index) => check(`${path}[${index}]`, item));
}

/** The same, and no two of one key. */
export function setErrors<T>(
  path: string,
  items: readonly T[] | undefined,
  max: number,
  check: (path: string, item: T) => FieldError[],
  keyOf: (item: T) => unknown,
): FieldError[] {
  const list = items ?? [];
  const errors = itemErrors(path, list, max, check);
  if (list.length > max) return errors;
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    const key = keyOf(item);
    const id = JSON.stringify(key);
    if (seen.has(id)) errors.push(duplicate(`${path}[${index}]`, key));
    seen.add(id);
  }
  return errors;
}

/** Keys are checked at the map's path; a long one is shortened where it names its value. */
export function mapErrors<T>(
  path: string,
  map: Readonly<Record<string, T>> | undefined,
  limits: { readonly entries: number; readonly keyShown: number },
  checkKey: (path: string, key: string) => FieldError[],
  check: (path: string, value: T) => FieldError[],
): FieldError[] {
  const entries = Object.entries(map ?? {});
  return entries.length > limits.entries
    ? [tooMany(path, entries.length, limits.entries)]
    : entries.flatMap(([key, value]) => [
        ...checkKey(path, key),
        ...check(`${path}[${shortened(key, limits.keyShown)}]`, value),
      ]);
}
function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  const rest = length - 3;
  return `${text.slice(0, Math.floor((rest + 1) / 2))}...${text.slice(text.length - Math.floor(rest / 2))}`;
}

export function poolNameErrors(path: string, name: string | undefined): FieldError[] {
  if (isAbsent(name)) return [required(path)];
  return [
    ...(byteLength(name) > poolNameMax ? [tooLong(path, poolNameMax)] : []),
    ...name.split('/').flatMap((part) => subdomainErrors(path, part)),
  ];
}

function identifierErrors(path: string, id: string): FieldError[] {
  const text = patternText(
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
    identifierForm,
    'my_name',
    'MY_NAME',
    'MyName',
  );
  return [
    ...(byteLength(id) > identifierMax ? [tooLong(path, identifierMax)] : []),
    ...(identifierPattern.test(id) ? [] : [invalid(path, id, text)]),
  ];
}

/** `[domain/]identifier`. Names of more than two parts are let through, as upstream does. */
export function qualifiedNameErrors(path: string, name: string): FieldError[] {
  const parts = name.split('/');
  if (parts.length === 1) return identifierErrors(path, name);
  if (parts.length > 2) return [];
  const [domain = '', id = ''] = parts;
  return [
    ...(domain === '' ? [invalid(path, '', 'the domain must not be empty')] : driverNameErrors(path, domain)),
    ...(id === '' ? [invalid(path, '', 'the name must not be empty')] : identifierErrors(path, id)),
  ];
}

export const fullyQualifiedNameErrors = (path: string, name: string): FieldError[] => [
  ...qualifiedNameErrors(path, name),
  ...(name.includes('/')
    ? []
    : [invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash')]),
];

/** Go's library knows more forms than the one that is wanted. */
export function uidErrors(path: string, uid: string): FieldError[] {
  if (uidPattern.test(uid))
    return uid === uid.toLowerCase()
      ? []
      : [
          invalid(
            path,
            uid,
            'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters',
          ),
        ];
  return [invalid(path, uid, `error validating uid: invalid UUID length: ${byteLength(uid)}`)];
}

/** JSON of a driver's own: an object. */
export function objectErrors(path: string, value: unknown, stored = false): FieldError[] {
  if (value === undefined || value === null) return [required(path)];
  if (!stored && byteLength(JSON.stringify(value)) > parametersBytesMax) return [tooLong(path, parametersBytesMax)];
  return typeof value === 'object' && !Array.isArray(value)
    ? []
    : [invalid(path, '<value omitted>', 'must be a valid JSON object')];
}

export function opaqueErrors(
  path: string,
  opaque: Partial<OpaqueDeviceConfiguration> | undefined,
  stored = false,
): FieldError[] {
  if (opaque === undefined) return [required(`${path}.opaque`)];
  return [
    ...driverNameErrors(`${path}.opaque.driver`, opaque.driver),
    ...objectErrors(`${path}.opaque.parameters`, opaque.parameters, stored),
  ];
}

const taintEffects = ['NoExecute', 'NoSchedule', 'None'];

/** `before`: an effect that was there may stay, known or not. */
export function taintErrors(path: string, taint: Partial<DeviceTaint>, before?: DeviceTaint): FieldError[] {
  const { key = '', value = '', effect = '' } = taint;
  return [
    ...qualifiedErrors(`${path}.key`, key),
    ...texts(`${path}.value`, value, labelValue(value)),
    ...(before !== undefined && before.effect === effect
      ? []
      : effect === ''
        ? [required(`${path}.effect`)]
        : oneOf(`${path}.effect`, effect, taintEffects)),
  ];
}

export function tolerationErrors(path: string, toleration: DeviceToleration): FieldError[] {
  const { key = '', operator = '', value = '', effect = '' } = toleration;
  const errors = key === '' ? [] : qualifiedErrors(`${path}.key`, key);
  if (operator === 'Exists') {
    if (value !== '') errors.push(invalid(`${path}.value`, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') errors.push(...texts(`${path}.value`, value, labelValue(value)));
  else if (operator === '') errors.push(required(`${path}.operator`));
  else errors.push(notSupported(`${path}.operator`, operator, ['Equal', 'Exists']));
  return effect === '' ? errors : [...errors, ...oneOf(`${path}.effect`, effect, taintEffects)];
}

const bindingConditionsMax = 4;

/** Conditions that a driver reports before a Pod may run; some of them say that it never will. */
export function bindingErrors(
  path: string,
  conditions: readonly string[] | undefined,
  failures: readonly string[] | undefined,
): FieldError[] {
  const [good, bad] = [conditions ?? [], failures ?? []];
  const [goodAt, badAt] = [`${path}.bindingConditions`, `${path}.bindingFailureConditions`];
  const repeated = (at: string, list: readonly string[]) =>
    list.flatMap((one, index) => (list.indexOf(one) < index ? [duplicate(`${at}[${index}]`, one)] : []));
  const few = (list: readonly string[]) => list.slice(0, 100);
  return [
    ...itemErrors(goodAt, good, bindingConditionsMax, qualifiedErrors),
    ...itemErrors(badAt, bad, bindingConditionsMax, qualifiedErrors),
    ...repeated(goodAt, few(good)),
    ...repeated(badAt, few(bad)),
    ...few(bad).flatMap((one, index) =>
      few(good).includes(one)
        ? [invalid(`${badAt}[${index}]`, one, 'bindingFailureConditions must not overlap with bindingConditions')]
        : [],
    ),
    ...(good.length === 0 && bad.length > 0
      ? [invalid(goodAt, conditions ?? null, 'bindingConditions are required to use bindingFailureConditions')]
      : []),
    ...(bad.length === 0 && good.length > 0
      ? [invalid(badAt, failures ?? null, 'bindingFailureConditions are required to use bindingConditions')]
      : []),
  ];
}
