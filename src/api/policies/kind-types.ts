// Kinds as types of expressions, for checking what a policy says of them before it meets one: built-in kinds from the type
// table, custom ones from what they publish. Names that expressions cannot say are escaped as upstream escapes them.
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
} from '../cel/types.ts';
import type { KindRow } from '../kind.ts';
import { isJsonObject, type JsonObject } from '../patch/json-values.ts';
import { typeFacts, type Scalar, type StructType, type ValueType } from '../schema/type-table.ts';

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** Of a field as an expression names it. */
export function unescapedName(escaped: string): string {
  const word = /^__(.*)__$/.exec(escaped)?.[1];
  if (word !== undefined && reserved.has(word)) return word;
  const parts: Readonly<Record<string, string>> = {
    __underscores__: '__',
    __dot__: '.',
    __dash__: '-',
    __slash__: '/',
  };
  return escaped.replaceAll(/__(?:underscores|dot|dash|slash)__/g, (found) => parts[found]!);
}

const emptyObject = objectType('object');
const scalarTypes: Readonly<Record<Scalar, CelType | undefined>> = {
  string: stringType,
  int32: intType,
  int64: intType,
  uint32: intType,
  number: doubleType,
  boolean: boolType,
  bytes: bytesType,
  quantity: stringType,
  intOrString: dynType,
  time: timestampType,
  microTime: timestampType,
  duration: stringType,
  fieldsV1: emptyObject,
  rawExtension: emptyObject,
  // Of any shape: expressions cannot name them.
  json: undefined,
  jsonSchemaOrArray: undefined,
  jsonSchemaOrBool: undefined,
  jsonSchemaOrStringArray: undefined,
};

/** Types refer to each other in circles: each is made when a field of it is named. */
const structTypes = new WeakMap<StructType, CelType>();

function structType(struct: StructType): CelType {
  let type = structTypes.get(struct);
  if (type === undefined) {
    type = objectType(struct.shortName, (escaped) => {
      const field = struct.byName.get(unescapedName(escaped));
      return field === undefined ? undefined : valueType(field.type);
    });
    structTypes.set(struct, type);
  }
  return type;
}

function valueType(type: ValueType): CelType | undefined {
  switch (type.kind) {
    case 'struct':
      return structType(type);
    case 'list':
    case 'map': {
      const inner = valueType(type.kind === 'list' ? type.element : type.value);
      if (inner === undefined) return undefined;
      return type.kind === 'list' ? listType(inner) : mapType(stringType, inner);
    }
    case 'scalar':
      return scalarTypes[type.scalar];
  }
}

const objectMeta = (): CelType => structType(typeFacts('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'));

const textFormats: Readonly<Record<string, CelType>> = {
  byte: bytesType,
  duration: durationType,
  date: timestampType,
  'date-time': timestampType,
};

/** `metaReference`: the schema that stands for metadata. */
function schemaType(schema: unknown, metaReference: unknown): CelType | undefined {
  if (schema === metaReference) return objectMeta();
  if (!isJsonObject(schema)) return undefined;
  if (schema['x-kubernetes-int-or-string'] === true || schema['format'] === 'int-or-string') return dynType;
  switch (schema['type']) {
    case 'string':
      return textFormats[String(schema['format'])] ?? stringType;
    case 'boolean':
      return boolType;
    case 'number':
      return doubleType;
    case 'integer':
      return intType;
    case 'array': {
      const items = schemaType(schema['items'], metaReference);
      return items === undefined ? undefined : listType(items);
    }
    case 'object': {
      const additional = schema['additionalProperties'];
      if (!isJsonObject(additional)) return schemaObjectType(schema, metaReference);
      const value = schemaType(additional, metaReference);
      return value === undefined ? undefined : mapType(stringType, value);
    }
    default:
      return undefined;
  }
}

const embedded: JsonObject = { apiVersion: { type: 'string' }, kind: { type: 'string' } };

function schemaObjectType(schema: JsonObject, metaReference: unknown): CelType {
  const properties = {
    ...(isJsonObject(schema['properties']) ? schema['properties'] : {}),
    ...(schema['x-kubernetes-embedded-resource'] === true ? { ...embedded, metadata: metaReference } : {}),
  };
  return objectType('object', (escaped) => {
    const name = unescapedName(escaped);
    return Object.hasOwn(properties, name)
      ? schemaType(properties[name as keyof typeof properties], metaReference)
      : undefined;
  });
}

/** Undefined: nothing is known of its fields. */
export function typeOfKind(row: KindRow): CelType | undefined {
  if (row.custom === undefined) return structType(typeFacts(row.typeName));
  const metaReference = {};
  const schema = row.custom.openApi('v3', metaReference);
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  return schemaObjectType(
    { ...schema, properties: { ...properties, ...embedded, metadata: metaReference } },
    metaReference,
  );
}
