import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergedJson } from './json-merged.ts';

const merged = (text: string): unknown => mergedJson(Buffer.from(text));

test('what comes again of an object is put into it, of all else the last counts', () => {
  assert.deepEqual(merged('{"a":{"b":1,"c":[1,{"x":"y\\"}"}]},"d":"e" , "a":{"b":null,"z":{}},"d":[] }'), {
    a: { b: null, c: [1, { x: 'y"}' }], z: {} },
    d: [],
  });
  assert.deepEqual(merged('{"a":{"b":1},"a":5,"a":{"c":-1.5e3}}'), { a: { c: -1500 } });
  assert.deepEqual(merged(' [ ] '), []);
});

test('no key touches the prototype', () => {
  const object = merged('{"__proto__":{"x":1},"__proto__":{"y":2}}') as object;
  assert.equal(Object.getPrototypeOf(object), Object.prototype);
  assert.equal(JSON.stringify(object), '{"__proto__":{"x":1,"y":2}}');
});

test('what is deeper than any type is left alone', () => {
  const deep = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
  assert.notEqual(merged(deep(500)), undefined);
  assert.equal(merged(deep(501)), undefined);
});
