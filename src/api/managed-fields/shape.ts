// How values are owned and merged: which lists are maps or sets, which maps and structs are one piece. From the type table;
// what has no schema is told by its value.
import type { FieldType, StructType, ValueType } from '../schema/type-table.ts';
import { keyElement, valueElement, type PathElement } from './field-set.ts';

export type Shape = ScalarShape | ListShape | MapShape | DeducedShape;
interface ScalarShape {
  readonly kind: 'scalar';
  readonly expected: 'string' | 'number' | 'boolean' | 'any';
}
export interface ListShape {
  readonly kind: 'list';
  readonly atomic: boolean;
  /** Undefined: a set of scalars. */
  readonly keys: readonly string[] | undefined;
  readonly keyDefaults: Readonly<Record<string, unknown>>;
  readonly element: Shape;
}
export interface MapShape {
  readonly kind: 'map';
  readonly atomic: boolean;
  /** The declared fields; undefined for a map with free keys. */
  readonly struct: StructType | undefined;
  /** The same for what has no type in the table: custom resources. */
  readonly members?: ReadonlyMap<string, Shape> | undefined;
  /** Of free keys. Undefined: there are none beside the declared. */
  readonly value: Shape | undefined;
}
/** Objects are maps, lists are atomic, the rest is scalar. */
interface DeducedShape {
  readonly kind: 'deduced';
  /** Objects are owned as one, too. */
  readonly atomic?: boolean;
}

export const deduced: Shape = { kind: 'deduced' };
const deducedMap: MapShape = { kind: 'map', atomic: false, struct: undefined, value: deduced };
const untypedAtomic: Shape = { kind: 'deduced', atomic: true };
const atomicMap: MapShape = { ...deducedMap, atomic: true };
const deducedList: ListShape = { kind: 'list', atomic: true, keys: undefined, keyDefaults: {}, element: deduced };
export const anyScalar: ScalarShape = { kind: 'scalar', expected: 'any' };

/** The shape that a value (or the other side, where it is absent) really has. */
export function settle(shape: Shape, left: unknown, right: unknown): Exclude<Shape, DeducedShape> {
  if (shape.kind !== 'deduced') return shape;
  const value = right ?? left;
  if (Array.isArray(value)) return deducedList;
  if (typeof value !== 'object' || value === null) return anyScalar;
  return shape.atomic === true ? atomicMap : deducedMap;
}

const byStruct = new WeakMap<StructType, MapShape>();
const byField = new WeakMap<FieldType, Shape>();

export function shapeOfStruct(struct: StructType): MapShape {
  let shape = byStruct.get(struct);
  if (shape === undefined) {
    shape = { kind: 'map', atomic: struct.mapType === 'atomic', struct, value: deduced };
    byStruct.set(struct, shape);
  }
  return shape;
}

export function shapeOfField(field: FieldType): Shape {
  let shape = byField.get(field);
  if (shape === undefined) {
    shape = compile(field, field.type);
    byField.set(field, shape);
  }
  return shape;
}

/** Undefined: no such field. */
export function shapeOfMember(map: MapShape, name: string): Shape | undefined {
  if (map.struct === undefined) return map.members?.get(name) ?? map.value;
  const field = map.struct.byName.get(name);
  if (field === undefined) return undefined;
  // The state of a workload is nobody's to own in parts.
  return name === 'data' && map.struct.shortName === 'ControllerRevision' ? untypedAtomic : shapeOfField(field);
}

/** Whether the schema names the field, so that it is a field and no free key. */
export const isDeclared = (map: MapShape, name: string): boolean =>
  map.struct?.byName.has(name) ?? map.members?.has(name) ?? false;

function compile(field: FieldType, type: ValueType): Shape {
  switch (type.kind) {
    case 'struct': {
      const own = shapeOfStruct(type);
      const { mapType } = field.rules;
      // What a field says of its type here counts more than what the type says.
      const atomic = mapType === undefined ? own.atomic : mapType === 'atomic';
      return atomic === own.atomic ? own : { ...own, atomic };
    }
    case 'map':
      return {
        kind: 'map',
        atomic: field.rules.mapType === 'atomic',
        struct: undefined,
        value: compileInner(type.value),
      };
    case 'list': {
      const { listType, listMapKeys } = field.rules;
      const struct = type.element.kind === 'struct' ? type.element : undefined;
      const keys = listType === 'map' ? (listMapKeys ?? []) : undefined;
      return {
        kind: 'list',
        atomic: listType !== 'map' && listType !== 'set',
        keys,
        keyDefaults: Object.fromEntries(
          (keys ?? []).flatMap((key) => {
            const value = struct?.byName.get(key)?.rules.default;
            return value === undefined ? [] : [[key, value]];
          }),
        ),
        element: compileInner(type.element),
      };
    }
    case 'scalar':
      return compileInner(type);
  }
}

/** Of list elements and map values, which have no rules of their own. */
function compileInner(type: ValueType): Shape {
  switch (type.kind) {
    case 'struct':
      return shapeOfStruct(type);
    case 'map':
      return { kind: 'map', atomic: false, struct: undefined, value: compileInner(type.value) };
    case 'list':
      return { kind: 'list', atomic: true, keys: undefined, keyDefaults: {}, element: compileInner(type.element) };
    case 'scalar':
      switch (type.scalar) {
        case 'string':
        case 'bytes':
          return { kind: 'scalar', expected: 'string' };
        case 'boolean':
          return { kind: 'scalar', expected: 'boolean' };
        case 'int32':
        case 'int64':
        case 'uint32':
        case 'number':
          return { kind: 'scalar', expected: 'number' };
        case 'quantity':
        case 'intOrString':
        case 'time':
        case 'microTime':
        case 'duration':
          return anyScalar;
        default:
          return deduced;
      }
  }
}

/** The element of an item of a list that is a map or a set, or what is wrong with the item. */
export function itemElement(list: ListShape, item: unknown): PathElement | { readonly error: string } {
  if (list.keys === undefined) {
    if (item === null || item === undefined)
      return { error: "associative list without keys has an element that's an explicit null" };
    if (Array.isArray(item)) return { error: 'not supported: associative list with lists as elements' };
    if (typeof item === 'object') return { error: "associative list without keys has an element that's a map type" };
    return valueElement(item);
  }
  if (item === null || item === undefined) return { error: 'associative list with keys may not have a null element' };
  if (typeof item !== 'object' || Array.isArray(item))
    return { error: 'associative list with keys may not have non-map elements' };
  const fields: [string, unknown][] = [];
  for (const key of list.keys) {
    const value = (item as Readonly<Record<string, unknown>>)[key] ?? list.keyDefaults[key];
    if (value !== undefined) fields.push([key, value]);
  }
  if (list.keys.length > 0 && fields.length === 0)
    return {
      error: `associative list with keys has an element that omits all key fields [${list.keys.map((key) => JSON.stringify(key)).join(' ')}] (and doesn't have default values for any key fields)`,
    };
  return keyElement(fields);
}
