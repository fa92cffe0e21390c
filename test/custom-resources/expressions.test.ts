// What upstream's compiler and evaluator said of expressions (observed/expressions.json): errors, results, costs, estimates.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { environment, loadCel } from '#api/cel/cel.ts';
import { textOf } from '#api/cel/functions/format-text.ts';
import { CelList, CelMap, Optional } from '#api/cel/run/values.ts';
import { dynType, intType, listType, mapType, stringType } from '#api/cel/types.ts';

interface Observed {
  readonly e: string;
  readonly err?: string;
  readonly eval?: string;
  readonly value?: string;
  readonly cost?: number;
  readonly min?: string;
  readonly max?: string;
}
const observed = JSON.parse(
  readFileSync(new URL('./observed/expressions.json', import.meta.url), 'utf8'),
) as readonly Observed[];

/** Known to differ, and why. */
const differs: Readonly<Record<string, readonly string[]>> = {
  'the second message of a parser that goes on after a mistake': [
    '1 + +',
    'in',
    '{',
    '!',
    '-',
    '1 /* a */',
    'x.in',
    "d.?'k'",
    "'\\q'",
    "'\\ud800'",
  ],
  'arguments of format() are looked at when it is evaluated, not before': [
    "'%d'.format(['a'])",
    "'%z'.format([1])",
    "'abc'.format([1])",
    "'%s %s'.format([1])",
  ],
  'what an absorbed error cost': [
    '(d.zz == 1) || true',
    '(d.zz == 1) && false',
    'l.exists(i, i == 2 || d.zz == 1)',
    'x in []',
  ],
  'details of errors and of types': [
    "d.l.join(',')",
    "quantity('1.5Gi').asInteger()",
    "type(timestamp('2020-01-01T00:00:00Z')) == google.protobuf.Timestamp",
  ],
};
const known = new Set(Object.values(differs).flat());

const variables = {
  x: intType,
  s: stringType,
  l: listType(intType),
  m: mapType(stringType, stringType),
  d: dynType,
  ls: listType(stringType),
};
const bindings = {
  x: 3,
  s: 'hello',
  l: [1, 2, 3],
  m: { a: 'b' },
  d: { k: 1, n: null, f: 1.5, l: ['a', 2] },
  ls: ['b', 'a'],
};

/** As Go prints values; undefined for what has no one form there. */
function shown(value: unknown): string | undefined {
  if (value === null || (value instanceof CelMap && value.size > 1) || value instanceof Uint8Array) return undefined;
  if (typeof value === 'string') return value;
  if (value instanceof Optional) return value.hasValue ? `optional(${shown(value.value)})` : 'optional.none()';
  if (value instanceof CelList) return `[${Array.from(value, shown).join(', ')}]`;
  if (value instanceof CelMap)
    return `{${Array.from(value.keys(), (key) => `${shown(key)}: ${shown(value.get(key))}`).join(', ')}}`;
  try {
    return textOf(value);
  } catch {
    return undefined;
  }
}

test('expressions compile, cost and give what they do upstream', async () => {
  await loadCel();
  const env = environment({ variables });
  const wrong: string[] = [];
  for (const want of observed) {
    if (known.has(want.e)) continue;
    const { program, errors } = env.compile(want.e);
    const tell = (name: string, expected: unknown, got: unknown): void => {
      if (expected !== got) wrong.push(`${want.e}: ${name}: ${String(got)} instead of ${String(expected)}`);
    };
    tell('errors', want.err, errors?.replace('compilation failed: ', ''));
    if (program === undefined || want.err !== undefined) continue;
    const { min, max } = program.estimateCost((path) =>
      path === undefined || path.length === 0 ? undefined : { min: 0, max: 100 },
    );
    tell('least cost', Number(want.min), min);
    tell('most cost', Number(want.max), max);
    const outcome = program.evaluate(bindings, { costBudget: 10_000_000 });
    tell('error', want.eval?.replace('program: ', ''), outcome.error);
    if (outcome.error !== undefined) continue;
    tell('cost', want.cost ?? 0, outcome.cost);
    const text = shown(outcome.value);
    if (text !== undefined && !/duration|type\(/.test(want.e)) tell('value', want.value, text);
  }
  assert.deepEqual(wrong, []);
  assert.ok(observed.length - known.size > 350);
});
