// A value against its schema, with upstream's texts (kube-openapi/pkg/validation). On update what did not change is not held
// against the writer: a schema may have become stricter since (ratcheting, KEP-4008).
import { invalid, notSupported, required, tooLong, tooMany, typeInvalid, type FieldError } from '../field-error.ts';
import { equalJson, isJsonObject, type JsonObject } from '../patch/json-values.ts';
import { isKnownFormat, textHasFormat } from './formats.ts';
import { compilePattern } from './regular-expressions.ts';
import {
  additionalSchemaOf,
  isIntOrString,
  itemsOf,
  listKeysOf,
  listTypeOf,
  metaFields,
  propertyOf,
  type Schema,
} from './schema.ts';

/** The same value before the update; undefined: there is none that is known to be the same. */
export interface Before {
  readonly value: unknown;
}

class Result {
  readonly errors = new Map<string, FieldError>();
  /** How much of a schema fitted: of several that fail, the errors of the closest are told. */
  matches = 0;
  get isValid(): boolean {
    return this.errors.size === 0;
  }
  add(error: FieldError): void {
    const key = `${error.field} ${error.message}`;
    if (!this.errors.has(key)) this.errors.set(key, error);
  }
  merge(other: Result): void {
    for (const error of other.errors.values()) this.add(error);
    this.matches += other.matches;
  }
}

/** Errors have paths from the schema's root; `prefix` comes before them, not into the texts. */
export function validateValue(schema: Schema, value: unknown, before?: Before, prefix = ''): FieldError[] {
  const result = check(schema, value, '', before);
  return [...result.errors.values()].map((error) => ({ ...error, field: fieldOf(error.field, prefix) }));
}

const fieldOf = (field: string, prefix: string): string => {
  // Upstream's errors of anyOf, oneOf, allOf and not carry no path.
  if (field === noPath) return prefix === '' ? '<nil>' : prefix;
  const own = field.replace(/^\./, '');
  return prefix === '' ? (own === '' ? '<nil>' : own) : own === '' ? prefix : `${prefix}.${own}`;
};

const noPath = '\0';

function check(schema: Schema, value: unknown, path: string, before: Before | undefined, isRoot = true): Result {
  const result = new Result();
  checkType(schema, value, path, result);
  if (value === null || value === undefined) checkEnum(schema, null, path, result);
  else {
    checkCombinations(schema, value, path, before, result);
    if (typeof value === 'string') checkText(schema, value, path, result);
    else if (typeof value === 'number') checkNumber(schema, value, path, result);
    else if (Array.isArray(value)) checkItems(schema, value, path, before, result);
    checkEnum(schema, value, path, result);
    if (isJsonObject(value)) checkMembers(schema, value, path, before, result);
  }
  if (isRoot && !result.isValid && before !== undefined && equalJson(before.value, value)) return new Result();
  return result;
}

const typesOf = (schema: Schema): readonly string[] =>
  isIntOrString(schema) ? ['integer', 'string'] : schema.type === undefined || schema.type === '' ? [] : [schema.type];

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'boolean';
    case 'number':
      return Number.isInteger(value) ? 'integer' : 'number';
    default:
      return 'object';
  }
}

const inBody = (path: string): string => `${path} in body`;

const wrongType = (path: string, expected: string, found: string): FieldError =>
  typeInvalid(path, found, `${inBody(path)} must be of type ${expected}: ${JSON.stringify(found)}`);

function checkType(schema: Schema, value: unknown, path: string, result: Result): void {
  const types = typesOf(schema);
  result.matches++;
  if (types.length === 0) return;
  if (value === null || value === undefined) {
    if (schema.nullable !== true) result.add(wrongType(path, types.join(','), 'null'));
    return;
  }
  const found = typeOf(value);
  if (types.includes(found) || (found === 'integer' && types.includes('number'))) return;
  const hasFormat = schema.format !== undefined && isKnownFormat(schema.type, schema.format);
  if (hasFormat && (found === 'string' || found === 'array') && types.includes('string')) return;
  // A format that the value cannot have is told instead of the type.
  if (hasFormat && found !== 'string' && found !== 'array')
    result.add(wrongType(path, schema.format, found === 'integer' ? 'int64' : found === 'number' ? 'float64' : ''));
  else result.add(wrongType(path, types.join(','), found));
}

function checkEnum(schema: Schema, value: unknown, path: string, result: Result): void {
  const allowed: readonly unknown[] = schema.enum ?? [];
  if (allowed.length === 0 || allowed.some((one) => equalJson(one, value))) return;
  const texts = allowed.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  result.add(notSupported(path, value, texts));
}

function checkText(schema: Schema, text: string, path: string, result: Result): void {
  result.matches++;
  const length = schema.maxLength === undefined && schema.minLength === undefined ? 0 : Array.from(text).length;
  if (schema.maxLength !== undefined && length > schema.maxLength) result.add(tooLong(path, schema.maxLength));
  else if (schema.minLength !== undefined && length < schema.minLength)
    result.add(invalid(path, text, `${inBody(path)} should be at least ${schema.minLength} chars long`));
  else if (schema.pattern !== undefined && schema.pattern !== '') {
    const pattern = compilePattern(schema.pattern);
    if (typeof pattern === 'string')
      result.add(
        invalid(path, text, `${inBody(path)} should match '${schema.pattern}, but pattern is invalid: ${pattern}'`),
      );
    else if (!pattern.matches(text))
      result.add(invalid(path, text, `${inBody(path)} should match '${schema.pattern}'`));
  }
  const { format } = schema;
  if (format !== undefined && isKnownFormat(schema.type, format) && textHasFormat(format, text) === false)
    result.add(typeInvalid(path, text, `${inBody(path)} must be of type ${format}: ${JSON.stringify(text)}`));
}

function checkNumber(schema: Schema, value: number, path: string, result: Result): void {
  result.matches++;
  const wrong = (detail: string): void => result.add(invalid(path, value, `${inBody(path)} ${detail}`));
  const name = inBody(path).replace(/ in body$/, '');
  const isOut = schema.format === 'int32' && (value < -2147483648 || value > 2147483647);
  if (schema.type === 'integer' && (isOut || !Number.isInteger(value))) {
    const format = schema.format === undefined ? '(default format)' : `with format ${schema.format}`;
    result.add(invalid(noPath, '', `Checked value must be of type integer ${format} in ${name}`));
  }
  const { multipleOf, maximum, minimum } = schema;
  // Upstream divides whole numbers by whole numbers.
  if (multipleOf !== undefined && Number.isInteger(value) && Math.trunc(multipleOf) === 0)
    result.add(invalid(path, 0, `factor MultipleOf declared for ${name} must be positive: 0`));
  else if (
    multipleOf !== undefined &&
    !Number.isInteger(multipleOf < 1 ? (1 / multipleOf) * value : value / multipleOf)
  )
    wrong(`should be a multiple of ${multipleOf}`);
  if (minimum !== undefined) {
    if (schema.exclusiveMinimum === true && value <= minimum) wrong(`should be greater than ${minimum}`);
    else if (value < minimum) wrong(`should be greater than or equal to ${minimum}`);
  }
  if (maximum !== undefined) {
    if (schema.exclusiveMaximum === true && value >= maximum) wrong(`should be less than ${maximum}`);
    else if (value > maximum) wrong(`should be less than or equal to ${maximum}`);
  }
}

function checkItems(
  schema: Schema,
  list: readonly unknown[],
  path: string,
  before: Before | undefined,
  result: Result,
): void {
  result.matches++;
  const items = itemsOf(schema);
  if (items !== undefined)
    list.forEach((item, index) =>
      result.merge(check(items, item, `${path}[${index}]`, itemBefore(schema, item, before))),
    );
  if (schema.minItems !== undefined && list.length < schema.minItems)
    result.add(invalid(path, list.length, `${inBody(path)} should have at least ${schema.minItems} items`));
  if (schema.maxItems !== undefined && list.length > schema.maxItems)
    result.add(tooMany(path, list.length, schema.maxItems));
}

/** Only items of a map-like list are known to be the same as before. */
export function itemBefore(schema: Schema, item: unknown, before: Before | undefined): Before | undefined {
  if (listTypeOf(schema) !== 'map' || !Array.isArray(before?.value) || !isJsonObject(item)) return undefined;
  const keys = listKeysOf(schema);
  const same = (before.value as readonly unknown[]).filter(
    (one) => isJsonObject(one) && keys.every((key) => equalJson(one[key], item[key])),
  );
  return same.length === 1 ? { value: same[0] } : undefined;
}

export const memberBefore = (key: string, before: Before | undefined): Before | undefined =>
  isJsonObject(before?.value) && Object.hasOwn(before.value, key) ? { value: before.value[key] } : undefined;

function checkMembers(
  schema: Schema,
  object: JsonObject,
  path: string,
  before: Before | undefined,
  result: Result,
): void {
  result.matches++;
  const keys = Object.keys(object).filter((key) => object[key] !== undefined);
  const at = (key: string) => (path === '' ? key : `${path}.${key}`);
  const previous = (key: string) => (path === '' && metaFields.has(key) ? undefined : memberBefore(key, before));
  if (schema.minProperties !== undefined && keys.length < schema.minProperties)
    result.add(invalid(path, keys.length, `${inBody(path)} should have at least ${schema.minProperties} properties`));
  if (schema.maxProperties !== undefined && keys.length > schema.maxProperties)
    result.add(tooMany(path, keys.length, schema.maxProperties));
  const forbidsOthers = (schema.additionalProperties as unknown) === false;
  const additional = additionalSchemaOf(schema);
  for (const key of keys) {
    if (propertyOf(schema, key) !== undefined) continue;
    if (forbidsOthers) result.add(invalid(path, key, `${path}.${key} in body is a forbidden property`));
    else if (additional !== undefined) result.merge(check(additional, object[key], `${path}.${key}`, previous(key)));
  }
  for (const [key, property] of Object.entries(schema.properties ?? {}))
    if (Object.hasOwn(object, key) && object[key] !== undefined)
      result.merge(check(property, object[key], at(key), previous(key)));
  for (const key of schema.required ?? [])
    if (!Object.hasOwn(object, key) || object[key] === undefined) result.add(required(`${path}.${key}`));
}

function checkCombinations(
  schema: Schema,
  value: unknown,
  path: string,
  before: Before | undefined,
  result: Result,
): void {
  result.matches++;
  const inner = (one: Schema): Result => check(one, value, path, before, false);
  const wrong = (text: string): void => result.add(invalid(noPath, '', `${JSON.stringify(path)} ${text}`));
  const closest = (failed: readonly Result[]): Result | undefined =>
    failed.reduce<Result | undefined>(
      (best, one) => (best === undefined || one.matches > best.matches ? one : best),
      undefined,
    );
  const { anyOf = [], oneOf = [], allOf = [] } = schema;
  if (anyOf.length > 0) {
    const tried: Result[] = [];
    for (const one of anyOf) {
      tried.push(inner(one));
      if (tried.at(-1)!.isValid) break;
    }
    const success = tried.find((one) => one.isValid);
    if (success === undefined) wrong('must validate at least one schema (anyOf)');
    const told = success ?? closest(tried);
    if (told !== undefined) result.merge(told);
  }
  if (oneOf.length > 0) {
    const tried = oneOf.map(inner);
    const valid = tried.filter((one) => one.isValid);
    if (valid.length === 1) result.merge(valid[0]!);
    else {
      wrong(
        `must validate one and only one schema (oneOf). ${valid.length === 0 ? 'Found none valid' : `Found ${valid.length} valid alternatives`}`,
      );
      const told = valid.length === 0 ? closest(tried) : undefined;
      if (told !== undefined) result.merge(told);
    }
  }
  if (allOf.length > 0) {
    const tried = allOf.map(inner);
    for (const one of tried) result.merge(one);
    const valid = tried.filter((one) => one.isValid).length;
    if (valid !== tried.length) wrong(`must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`);
  }
  if (schema.not !== undefined && inner(schema.not).isValid) wrong('must not validate the schema (not)');
}
