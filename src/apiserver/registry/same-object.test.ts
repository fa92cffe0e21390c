import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '#api/kind.ts';
import { sameObject } from './same-object.ts';

const object = (more: object = {}, metadata: object = {}): KubernetesObject => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name: 'a', labels: { x: 'y' }, managedFields: [{ manager: 'm', time: '1' }], ...metadata },
  ...more,
});

for (const [about, one, other, same] of [
  ['itself', object(), object(), true],
  ['another version', object({}, { resourceVersion: '1' }), object({}, { resourceVersion: '2' }), true],
  ['a version that is not said', object(), object({}, { resourceVersion: '2' }), true],
  ['another time of a write', object(), object({}, { managedFields: [{ manager: 'm', time: '2' }] }), true],
  ['a time that is not said', object(), object({}, { managedFields: [{ manager: 'm' }] }), true],
  ['another writer', object(), object({}, { managedFields: [{ manager: 'n', time: '1' }] }), false],
  ['fewer writers', object(), object({}, { managedFields: [] }), false],
  ['no writers', object(), object({}, { managedFields: undefined }), false],
  ['another label', object(), object({}, { labels: { x: 'z' } }), false],
  ['one more label', object(), object({}, { labels: { x: 'y', time: '1' } }), false],
  [
    'a label that is called as what does not count',
    object({}, { labels: { time: '1' } }),
    object({}, { labels: {} }),
    false,
  ],
  ['a label that every object has', object({}, { labels: {} }), object({}, { labels: { constructor: 'a' } }), false],
  ['no labels', object(), object({}, { labels: undefined }), false],
  ['what is absent and what is undefined', object({ data: undefined }), object(), true],
  ['other data', object({ data: { k: 'a' } }), object({ data: { k: 'b' } }), false],
  ['data where there was none', object(), object({ data: {} }), false],
  ['data that is called as what does not count', object({ time: '1' }), object({ time: '2' }), false],
] as const)
  test(`a write of ${about} ${same ? 'changes nothing' : 'is a change'}`, () => {
    assert.equal(sameObject(one, other), same);
    assert.equal(sameObject(other, one), same);
  });
