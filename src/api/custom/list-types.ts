// Lists that a schema calls a set or a map hold nothing twice.
import { duplicate, invalid, type FieldError } from '../field-error.ts';
import { isJsonObject } from '../patch/json-values.ts';
import { additionalSchemaOf, itemsOf, listKeysOf, listTypeOf, propertyOf, type Schema } from './schema.ts';

export function validateLists(schema: Schema, value: unknown, path = ''): FieldError[] {
  const errors: FieldError[] = [];
  visit(schema, value, path, errors);
  return errors;
}

function visit(schema: Schema | undefined, value: unknown, path: string, errors: FieldError[]): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    const type = listTypeOf(schema);
    if (type === 'set') checkSet(value, path, errors);
    else if (type === 'map') checkMap(schema, value, path, errors);
    const items = itemsOf(schema);
    value.forEach((item, index) => visit(items, item, `${path}[${index}]`, errors));
  } else if (isJsonObject(value))
    for (const key of Object.keys(value)) {
      const additional = additionalSchemaOf(schema);
      if (additional !== undefined) visit(additional, value[key], `${path}[${key}]`, errors);
      visit(propertyOf(schema, key), value[key], path === '' ? key : `${path}.${key}`, errors);
    }
}

/** Positions at which a text occurs for the second time. */
function seconds(texts: readonly string[]): number[] {
  const counts = new Map<string, number>();
  return texts.flatMap((text, index) => {
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    return count === 2 ? [index] : [];
  });
}

const sortedText = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    isJsonObject(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );

function checkSet(list: readonly unknown[], path: string, errors: FieldError[]): void {
  for (const index of seconds(list.map(sortedText))) errors.push(duplicate(`${path}[${index}]`, list[index]));
}

function checkMap(schema: Schema, list: readonly unknown[], path: string, errors: FieldError[]): void {
  const wrong = list.findIndex((item) => item !== null && !isJsonObject(item));
  if (wrong >= 0) {
    errors.push(invalid(`${path}[${wrong}]`, list[wrong], 'must be an object for an array of list-type map'));
    return;
  }
  const identities = list.map((item) =>
    Object.fromEntries(
      listKeysOf(schema).flatMap((key) => (isJsonObject(item) && Object.hasOwn(item, key) ? [[key, item[key]]] : [])),
    ),
  );
  for (const index of seconds(identities.map(sortedText)))
    errors.push(duplicate(`${path}[${index}]`, identities[index]));
}
