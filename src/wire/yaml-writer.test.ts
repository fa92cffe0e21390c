import assert from 'node:assert/strict';
import { test } from 'node:test';
import observed from './yaml-writer.observed.json' with { type: 'json' };
import { parseYaml } from './yaml.ts';
import { compareNames, printLongYaml, printYaml } from './yaml-writer.ts';

test('values are written as upstream writes them: texts of every kind, numbers, names, lists in lists', async () => {
  assert.equal(observed.length, 5);
  for (const { value, yaml } of observed) {
    assert.equal(printYaml(value), yaml);
    assert.deepEqual((await parseYaml(yaml)).value, value);
  }
});

test('what is read again is what was written, also of texts that upstream refuses to write', async () => {
  const texts = ['\u007f', '\u0000\n', '\ufeffa', '\u2028', 'a\u2029\nb', '\ud83d\ude00 x', '\u0085', 'x\n\n'];
  const value = {
    a: texts,
    b: Object.fromEntries(texts.map((text, index) => [text, index])),
    c: { '<<': { d: 1 } },
    e: '<<',
  };
  const again = (await parseYaml(printYaml(value))).value as typeof value;
  assert.deepEqual(again.a, texts);
  assert.deepEqual(again.c, value.c);
  assert.deepEqual(new Set(Object.keys(again.b)), new Set(texts));
});

test('names are ordered by the numbers in them', () => {
  assert.deepEqual(['a10', 'a9', 'b', 'B', 'a-1', 'a', '', '10', '9', '09', 'f:a', '.'].toSorted(compareNames), [
    '',
    '.',
    '9',
    '09',
    '10',
    'B',
    'a',
    'a-1',
    'a9',
    'a10',
    'b',
    'f:a',
  ]);
});

test('lines that end in empty ones say where the document ends', () => {
  assert.equal(printYaml({ a: 'b\n\n' }), 'a: |+\n  b\n\n...\n');
});

test('long lists are written in parts, which make the same text', async () => {
  const list = { kind: 'List', items: Array.from({ length: 175 }, (_, index) => ({ b: [index], a: 'x' })), other: [] };
  let turns = 0;
  const text = await printLongYaml(list, async () => void turns++);
  assert.equal(turns, 3);
  assert.equal(text, printYaml(list));
  assert.deepEqual((await parseYaml(text)).value, list);
});
