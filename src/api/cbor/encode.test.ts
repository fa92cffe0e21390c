import assert from 'node:assert/strict';
import { test } from 'node:test';
import observed from './observed.json' with { type: 'json' };
import { decodeCborMap } from './decode.ts';
import { diagnose } from './diagnose.ts';
import { encodeCborEvent, encodeCborObject } from './encode.ts';
import { timeOfTag } from './time-tag.ts';

const sorted = (bytes: Uint8Array): string => Buffer.from(bytes.toSorted()).toString('hex');

test("answers are upstream's to the byte, but for the order of members, which it changes at random", () => {
  for (const [name, { json, cbor }] of Object.entries(observed)) {
    const theirs = Buffer.from(cbor, 'base64');
    const ours = 'object' in json ? encodeCborEvent(json.type, json.object) : encodeCborObject(json);
    assert.deepEqual([name, ours.length, sorted(ours)], [name, theirs.length, sorted(theirs)]);
    assert.deepEqual(decodeCborMap(theirs), json);
    assert.deepEqual(decodeCborMap(ours), json);
  }
});

test('numbers take the shortest form that holds them', () => {
  const forms: readonly (readonly [number, string])[] = [
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [255, '18ff'],
    [256, '190100'],
    [65_536, '1a00010000'],
    [4_294_967_296, '1b0000000100000000'],
    [-1, '20'],
    [-25, '3818'],
    [2 ** 53, '1b0020000000000000'],
    [2 ** 63, 'fa5f000000'],
    [1.5, 'f93e00'],
    [-0, 'f98000'],
    [100_000.5, 'fa47c35040'],
    [0.1, 'fb3fb999999999999a'],
  ];
  for (const [number, hex] of forms)
    assert.equal(Buffer.from(encodeCborObject({ a: number })).toString('hex'), `d9d9f7a14161${hex}`);
});

test('what a type says is a number is one, whole or not', () => {
  const limit = {
    kind: 'CustomResourceDefinition',
    apiVersion: 'apiextensions.k8s.io/v1',
    spec: { versions: [{ schema: { openAPIV3Schema: { maximum: 3, maxLength: 3 } } }] },
  };
  const hex = Buffer.from(encodeCborObject(limit)).toString('hex');
  const named = (name: string): string => Buffer.from(name).toString('hex');
  assert.ok(hex.includes(`${named('maximum')}f94200`));
  assert.ok(hex.includes(`${named('maxLength')}03`));
});

test('a map keeps members that have the names of what every object has', () => {
  const bytes = encodeCborObject(JSON.parse('{"a":{"__proto__":{"b":1},"toString":"x"}}') as object);
  assert.equal(JSON.stringify(decodeCborMap(bytes)), '{"a":{"__proto__":{"b":1},"toString":"x"}}');
});

test('errors show bytes in diagnostic notation', () => {
  const texts: readonly (readonly [string, string])[] = [
    ['a2616101616220', '{"a": 1, "b": -1}'],
    ['9f01ff', '[_ 1]'],
    ['bf6161f5ff', '{_ "a": true}'],
    ['7f61616162ff', '(_ "a", "b")'],
    ['5fff', "''_"],
    ['c16161', '1("a")'],
    ['43ff0001', "h'ff0001'"],
    ['4327270a', "'\\'\\'\\n'"],
    ['62c3a4', '"\\u00e4"'],
    ['fb7e37e43c8800759c', '1.0e+300'],
    ['f7', 'undefined'],
  ];
  for (const [hex, text] of texts) assert.equal(diagnose(Buffer.from(hex, 'hex')), text);
});

test('times with tags become texts', () => {
  assert.equal(timeOfTag('2020-01-02T03:04:05.600+01:00'), '2020-01-02T03:04:05.6+01:00');
  assert.equal(timeOfTag(1.25), '1970-01-01T00:00:01.25Z');
  assert.equal(timeOfTag(-0.5), '1969-12-31T23:59:59.5Z');
  assert.deepEqual(Object.keys(timeOfTag(1e15)), ['error']);
});
