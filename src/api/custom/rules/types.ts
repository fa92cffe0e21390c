// The types of a schema as CEL has them, and its values: an integer is an int, an object with properties a type of its own, the
// others maps. Names that CEL cannot say are escaped as upstream escapes them.
import type { Environment } from '@marcbachmann/cel-js';
import { equalJson, isJsonObject } from '../../patch/json-values.ts';
import { additionalSchemaOf, isEmbedded, isIntOrString, itemsOf, type Schema } from '../schema.ts';

/** A type and how a JSON value becomes one of it. */
export interface RuleType {
  readonly name: string;
  convert(value: unknown): unknown;
}

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const escapes: readonly (readonly [string, string])[] = [
  ['__', '__underscores__'],
  ['.', '__dot__'],
  ['-', '__dash__'],
  ['/', '__slash__'],
];

/** Undefined: no expression can name it. */
export function escapedName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  let escaped = name;
  for (const [from, to] of escapes) escaped = escaped.split(from).join(to);
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(escaped) ? escaped : undefined;
}

/** Any value, by what it is. */
function convertAny(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(convertAny);
  if (isJsonObject(value)) return new Map(Object.entries(value).map(([key, one]) => [key, convertAny(one)]));
  return value;
}
const anything: RuleType = { name: 'dyn', convert: convertAny };

const plain: Readonly<Record<string, RuleType>> = {
  string: { name: 'string', convert: (value) => value },
  boolean: { name: 'bool', convert: (value) => value },
  integer: { name: 'int', convert: (value) => (typeof value === 'number' ? BigInt(Math.trunc(value)) : value) },
  number: { name: 'double', convert: (value) => value },
};

/** Texts that rules see as something else. */
function formatted(schema: Schema): RuleType | undefined {
  switch (schema.format) {
    case 'date':
    case 'date-time':
      return {
        name: 'google.protobuf.Timestamp',
        convert: (value) => (typeof value === 'string' ? new Date(value) : value),
      };
    case 'byte':
      return { name: 'bytes', convert: (value) => (typeof value === 'string' ? Buffer.from(value, 'base64') : value) };
    case 'duration':
      return anything;
    default:
      return undefined;
  }
}

/** Declares in `environment` what the schema needs. `next` names the types. */
export function declareType(environment: Environment, schema: Schema, next: () => string, isObject = false): RuleType {
  if (isIntOrString(schema)) return anything;
  const type = declarePlain(environment, schema, next, isObject);
  // A value that may be null is not always of its type.
  return schema.nullable === true
    ? { name: 'dyn', convert: (value) => (value === null ? null : type.convert(value)) }
    : type;
}

function declarePlain(environment: Environment, schema: Schema, next: () => string, isObject: boolean): RuleType {
  switch (schema.type) {
    case 'string':
      return formatted(schema) ?? plain['string']!;
    case 'array': {
      const items = itemsOf(schema);
      if (items === undefined) return anything;
      const item = declareType(environment, items, next);
      return {
        name: `list<${item.name}>`,
        convert: (value) => (Array.isArray(value) ? value.map((one) => item.convert(one)) : value),
      };
    }
    case 'object': {
      const additional = additionalSchemaOf(schema);
      if (additional !== undefined) {
        const value = declareType(environment, additional, next);
        return {
          name: `map<string, ${value.name}>`,
          convert: (map) =>
            isJsonObject(map) ? new Map(Object.entries(map).map(([key, one]) => [key, value.convert(one)])) : map,
        };
      }
      if (schema.properties === undefined && !isObject && !isEmbedded(schema)) return anything;
      return declareStruct(environment, schema, next, isObject || isEmbedded(schema));
    }
    default:
      return plain[schema.type ?? ''] ?? anything;
  }
}

const text: Schema = { type: 'string' };
const metaProperties: Readonly<Record<string, Schema>> = {
  apiVersion: text,
  kind: text,
  metadata: { type: 'object', properties: { name: text, generateName: text } },
};

const raw = Symbol('raw');

function declareStruct(environment: Environment, schema: Schema, next: () => string, isObject: boolean): RuleType {
  const properties = { ...schema.properties, ...(isObject ? metaProperties : {}) };
  const members = Object.entries(properties).flatMap(([name, property]) => {
    const escaped = escapedName(name);
    return escaped === undefined ? [] : [{ name, escaped, type: declareType(environment, property, next) }];
  });
  class Struct {
    readonly [raw]: unknown;
    constructor(value: unknown) {
      Object.defineProperty(this, raw, { value, enumerable: false });
    }
  }
  const name = next();
  environment.registerType(name, {
    ctor: Struct,
    fields: Object.fromEntries(members.map(({ escaped, type }) => [escaped, type.name])),
  });
  environment.registerOperator(`${name} == ${name}`, (left: unknown, right: unknown) =>
    equalJson((left as Struct)[raw], (right as Struct)[raw]),
  );
  return {
    name,
    convert(value) {
      if (!isJsonObject(value)) return value;
      const struct = new Struct(value);
      for (const member of members)
        if (Object.hasOwn(value, member.name) && value[member.name] !== undefined)
          Object.defineProperty(struct, member.escaped, {
            value: member.type.convert(value[member.name]),
            enumerable: true,
          });
      return struct;
    },
  };
}
