// Objects of any kind from its type: every field may be there, values are edges more often than not, and now and then of a
// type that is wrong. All choices are the caller's, so that a seed repeats them.
import { apiVersionOf } from '#api/kinds.ts';
import type { KindRow } from '#api/kind.ts';
import { typeFacts } from '#api/schema/type-table.ts';
import type { FieldType, ScalarType, StructType, ValueType } from '#api/schema/type-table.ts';

export type Pick = <T>(from: readonly T[]) => T;

export interface Taste {
  readonly pick: Pick;
  /** Only values that the type takes. */
  readonly isTyped: boolean;
}

const oddNames = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  'é\u0000',
  '../..',
  'a/b',
  'a'.repeat(300),
];
const texts = [
  '',
  'a',
  'web',
  '10.43.0.9',
  '::1',
  'TCP',
  'Always',
  'example.com/x',
  '*',
  '-',
  '%zz',
  '\ud800',
  ...oddNames,
];
/** What looks like something else in YAML, or is long, or leaves ASCII. */
const typedTexts = [
  ...texts.filter((text) => text.isWellFormed() && !text.includes('\0')),
  'yes',
  'null',
  '~',
  '1',
  '1e3',
  '0x1f',
  '017',
  '1:30',
  '1_000',
  '.5',
  '.inf',
  '2020-01-01',
  '<<',
  '=',
  '# a',
  'a: b',
  '- a',
  '"a"',
  "it's",
  ' a ',
  'a\nb\n',
  '\n',
  '\ta',
  'a\\b',
  '\u{1f600}é',
  '\u2028',
  '%a',
  '@a',
  '&a',
  '!a',
  '{a}',
  '|',
  'w'.repeat(200),
];
const numbers = [0, 1, -1, 80, 65_536, 2 ** 31 - 1, 1.5, 1e300, -0];
const integers: Readonly<Record<string, readonly number[]>> = {
  int32: [0, 1, -1, 80, 2 ** 31 - 1, -(2 ** 31)],
  int64: [0, 1, -1, 2 ** 40, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER],
  uint32: [0, 1, 2 ** 32 - 1],
  number: [0, 1.5, -1e300, 5e-324, 100],
};
export const wrongValues: readonly unknown[] = [null, true, 7, 'text', [], {}, [null], [[]], { a: null }];

function typedScalar(type: ScalarType, pick: Pick): unknown {
  switch (type.scalar) {
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'number':
      return pick(integers[type.scalar]!);
    case 'quantity':
      return pick(['0', '1', '100m', '1Gi', '-1', '1e30', '0.0000000001', '1.5Mi', '9'.repeat(30)]);
    case 'intOrString':
      return pick([0, 80, -1, 'http', '50%', '']);
    case 'time':
      return pick([
        '2026-01-01T00:00:00Z',
        '0001-01-01T00:00:00Z',
        '9999-12-31T23:59:59Z',
        '1969-12-31T23:59:59+01:00',
      ]);
    case 'microTime':
      return pick(['2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000001Z', '1969-12-31T23:59:59.999999Z']);
    case 'duration':
      return pick(['0s', '1h30m', '-5ms', '1ns']);
    case 'bytes':
      return pick(['', 'YQ==', 'AAEC/w==']);
    case 'fieldsV1':
      return pick([{}, { 'f:metadata': {} }, { 'f:spec': { '.': {} }, 'k:{"a":"b"}': {} }]);
    case 'rawExtension':
      return pick([{}, { a: [1, null, { b: 'é' }] }, { apiVersion: 'v1', kind: 'Secret' }]);
    case 'json':
      return pick([{}, 'x', 1, [], { a: [{}] }, false, 1.5]);
    case 'jsonSchemaOrBool':
      return pick([true, false, { type: 'string' }]);
    case 'jsonSchemaOrArray':
      return pick([{ type: 'string' }, [{ type: 'string' }, {}]]);
    case 'jsonSchemaOrStringArray':
      return pick([{ type: 'string' }, ['a', 'b']]);
    default:
      return pick(typedTexts);
  }
}

function scalar(type: ScalarType, field: FieldType, { pick, isTyped }: Taste): unknown {
  if (type.scalar === 'boolean') return pick([true, false]);
  const { enum: allowed } = field.rules;
  if (allowed !== undefined && pick([true, true, false])) return pick(allowed);
  if (isTyped) return typedScalar(type, pick);
  switch (type.scalar) {
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'number':
      return pick(numbers);
    case 'quantity':
      return pick(['1', '100m', '1Gi', '-1', '1e30', '0.0000000001', 5, '', 'x', '1'.repeat(60)]);
    case 'intOrString':
      return pick([0, 80, 'http', '50%', '-5%', '']);
    case 'time':
    case 'microTime':
      return pick(['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000000Z', '', 'now', '9999-12-31T23:59:59Z']);
    case 'bytes':
      return pick(['', 'YQ==', '*']);
    case 'fieldsV1':
      return pick([{}, { 'f:metadata': {} }, { 'f:spec': { '.': {} }, 'k:{': {} }, { 'v:': 1 }]);
    case 'string':
    case 'duration':
      return pick(texts);
    default:
      return pick([{}, 'x', 1, [], { a: [{}] }]);
  }
}

const oneInTwelve = [...Array.from({ length: 11 }, () => false), true];

function value(type: ValueType, field: FieldType, taste: Taste, depth: number): unknown {
  const { pick, isTyped } = taste;
  if (!isTyped && pick(oneInTwelve)) return pick(wrongValues);
  switch (type.kind) {
    case 'scalar':
      return scalar(type, field, taste);
    case 'list':
      return Array.from({ length: pick([0, 1, 1, 2]) }, () => value(type.element, field, taste, depth - 1));
    case 'map': {
      const names = isTyped ? typedTexts : ['app', 'cpu', 'memory', ...oddNames];
      const entries = Array.from({ length: pick([0, 1, 2]) }, () => [
        pick(names),
        value(type.value, field, taste, depth - 1),
      ]);
      return Object.fromEntries(entries) as unknown;
    }
    default:
      return generateStruct(type, taste, depth);
  }
}

export function generateStruct(type: StructType, taste: Taste, depth: number): Record<string, unknown> {
  const { pick } = taste;
  const object: Record<string, unknown> = {};
  for (const field of type.fields) {
    const isWanted = field.rules.required === true ? pick([true, true, true, true, false]) : pick([true, false, false]);
    if (isWanted && (depth > 0 || field.type.kind === 'scalar'))
      object[field.name] = value(field.type, field, taste, depth);
  }
  return object;
}

const metaType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** With the name where it has one, mostly. */
export function generateObject(row: KindRow, name: string, taste: Taste): Record<string, unknown> {
  const { pick } = taste;
  return {
    ...generateStruct(typeFacts(row.typeName), taste, 6),
    apiVersion: apiVersionOf(row),
    kind: row.kind,
    metadata: {
      ...(pick([true, false]) ? generateStruct(typeFacts(metaType), taste, 3) : {}),
      ...(pick([true, true, true, false])
        ? { name, namespace: undefined, resourceVersion: undefined, generateName: undefined }
        : {}),
    },
  };
}
