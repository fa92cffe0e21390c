// All single mistakes (and some single changes) that the schema of a kind lets one make in an object: for each field, what is
// there is removed, emptied, given the wrong type, a value outside of what it may be; what is not there is added.
import type { Scalar } from '#api/schema/type-table.ts';
import type { Json } from '#kit/start-api-server.ts';

export interface Mutation {
  /** Such as `spec.replicas=negative`. */
  readonly id: string;
  /** The first field of the path: where a patch would begin. */
  readonly top: string;
  apply(object: Json): void;
}

/** What a mutation needs to know of a type: of the type table's, and of a custom resource's. */
export type ValueType =
  | { readonly kind: 'scalar'; readonly scalar: Scalar }
  | { readonly kind: 'list'; readonly element: ValueType }
  | { readonly kind: 'map'; readonly value: ValueType }
  | { readonly kind: 'struct'; readonly fields: readonly FieldType[] };
export interface FieldType {
  readonly name: string;
  readonly type: ValueType;
  readonly rules: { readonly enum?: readonly string[] | undefined; readonly required?: boolean | undefined };
}

type Segment = string | number;
type Variant = readonly [how: string, value: unknown];
const removed = Symbol('removed');

const long = 'x'.repeat(300);
const scalarVariants: Readonly<Record<Scalar, readonly Variant[]>> = {
  string: [
    ['empty', ''],
    ['long', long],
    ['bad-name', 'Bad_Name!'],
    ['space', ' a b'],
    ['unicode', 'é'],
    ['slashes', 'a/b/c'],
    ['number', 7],
    ['object', { a: 1 }],
    ['plain', 'plain'],
    ['dots', '..'],
    ['upper', 'Plain'],
  ],
  int32: [
    ['negative', -1],
    ['zero', 0],
    ['one', 1],
    ['over-int32', 2_147_483_648],
    ['max', 2_147_483_647],
    ['fraction', 1.5],
    ['text', '5'],
    ['port-max', 65_536],
  ],
  int64: [
    ['negative', -1],
    ['zero', 0],
    ['one', 1],
    ['huge', 1e30],
    ['max', 4_294_967_296],
    ['fraction', 1.5],
    ['text', '5'],
  ],
  uint32: [
    ['negative', -1],
    ['huge', 1e12],
  ],
  number: [['text', 'x']],
  boolean: [
    ['true', true],
    ['false', false],
    ['text', 'true'],
    ['number', 1],
  ],
  bytes: [
    ['not-base64', '***'],
    ['empty', ''],
    ['text', 'YQ=='],
    ['number', 5],
  ],
  quantity: [
    ['negative', '-1'],
    ['words', 'abc'],
    ['empty', ''],
    ['zero', 0],
    ['number', 3],
    ['fraction', '0.5'],
    ['tiny', '1n'],
    ['huge', '1e18'],
    ['object', {}],
  ],
  intOrString: [
    ['negative', -1],
    ['over-percent', '150%'],
    ['words', 'abc'],
    ['empty', ''],
    ['port-max', 65_536],
    ['minus-percent', '-5%'],
    ['zero', 0],
    ['boolean', true],
    ['bad-name', 'Bad_Name!'],
  ],
  time: [
    ['words', 'now'],
    ['empty', ''],
    ['bad-month', '2026-13-01T00:00:00Z'],
    ['number', 5],
    ['good', '2026-01-01T00:00:00Z'],
  ],
  microTime: [
    ['words', 'now'],
    ['empty', ''],
    ['without-micros', '2026-01-01T00:00:00Z'],
    ['good', '2026-01-01T00:00:00.000001Z'],
  ],
  duration: [
    ['words', 'soon'],
    ['good', '5s'],
  ],
  fieldsV1: [['object', { 'f:metadata': {} }]],
  rawExtension: [
    ['object', { a: 1 }],
    ['text', 'x'],
    ['list', []],
  ],
  json: [
    ['object', { a: 1 }],
    ['text', 'x'],
  ],
  jsonSchemaOrArray: [['object', { type: 'string' }]],
  jsonSchemaOrBool: [['false', false]],
  jsonSchemaOrStringArray: [['list', ['a']]],
};

function variantsOf(field: FieldType, type: ValueType, present: unknown): Variant[] {
  const variants: Variant[] = [];
  if (present !== undefined) variants.push(['removed', removed], ['null', null]);
  else variants.push(['null', null]);
  switch (type.kind) {
    case 'scalar': {
      variants.push(...scalarVariants[type.scalar]);
      const { enum: allowed } = field.rules;
      if (allowed !== undefined)
        variants.push(['bad-enum', 'Bogus'], ...allowed.map((one): Variant => [`is-${one}`, one]));
      break;
    }
    case 'list': {
      variants.push(['empty', []], ['object', { a: 1 }], ['text', 'x'], ['null-entry', [null]], ['wrong-entry', [7]]);
      const list = Array.isArray(present) ? present : [];
      if (list.length > 0)
        variants.push(['doubled', [...list, list[0]]], ['reversed', list.toReversed()], ['shortened', list.slice(1)]);
      else
        variants.push(['one', [sample(type.element, 2)]], ['two', [sample(type.element, 2), sample(type.element, 2)]]);
      break;
    }
    case 'map':
      variants.push(
        ['empty', {}],
        ['list', [1]],
        ['text', 'x'],
        ['bad-key', { ...(present as object), 'bad key!': sample(type.value, 2) }],
        ['empty-key', { ...(present as object), '': sample(type.value, 2) }],
        ['long-key', { ...(present as object), [long]: sample(type.value, 2) }],
        ['wrong-value', { ...(present as object), a: [[]] }],
        ['null-value', { ...(present as object), a: null }],
        ['one', { ...(present as object), one: sample(type.value, 2) }],
      );
      break;
    default:
      variants.push(['empty', {}], ['list', []], ['text', 'x'], ['unknown', { ...(present as object), notAField: 1 }]);
      if (present === undefined) variants.push(['sample', sample(type, 3)]);
  }
  return variants;
}

/** A small value of a type, with the fields that it must have. */
export function sample(type: ValueType, depth: number): unknown {
  switch (type.kind) {
    case 'list':
      return depth > 0 ? [sample(type.element, depth - 1)] : [];
    case 'map':
      return depth > 0 ? { a: sample(type.value, depth - 1) } : {};
    case 'struct': {
      const fields = type.fields.filter((field) => field.rules.required === true && depth > 0);
      return Object.fromEntries(fields.map((field) => [field.name, sample(field.type, depth - 1)]));
    }
    default:
      return sampleScalar(type.scalar);
  }
}
function sampleScalar(scalar: Scalar): unknown {
  switch (scalar) {
    case 'string':
      return 'a';
    case 'boolean':
      return true;
    case 'quantity':
      return '1';
    case 'time':
      return '2026-01-01T00:00:00Z';
    case 'microTime':
      return '2026-01-01T00:00:00.000000Z';
    case 'duration':
      return '5s';
    case 'bytes':
      return 'YQ==';
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'number':
    case 'intOrString':
      return 1;
    default:
      return { a: 'b' };
  }
}

const pathText = (path: readonly Segment[]): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${part}`)).join('');

function put(object: Json, path: readonly Segment[], value: unknown): void {
  let at = object;
  for (const part of path.slice(0, -1)) at = at[part] ??= {};
  const last = path.at(-1)!;
  if (value !== removed) at[last] = structuredClone(value);
  else if (Array.isArray(at)) at.splice(last as number, 1);
  else delete at[last];
}

export function mutationsOf(fields: readonly FieldType[], object: Json): Mutation[] {
  const result: Mutation[] = [];
  const add = (path: readonly Segment[], [how, value]: Variant): void => {
    const top = String(path[0]);
    result.push({ id: `${pathText(path)}=${how}`, top, apply: (target) => put(target, path, value) });
  };
  const inside = (field: FieldType, type: ValueType, path: readonly Segment[], present: unknown): void => {
    for (const variant of variantsOf(field, type, present)) add(path, variant);
    if (present === null || typeof present !== 'object') return;
    if (type.kind === 'list')
      for (const [index, element] of (present as unknown[]).entries()) {
        if (index < 3) inside(field, type.element, [...path, index], element);
      }
    else if (type.kind === 'map')
      for (const [key, value] of Object.entries(present).slice(0, 3)) inside(field, type.value, [...path, key], value);
    else if (type.kind === 'struct')
      for (const one of type.fields)
        inside(one, one.type, [...path, one.name], (present as Record<string, unknown>)[one.name]);
  };
  for (const field of fields) inside(field, field.type, [field.name], object[field.name]);
  return result;
}
