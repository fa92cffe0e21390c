// The schema of a version of a custom resource, as its definition says it, and how to step from one part of it to the next.
// The structural rules (structural-rules.ts) make sure that these steps are all there are.
import type { JSONSchemaProps } from '../generated/types.ts';
import { isJsonObject, type JsonObject } from '../patch/json-values.ts';

export type Schema = JSONSchemaProps;

export const itemsOf = (schema: Schema | undefined): Schema | undefined => {
  const items: unknown = schema?.items;
  return isJsonObject(items) ? (items as Schema) : undefined;
};

/** Undefined also for `additionalProperties: true`, which says nothing of the values. */
export const additionalSchemaOf = (schema: Schema | undefined): Schema | undefined => {
  const additional: unknown = schema?.additionalProperties;
  return isJsonObject(additional) ? (additional as Schema) : undefined;
};

export const allowsAdditional = (schema: Schema): boolean => {
  const additional: unknown = schema.additionalProperties;
  return additional !== undefined && additional !== false;
};

export const propertyOf = (schema: Schema | undefined, name: string): Schema | undefined =>
  schema?.properties !== undefined && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;

export const preservesUnknown = (schema: Schema | undefined): boolean =>
  schema?.['x-kubernetes-preserve-unknown-fields'] === true;
export const isEmbedded = (schema: Schema | undefined): boolean => schema?.['x-kubernetes-embedded-resource'] === true;
export const isIntOrString = (schema: Schema | undefined): boolean => schema?.['x-kubernetes-int-or-string'] === true;
export const listTypeOf = (schema: Schema | undefined): string | undefined => schema?.['x-kubernetes-list-type'];
export const listKeysOf = (schema: Schema | undefined): readonly string[] =>
  schema?.['x-kubernetes-list-map-keys'] ?? [];

/** Fields that every object has, whatever its schema says. */
export const metaFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** The value of a path of plain names, such as `.spec.replicas`; undefined when something on the way is not there. */
export function valueAtPath(object: unknown, path: string): unknown {
  let at = object;
  for (const part of partsOfPath(path)) {
    if (!isJsonObject(at) || !Object.hasOwn(at, part)) return undefined;
    at = (at as JsonObject)[part];
  }
  return at;
}

export const partsOfPath = (path: string): readonly string[] => path.replace(/^\./, '').split('.');

/** Every schema below this one and itself, until `visit` says true. */
export function someSchema(schema: Schema | undefined, visit: (schema: Schema) => boolean): boolean {
  if (schema === undefined) return false;
  if (visit(schema)) return true;
  const items: unknown = schema.items;
  const lists = [
    Array.isArray(items) ? (items as Schema[]) : [itemsOf(schema)],
    schema.allOf,
    schema.anyOf,
    schema.oneOf,
  ];
  const maps = [schema.properties, schema.patternProperties, schema.definitions];
  return (
    lists.some((list) => list?.some((one) => someSchema(one, visit))) ||
    someSchema(schema.not, visit) ||
    someSchema(additionalSchemaOf(schema), visit) ||
    maps.some((map) => map !== undefined && Object.values(map).some((one) => someSchema(one, visit)))
  );
}
