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
