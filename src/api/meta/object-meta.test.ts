import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectMeta } from '../generated/types.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts';

const show = (errors: readonly { field: string; message: string }[]) =>
  errors.map((one) => `${one.field}: ${one.message}`);
const create = (meta: ObjectMeta, namespaced = true) => show(validateObjectMeta(meta, { namespaced }));
const good: ObjectMeta = { name: 'web', namespace: 'default' };
const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: '1', controller: true };

test('a plain object passes', () => assert.deepEqual(create(good), []));

for (const [name, meta, expected] of [
  ['no name', { namespace: 'default' }, ['metadata.name: Required value: name or generateName is required']],
  ['no namespace', { name: 'web' }, ['metadata.namespace: Required value']],
  [
    'a bad label value',
    { ...good, labels: { a: '-' } },
    [/^metadata.labels: Invalid value: "-": a valid label must be/],
  ],
  [
    'a bad label key',
    { ...good, labels: { '/a': '' } },
    ['metadata.labels: Invalid value: "/a": prefix part must be non-empty'],
  ],
  [
    'large annotations',
    { ...good, annotations: { a: 'x'.repeat(262_144) } },
    ['metadata.annotations: Too long: may not be more than 262144 bytes'],
  ],
  [
    'two controllers',
    { ...good, ownerReferences: [owner, { ...owner, name: 'other' }] },
    [
      /Only one reference can have Controller set to true. Found "true" in references for ReplicaSet\/web and ReplicaSet\/other$/,
    ],
  ],
  [
    'an owner without uid',
    { ...good, ownerReferences: [{ ...owner, uid: '' }] },
    ['metadata.ownerReferences.uid: Invalid value: "": must not be empty'],
  ],
  [
    'both deletion finalizers',
    { ...good, finalizers: ['orphan', 'foregroundDeletion'] },
    [/finalizer orphan and foregroundDeletion cannot be both set$/],
  ],
] as const)
  test(`creation refuses ${name}`, () => {
    const errors = create(meta as ObjectMeta);
    assert.equal(errors.length, expected.length, errors.join('\n'));
    for (const [index, one] of expected.entries())
      if (typeof one === 'string') assert.equal(errors[index], one);
      else assert.match(errors[index]!, one);
  });

test('a kind of the cluster has no namespace', () =>
  assert.deepEqual(create(good, false), ['metadata.namespace: Forbidden: not allowed on this type']));

const stored: ObjectMeta = {
  ...good,
  uid: 'u',
  resourceVersion: '5',
  generation: 2,
  creationTimestamp: '2026-01-01T00:00:00Z',
};
for (const [name, change, expected] of [
  ['nothing', {}, []],
  [
    'no version',
    { resourceVersion: '' },
    ['metadata.resourceVersion: Invalid value: "": must be specified for an update'],
  ],
  ['another uid', { uid: 'v' }, ['metadata.uid: Invalid value: "v": field is immutable']],
  ['an older generation', { generation: 1 }, ['metadata.generation: Invalid value: 1: must not be decremented']],
  [
    'another creation time',
    { creationTimestamp: '2026-01-02T00:00:00Z' },
    ['metadata.creationTimestamp: Invalid value: "2026-01-02T00:00:00Z": field is immutable'],
  ],
] as const)
  test(`an update with ${name}`, () =>
    assert.deepEqual(show(validateObjectMetaUpdate({ ...stored, ...change }, stored)), expected));

test('an object that is being deleted takes no new finalizers', () => {
  const deleting = { ...stored, deletionTimestamp: '2026-01-02T00:00:00Z', finalizers: ['a/b'] };
  assert.deepEqual(show(validateObjectMetaUpdate({ ...deleting, finalizers: ['a/b', 'x/z', 'x/y'] }, deleting)), [
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x/y", "x/z"}',
  ]);
  assert.deepEqual(show(validateObjectMetaUpdate({ ...deleting, finalizers: [] }, deleting)), []);
});
