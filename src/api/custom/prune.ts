// What a schema does to an object before it is looked at: fields that it does not know go, nulls that it does not allow go,
// defaults come. All three change the object, which is the caller's own copy.
import { cloneJson, isJsonObject, setMember, type MutableJson } from '../patch/json-values.ts';
import {
  additionalSchemaOf,
  allowsAdditional,
  isEmbedded,
  itemsOf,
  metaFields,
  preservesUnknown,
  propertyOf,
  type Schema,
} from './schema.ts';

/** A name (`spec`) or a position in a list (`[0]`). */
type Path = string[];

export const pathText = (path: readonly string[]): string =>
  path.reduce((text, part) => (part.startsWith('[') || text === '' ? text + part : `${text}.${part}`), '');

/** Removes unknown fields of a whole object, whose own metadata is not judged. Returns their paths, sorted. */
export function pruneObject(object: MutableJson, schema: Schema): string[] {
  const unknown: string[] = [];
  prune(object, { ...schema, 'x-kubernetes-embedded-resource': true }, [], unknown);
  return unknown.toSorted();
}

function prune(value: unknown, schema: Schema | undefined, path: Path, unknown: string[]): void {
  const keepsAll = preservesUnknown(schema);
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (keepsAll && items === undefined) return;
    value.forEach((item, index) => {
      path.push(`[${index}]`);
      // Below a list that keeps all, only what the items' schema says.
      if (keepsAll) prune(item, { ...items, 'x-kubernetes-preserve-unknown-fields': true }, path, unknown);
      else prune(item, items, path, unknown);
      path.pop();
    });
    return;
  }
  if (!isJsonObject(value)) return;
  const object = value as MutableJson;
  for (const key of Object.keys(object)) {
    if (isEmbedded(schema) && metaFields.has(key)) continue;
    const property = propertyOf(schema, key);
    const isKnown = property !== undefined || (schema !== undefined && allowsAdditional(schema));
    path.push(key);
    if (isKnown) {
      const inner = property ?? additionalSchemaOf(schema);
      if (inner !== undefined || !keepsAll) prune(object[key], inner, path, unknown);
    } else if (!keepsAll) {
      if (!metaFields.has(key) || path.length > 1) unknown.push(pathText(path));
      delete object[key];
    }
    path.pop();
  }
}

const memberSchema = (schema: Schema | undefined, key: string): Schema | undefined =>
  propertyOf(schema, key) ?? additionalSchemaOf(schema);
const isForbiddenNull = (value: unknown, schema: Schema | undefined): boolean =>
  value === null && schema !== undefined && schema.nullable !== true;

/** Nulls where the schema allows none and has no default: as if they had not been sent. */
export function pruneNulls(value: unknown, schema: Schema | undefined): void {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    for (const item of value) pruneNulls(item, items);
  } else if (isJsonObject(value))
    for (const key of Object.keys(value)) {
      const inner = memberSchema(schema, key);
      if (isForbiddenNull(value[key], inner) && inner?.default === undefined) delete (value as MutableJson)[key];
      else pruneNulls(value[key], inner);
    }
}

/** Sets defaults. Returns whether anything was set. */
export function setDefaults(value: unknown, schema: Schema | undefined): boolean {
  if (schema === undefined) return false;
  let isChanged = false;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    for (let index = 0; index < value.length; index++) {
      if (isForbiddenNull(value[index], items) && items?.default !== undefined) {
        value[index] = cloneJson(items.default);
        isChanged = true;
      }
      if (setDefaults(value[index], items)) isChanged = true;
    }
  } else if (isJsonObject(value)) {
    const object = value as MutableJson;
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      if (property.default === undefined) continue;
      if (Object.hasOwn(object, key) && !isForbiddenNull(object[key], property)) continue;
      setMember(object, key, cloneJson(property.default));
      isChanged = true;
    }
    for (const key of Object.keys(object)) {
      const inner = memberSchema(schema, key);
      if (isForbiddenNull(object[key], inner) && inner?.default !== undefined) {
        object[key] = cloneJson(inner.default);
        isChanged = true;
      }
      if (setDefaults(object[key], inner)) isChanged = true;
    }
  }
  return isChanged;
}
