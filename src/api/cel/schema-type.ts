// The types of OpenAPI schemas as expressions see them, with the largest sizes that the schema allows, by which costs are
// estimated. Sizes and limits are those of upstream's apiserver/pkg/cel/common/schemas.go: they decide which rules are allowed.
import { equalJson, isJsonObject } from '../patch/json-values.ts';
import type { JSONSchemaProps } from '../generated/types.ts';
import type { SizeHint } from './cost/ranges.ts';
import { adapt, JsonList } from './run/adapt.ts';
import { keyedList, setList } from './run/schema-lists.ts';
import { CelError, CelObject, equals } from './run/values.ts';
import { parseDuration, parseTimestamp } from './run/time.ts';
import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  listType,
  mapType,
  objectType,
  stringType,
  timestampType,
  type CelType,
} from './types.ts';

export interface SchemaType {
  readonly cel: CelType;
  /** Of lists and maps their entries, of texts their characters. */
  readonly sizeMax: number;
  /** Bytes of the shortest JSON. */
  readonly bytesMin: number;
  readonly element?: SchemaType | undefined;
  /** By the names that expressions use. */
  readonly fields?: ReadonlyMap<string, Field> | undefined;
}
interface Field {
  /** In the JSON. */
  readonly name: string;
  readonly type: SchemaType;
}
type Schema = JSONSchemaProps;

const requestBytesMax = 3 * 1024 * 1024;
const textBytesMin = 2;

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** Undefined: no expression can name it. */
export function escapedName(name: string): string | undefined {
  if (name === '' || /^[0-9]/.test(name)) return undefined;
  if (reserved.has(name)) return `__${name}__`;
  if (!/^[A-Za-z0-9_./-]+$/.test(name)) return undefined;
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}

const text: Schema = { type: 'string' };
const metaProperties: Readonly<Record<string, Schema>> = {
  kind: text,
  apiVersion: text,
  metadata: { type: 'object', properties: { name: text, generateName: text } },
};

const schemaIn = (value: unknown): Schema | undefined => (isJsonObject(value) ? (value as Schema) : undefined);
const isEmbedded = (schema: Schema): boolean => schema['x-kubernetes-embedded-resource'] === true;
const leaf = (cel: CelType, bytesMin: number, sizeMax = 0): SchemaType => ({ cel, bytesMin, sizeMax });
const notNegative = (value: number): number => Math.max(0, value);

/** Undefined: expressions do not see what has it. `isResource`: it has kind, apiVersion and metadata, whatever it says. */
export function schemaTypeOf(schema: Schema, isResource: boolean, name = 'selfType'): SchemaType | undefined {
  if (schema['x-kubernetes-int-or-string'] === true)
    return leaf(dynType, 1, schema.maxLength === undefined ? requestBytesMax - 2 : notNegative(schema.maxLength) * 4);
  switch (schema.type) {
    case 'array':
      return listOf(schema, name);
    case 'object':
      return objectOf(schema, isResource, name);
    case 'string':
      return textOf(schema);
    case 'boolean':
      return leaf(boolType, 4);
    case 'number':
      return leaf(doubleType, 1);
    case 'integer':
      return leaf(integer, 1);
    default:
      return undefined;
  }
}

const integer: CelType = {
  ...intType,
  adapt: (json) => (typeof json === 'number' ? BigInt(Math.trunc(json)) : adapt(json, dynType)),
};
const timestamp: CelType = {
  ...timestampType,
  adapt: (json) => (typeof json === 'string' ? parseTimestamp(json.replace(' ', 'T')) : adapt(json, dynType)),
};
const duration: CelType = {
  ...durationType,
  adapt: (json) => {
    if (typeof json !== 'string') return adapt(json, dynType);
    try {
      return parseDuration(json);
    } catch {
      throw new CelError(`Invalid duration ${json}`);
    }
  },
};

function textOf(schema: Schema): SchemaType {
  const { maxLength, format } = schema;
  switch (format) {
    case 'byte':
      return leaf(bytesType, textBytesMin, maxLength === undefined ? requestBytesMax - 2 : notNegative(maxLength));
    case 'duration':
      return leaf(duration, 3, 32);
    case 'date':
      return leaf(timestamp, 12, 12);
    case 'date-time':
      return leaf(timestamp, 21, 32);
    default:
  }
  if (maxLength !== undefined) return leaf(stringType, textBytesMin, notNegative(maxLength) * 4);
  const values: readonly unknown[] = schema.enum ?? [];
  if (values.length === 0) return leaf(stringType, textBytesMin, requestBytesMax - 2);
  const longest = Math.max(0, ...values.map((one) => (typeof one === 'string' ? Buffer.byteLength(one) : 0)));
  return leaf(stringType, textBytesMin, longest);
}

function listOf(schema: Schema, name: string): SchemaType | undefined {
  const items = schemaIn(schema.items);
  const element = items === undefined ? undefined : schemaTypeOf(items, isEmbedded(items), `${name}.@idx`);
  if (element === undefined) return undefined;
  const { maxItems } = schema;
  const sizeMax =
    maxItems === undefined ? Math.floor((requestBytesMax - 2) / (element.bytesMin + 1)) : notNegative(maxItems);
  const kind = schema['x-kubernetes-list-type'];
  const keys = (schema['x-kubernetes-list-map-keys'] ?? []).map((key) => escapedName(key) ?? key);
  const made = (json: readonly unknown[]): JsonList => new JsonList(json, element.cel);
  const adapted = (json: unknown): unknown => {
    if (!Array.isArray(json)) return adapt(json, dynType);
    if (kind === 'set') return setList(made(json));
    return kind === 'map' ? keyedList(made(json), keys) : made(json);
  };
  return { cel: { ...listType(element.cel), adapt: adapted }, sizeMax, bytesMin: 2, element };
}

function objectOf(schema: Schema, isResource: boolean, name: string): SchemaType | undefined {
  const additional = schemaIn(schema.additionalProperties);
  if (additional !== undefined) {
    const element = schemaTypeOf(additional, isEmbedded(additional), `${name}.@elem`);
    if (element === undefined) return undefined;
    const { maxProperties } = schema;
    const sizeMax =
      maxProperties === undefined
        ? Math.floor((requestBytesMax - 2) / (element.bytesMin + 6))
        : notNegative(maxProperties);
    return { cel: mapType(stringType, element.cel), sizeMax, bytesMin: 2, element };
  }
  const properties = isResource ? { ...schema.properties, ...metaOf(schema) } : schema.properties;
  const fields = new Map<string, Field>();
  let bytesMin = 2;
  for (const [key, property] of Object.entries(properties ?? {})) {
    const escaped = escapedName(key);
    const type = schemaTypeOf(property, isEmbedded(property), `${name}.${escaped ?? key}`);
    if (type === undefined) continue;
    if (escaped !== undefined) fields.set(escaped, { name: key, type });
    if (schema.required?.includes(key) === true && property.default === undefined)
      bytesMin += Buffer.byteLength(key) + type.bytesMin + 4;
  }
  const cel: CelType = objectType(name, (field) => fields.get(field)?.type.cel, {
    adapt: (json) => (isJsonObject(json) ? new SchemaObject(json, cel, fields) : adapt(json, dynType)),
  });
  return { cel, sizeMax: 0, bytesMin, fields };
}

/** Of a resource; a schema that says these parts itself is believed. */
function metaOf({ properties }: Schema): Readonly<Record<string, Schema>> {
  const metadata = properties?.['metadata'];
  const isSaid =
    properties?.['kind']?.type === 'string' &&
    properties['apiVersion']?.type === 'string' &&
    metadata?.type === 'object' &&
    metadata.properties?.['name']?.type === 'string' &&
    metadata.properties['generateName']?.type === 'string';
  return isSaid ? {} : metaProperties;
}

class SchemaObject extends CelObject {
  readonly json: Readonly<Record<string, unknown>>;
  override readonly celType: CelType;
  readonly #fields: ReadonlyMap<string, Field>;
  readonly #values = new Map<string, unknown>();

  constructor(json: Readonly<Record<string, unknown>>, type: CelType, fields: ReadonlyMap<string, Field>) {
    super();
    this.json = json;
    this.celType = type;
    this.#fields = fields;
  }
  override get size(): number {
    return Object.keys(this.json).length;
  }
  override get(name: string): unknown {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const field = this.#fields.get(name);
    if (field === undefined || !Object.hasOwn(this.json, field.name)) return undefined;
    const value = this.json[field.name];
    if (value === undefined) return undefined;
    const made = adapt(value, field.type.cel);
    this.#values.set(name, made);
    return made;
  }
  override *keys(): Generator<string, void> {
    for (const [escaped, { name }] of this.#fields) if (Object.hasOwn(this.json, name)) yield escaped;
  }
  /** What no field declares counts as it is written. */
  override equals(other: unknown): boolean {
    if (!(other instanceof SchemaObject) || other.size !== this.size) return false;
    const declared = new Set(Array.from(this.#fields.values(), ({ name }) => name));
    for (const name of this.keys()) {
      const value = other.get(name);
      if (value === undefined || !equals(this.get(name), value)) return false;
    }
    return Object.keys(this.json).every((name) => declared.has(name) || equalJson(this.json[name], other.json[name]));
  }
}

/** The sizes of what `self` and `oldSelf` hold. */
export const sizesOf =
  (root: SchemaType): SizeHint =>
  (path) => {
    if (path === undefined) return undefined;
    let at: SchemaType | undefined = root;
    for (const step of path.slice(1)) {
      if (step === '@items' || step === '@values') at = at.element;
      else if (step === '@keys') at = at.element === undefined || at.cel.kind !== 'map' ? undefined : keyType;
      else at = at.fields?.get(step)?.type;
      if (at === undefined) return undefined;
    }
    return { min: 0, max: at.sizeMax };
  };
/** Upstream's keys have no length. */
const keyType = leaf(stringType, textBytesMin, 0);

/** How many values of the type a request can hold. */
export const countMax = (type: SchemaType): number => Math.floor(requestBytesMax / (type.bytesMin + 1));
