// Objects inside of objects (x-kubernetes-embedded-resource): what they must be at least.
import type { ObjectMeta } from '../generated/types.ts';
import { invalid, required, type FieldError } from '../field-error.ts';
import { validateObjectMeta } from '../meta/object-meta.ts';
import { dns1035Label, pathSegment } from '../meta/names.ts';
import { isJsonObject } from '../patch/json-values.ts';
import { typeFacts } from '../schema/type-table.ts';
import { DecodeError, Decoder } from '../schema/value-decoder.ts';
import { additionalSchemaOf, isEmbedded, itemsOf, propertyOf, someSchema, type Schema } from './schema.ts';

type Visit = (object: Readonly<Record<string, unknown>>, path: string) => void;

function forEachEmbedded(schema: Schema | undefined, value: unknown, path: string, visit: Visit): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    value.forEach((item, index) => forEachEmbedded(items, item, `${path}[${index}]`, visit));
  } else if (isJsonObject(value)) {
    if (isEmbedded(schema)) visit(value, path);
    for (const key of Object.keys(value)) {
      const property = propertyOf(schema, key);
      if (property !== undefined) forEachEmbedded(property, value[key], path === '' ? key : `${path}.${key}`, visit);
      else forEachEmbedded(additionalSchemaOf(schema), value[key], `${path}[${key}]`, visit);
    }
  }
}

const has = (schema: Schema): boolean => someSchema(schema, isEmbedded);

/** What makes the object unreadable: kind or metadata of a wrong type. */
export function embeddedProblem(object: Readonly<Record<string, unknown>>, schema: Schema): string | undefined {
  if (!has(schema)) return undefined;
  let problem: string | undefined;
  forEachEmbedded(schema, object, '', (inner, path) => {
    for (const name of ['apiVersion', 'kind'])
      if (inner[name] !== undefined && typeof inner[name] !== 'string')
        problem ??= wrong(`${path}.${name}`, inner[name], 'must be a string');
    if (inner['metadata'] === undefined) return;
    try {
      new Decoder().decode(typeFacts('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'), inner['metadata']);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      problem ??= wrong(`${path}.metadata`, inner['metadata'], error.message);
    }
  });
  return problem;
}

const wrong = (path: string, value: unknown, detail: string): string =>
  `${path}: Invalid value: ${JSON.stringify(value)}: ${detail}`;

/** An embedded object says what it is, and its metadata would be valid for an object of its own. */
export function validateEmbedded(schema: Schema, object: object): FieldError[] {
  const errors: FieldError[] = [];
  if (!has(schema)) return errors;
  forEachEmbedded(schema, object, '', (inner, path) => {
    for (const name of ['apiVersion', 'kind']) errors.push(...nameErrors(inner, name, `${path}.${name}`));
    const metadata = inner['metadata'];
    if (!isJsonObject(metadata)) return;
    const given = { name: 'name-is-not-required', ...metadata } as unknown as ObjectMeta;
    const isNamespaced = (given.namespace ?? '') !== '';
    for (const error of validateObjectMeta(given, {
      namespaced: isNamespaced,
      checkName: pathSegment,
      customResource: true,
    }))
      errors.push({ ...error, field: path === '' ? error.field : `${path}.${error.field}` });
  });
  return errors;
}

function nameErrors(inner: Readonly<Record<string, unknown>>, name: string, path: string): FieldError[] {
  const value = inner[name];
  if (value === undefined) return [required(path)];
  if (typeof value !== 'string') return [invalid(path, value, 'must be a string')];
  if (value === '') return [invalid(path, value, 'must not be empty')];
  if (name === 'apiVersion')
    return value.split('/').length > 2 ? [invalid(path, value, `unexpected GroupVersion string: ${value}`)] : [];
  const wrong = dns1035Label(value.toLowerCase());
  return wrong.length === 0
    ? []
    : [invalid(path, value, `may have mixed case, but should otherwise match: ${wrong.join(',')}`)];
}
