import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { environment, loadCel, type Outcome } from './cel.ts';
import { boolType, dynType, intType, listType, objectOf, stringType } from './types.ts';

before(loadCel);

const env = () =>
  environment({
    variables: {
      x: intType,
      names: listType(stringType),
      object: dynType,
      typed: objectOf('Thing', { size: intType }),
    },
  });
function evaluate(text: string, bindings: Readonly<Record<string, unknown>> = {}, costBudget?: number): Outcome {
  const { program, errors } = env().compile(text);
  assert.ok(program !== undefined, errors ?? '');
  return program.evaluate(bindings, { costBudget });
}

test('values of JSON are looked at as the declared types say', () => {
  const outcome = evaluate('object.spec.replicas + x + typed.size', {
    object: { spec: { replicas: 2 } },
    x: 1,
    typed: { size: 4 },
  });
  assert.deepEqual(outcome, { value: 7n, cost: 8 });
});

test('an expression that is none is refused with the place and what was expected', () => {
  assert.equal(
    env().compile('x +').errors,
    "compilation failed: ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | x +\n | ...^",
  );
  assert.equal(
    env().compile('typed.colour').errors,
    "compilation failed: ERROR: <input>:1:6: undefined field 'colour'\n | typed.colour\n | .....^",
  );
  assert.equal(env().compile('x', { resultTypes: [boolType] }).errors, 'must evaluate to bool');
});

test('an evaluation ends when it costs more than its budget', () => {
  const outcome = evaluate(
    'names.all(a, names.all(b, a + b != ""))',
    { names: Array.from({ length: 2_000 }, () => 'a') },
    10_000,
  );
  assert.ok(outcome.error !== undefined && outcome.isOverBudget);
  assert.ok(outcome.cost < 20_000);
});

test('what cannot be evaluated says why', () => {
  const outcome = evaluate('object.missing', { object: {} });
  assert.deepEqual(outcome, { error: 'no such key: missing', isOverBudget: false, cost: 1 });
});

test('hostile expressions are refused or end', () => {
  const compiles = (text: string): string => env().compile(text).errors ?? 'compiled';
  const limit = /expression recursion limit exceeded: 250$/;
  assert.match(compiles('('.repeat(5_000) + 'x' + ')'.repeat(5_000)), limit);
  assert.match(compiles('['.repeat(300) + ']'.repeat(300)), limit);
  assert.match(compiles('x' + ' + x'.repeat(400)), limit);
  assert.match(compiles('object' + '.a'.repeat(400)), limit);
  assert.match(compiles('x > 1 ? x : '.repeat(300) + 'x'), limit);
  assert.equal(compiles('x > 0' + ' && x > 0'.repeat(5_000)), 'compiled');
  assert.match(
    compiles(`'${'a'.repeat(100_001)}' == ''`),
    /expression code point size exceeds limit: size: 100009, limit 100000$/,
  );
  assert.match(compiles('object.?a' + '.optMap(v, v)'.repeat(60)), /expression has more than 300000 parts$/);
  assert.match(compiles(`names.exists(n, n.matches('(((a{1000}){1000}){1000}){1000}'))`), /invalid matches argument/);
  assert.match(compiles('@'.repeat(1_000)), /^compilation failed: /);

  const names = Array.from({ length: 5_000 }, (_, index) => `n${index}`);
  for (const text of [
    'names.all(a, names.all(b, names.all(c, a + b != c)))',
    'names.map(a, names.map(b, names.map(c, a + b + c))).size() > 0',
    'names.map(a, names.join(a)).join(",").size() > 0',
    'names.transformMap(i, v, names.map(n, n + v)).size() > 0',
    'sets.contains(names, names) && names.map(n, [n]).distinct().size() > 0',
    'lists.range(100000000).size() > 0',
    'names.all(n, n.matches("(a*)*b") || names.join(n).matches("(x+x+)+y") || true) && false',
  ]) {
    const outcome = evaluate(text, { names }, 1_000_000);
    assert.ok(outcome.error !== undefined && outcome.isOverBudget, text);
  }
});
