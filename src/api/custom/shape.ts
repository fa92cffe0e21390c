// How the fields of a custom resource are owned and merged, from its schema.
import type { MapShape, Shape } from '../managed-fields/shape.ts';
import { anyScalar, deduced, shapeOfStruct } from '../managed-fields/shape.ts';
import { typeFacts } from '../schema/type-table.ts';
import {
  additionalSchemaOf,
  allowsAdditional,
  isEmbedded,
  isIntOrString,
  itemsOf,
  listKeysOf,
  listTypeOf,
  preservesUnknown,
  propertyOf,
  type Schema,
} from './schema.ts';

const text: Shape = { kind: 'scalar', expected: 'string' };
const metadata = (): Shape => shapeOfStruct(typeFacts('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'));

/** Of a whole object: metadata is what it is for every object. */
export function shapeOfObject(schema: Schema): MapShape {
  const own = mapShape(schema);
  const members = new Map([...(own.members ?? []), ['apiVersion', text], ['kind', text], ['metadata', metadata()]]);
  return { ...own, atomic: false, members };
}

function shapeOfSchema(schema: Schema | undefined): Shape {
  if (schema === undefined) return deduced;
  if (isIntOrString(schema)) return anyScalar;
  switch (schema.type) {
    case 'string':
      return text;
    case 'boolean':
      return { kind: 'scalar', expected: 'boolean' };
    case 'integer':
    case 'number':
      return { kind: 'scalar', expected: 'number' };
    case 'array':
      return listShape(schema);
    case 'object':
      return schema.properties === undefined &&
        !allowsAdditional(schema) &&
        schema['x-kubernetes-map-type'] !== 'atomic' &&
        !isEmbedded(schema)
        ? deduced
        : mapShape(schema);
    default:
      return deduced;
  }
}

function mapShape(schema: Schema): MapShape {
  const members = new Map(
    Object.entries(schema.properties ?? {}).map(([name, property]) => [name, shapeOfSchema(property)] as const),
  );
  if (isEmbedded(schema)) {
    members.set('apiVersion', text);
    members.set('kind', text);
    members.set('metadata', metadata());
  }
  return {
    kind: 'map',
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    struct: undefined,
    members,
    value: allowsAdditional(schema)
      ? shapeOfSchema(additionalSchemaOf(schema))
      : preservesUnknown(schema)
        ? deduced
        : undefined,
  };
}

function listShape(schema: Schema): Shape {
  const type = listTypeOf(schema);
  const items = itemsOf(schema);
  const keys = type === 'map' ? listKeysOf(schema) : undefined;
  return {
    kind: 'list',
    atomic: type !== 'map' && type !== 'set',
    keys,
    keyDefaults: Object.fromEntries(
      (keys ?? []).flatMap((key) => {
        const value: unknown = propertyOf(items, key)?.default;
        return value === undefined ? [] : [[key, value] as const];
      }),
    ),
    element: shapeOfSchema(items),
  };
}
