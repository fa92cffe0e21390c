import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonSyntaxError, parseJson } from './json.ts';
import { parseYaml, YamlSyntaxError } from './yaml.ts';
import { printYaml } from './yaml-writer.ts';

test('bad JSON is described as Go describes it', () => {
  const cases: Readonly<Record<string, string>> = {
    '': 'unexpected end of JSON input',
    '{"a":': 'unexpected end of JSON input',
    x: "invalid character 'x' looking for beginning of value",
    '{a:1}': "invalid character 'a' looking for beginning of object key string",
    '{"a" 1}': "invalid character '1' after object key",
    '{"a":1 "b":2}': `invalid character '"' after object key:value pair`,
    '[1 2]': "invalid character '2' after array element",
    '{} x': "invalid character 'x' after top-level value",
    tru: 'unexpected end of JSON input',
    trux: "invalid character 'x' in literal true (expecting 'e')",
    '"\n"': "invalid character '\\n' in string literal",
    '{"a":1,}': "invalid character '}' looking for beginning of object key string",
  };
  for (const [text, message] of Object.entries(cases))
    assert.throws(
      () => parseJson(text),
      (error: unknown) => error instanceof JsonSyntaxError && error.message === message,
      text,
    );
});

test('duplicate keys are found at any depth, on demand', () => {
  const text = '{"a":{"b":1,"b":2},"l":[{},{"x":"\\"b\\"","\\u0078":1}],"a":[]}';
  assert.deepEqual(parseJson(text, { duplicates: true }).duplicates, ['a.b', 'l[1].x', 'a']);
  assert.deepEqual(parseJson(text).duplicates, []);
  for (const [same, duplicates] of [
    ['{"__proto__":1,"a":{"__proto__":{"constructor":[null,{"toString":":"}]}}}', []],
    ['{"__proto__":1,"__proto__":2}', ['__proto__']],
    ['{"a":{"b":1,"c":{"d":2}},"a":null}', ['a']],
    ['[{"a":1},{"a":1,"b":{}},":",1e3]', []],
    ['{"a:b":"c:d","\\"":":"}', []],
  ] as const)
    assert.deepEqual(parseJson(same, { duplicates: true }).duplicates, duplicates, same);
});

test('nesting has a limit, brackets in strings do not count', () => {
  assert.throws(() => parseJson('['.repeat(1001) + ']'.repeat(1001)), /max depth/);
  assert.ok(parseJson('['.repeat(900) + ']'.repeat(900)).value);
  assert.equal(parseJson(JSON.stringify('[\\"'.repeat(5000))).value, '[\\"'.repeat(5000));
});

test('YAML becomes JSON values', async () => {
  const { value } = await parseYaml('a: yes\nb: 010\nc: "1"\n1: x\nd: 2024-01-01\n');
  assert.deepEqual(value, { 1: 'x', a: true, b: 8, c: '1', d: '2024-01-01' });
  await assert.rejects(parseYaml('a: [1\nb: 2'), YamlSyntaxError);
  assert.deepEqual((await parseYaml('a: 1\na: 2', { duplicates: true })).duplicates, [
    'line 2: key "a" already set in map',
  ]);
  assert.equal(printYaml({ b: 1, a: ['x', 'yes'] }), 'a:\n- x\n- "yes"\nb: 1\n');
});

test('a YAML text with very many keys that it has twice is read in linear time, and a hundred of them are told', async () => {
  const started = performance.now();
  const { duplicates } = await parseYaml('x: 1\n'.repeat(40_000), { duplicates: true });
  assert.equal(duplicates.length, 100);
  assert.equal(duplicates.at(-1), 'line 101: key "x" already set in map');
  assert.ok(performance.now() - started < 5_000);
});
