import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, Secrets } from '#api/generated/kind-references.ts';
import type { ObjectMeta, OwnerReference } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import type { Action } from '../runtime/action.ts';
import { decide, type GarbageSnapshot, type OwnedObject, type OwnerState } from './decide.ts';

const object = (name: string, more: Partial<ObjectMeta> = {}): KubernetesObject => ({
  metadata: { name, namespace: 'default', uid: name, resourceVersion: '7', ...more },
});
const reference = (name: string, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'Secret',
  name,
  uid: name,
  ...more,
});
const owner = (one: OwnerReference, found: KubernetesObject | undefined): OwnerState => ({
  reference: one,
  kind: Secrets,
  namespace: 'default',
  object: found,
});
const snapshot = (
  one: KubernetesObject,
  owners: readonly OwnerState[] = [],
  dependents: readonly OwnedObject[] = [],
): GarbageSnapshot => ({
  kind: ConfigMaps,
  object: { ...one, metadata: { ...one.metadata, ownerReferences: owners.map((state) => state.reference) } },
  owners,
  dependents: () => dependents,
});
const dependent = (name: string, of: OwnerReference, more: Partial<ObjectMeta> = {}): OwnedObject => ({
  kind: ConfigMaps,
  object: object(name, { ownerReferences: [of], ...more }),
});
const shown = (actions: readonly Action[]): string[] =>
  actions.map((one) =>
    one.verb === 'delete'
      ? `delete ${one.key.name} ${one.options.propagationPolicy}`
      : one.verb === 'patch'
        ? `patch ${one.key.name} ${JSON.stringify(Object.keys((one.patch as { value: { metadata: object } }).value.metadata).at(-1))}`
        : one.verb,
  );
const ending = (finalizer: string): Partial<ObjectMeta> => ({
  deletionTimestamp: '2026-01-01T00:00:00Z',
  finalizers: [finalizer],
});

test('owners that are there keep it; those that are gone are dropped, after asking the server', () => {
  const [here, gone] = [owner(reference('here'), object('here')), owner(reference('gone'), undefined)];
  assert.deepEqual(decide(snapshot(object('a'), [here])).actions, []);
  const [action] = decide(snapshot(object('a'), [here, gone])).actions;
  assert.ok(action?.verb === 'patch' && action.guard?.type === 'absent');
  assert.deepEqual(
    action.guard.objects.map((one) => one.name),
    ['gone'],
  );
  assert.deepEqual((action.patch as { value: { metadata: ObjectMeta } }).value.metadata.ownerReferences, [
    here.reference,
  ]);
});

test('without any owner left it goes in the background, unless a finalizer asks otherwise', () => {
  const gone = [owner(reference('gone'), undefined)];
  const [action] = decide(snapshot(object('a'), gone)).actions;
  assert.ok(action?.verb === 'delete' && action.guard?.type === 'absent');
  assert.deepEqual(action.options, {
    propagationPolicy: 'Background',
    preconditions: { uid: 'a', resourceVersion: '7' },
  });
  assert.deepEqual(shown(decide(snapshot(object('a', { finalizers: ['orphan'] }), gone)).actions), ['delete a Orphan']);
  const renamed = owner(reference('same-name'), object('same-name', { uid: 'another' }));
  assert.deepEqual(
    shown(decide(snapshot(object('a'), [renamed])).actions),
    ['delete a Background'],
    'a name is not a uid',
  );
});

test('an owner of unknown kind keeps it: nothing can be said', () => {
  const unknown: OwnerState = { reference: reference('x'), kind: undefined, namespace: undefined, object: undefined };
  assert.deepEqual(decide(snapshot(object('a'), [unknown])).actions, []);
});

test('foreground: dependents that block go first, each with its own dependents', () => {
  const top = object('top', ending('foregroundDeletion'));
  const blocking = reference('top', { blockOwnerDeletion: true });
  assert.deepEqual(decide(snapshot(top, [], [dependent('d', blocking)])).actions, []);
  assert.deepEqual(shown(decide(snapshot(top, [], [dependent('d', reference('top'))])).actions), [
    'patch top "finalizers"',
  ]);
  const waiting = [owner(blocking, top)];
  assert.deepEqual(shown(decide(snapshot(object('d'), waiting)).actions), ['delete d Background']);
  assert.deepEqual(shown(decide(snapshot(object('d'), waiting, [dependent('e', reference('d'))])).actions), [
    'delete d Foreground',
  ]);
  const circle = dependent('e', reference('d'), ending('foregroundDeletion'));
  assert.deepEqual(shown(decide(snapshot(object('d'), waiting, [circle])).actions), ['patch d "ownerReferences"']);
});

test('orphan: dependents lose the reference, then the finalizer goes', () => {
  const top = object('top', ending('orphan'));
  assert.deepEqual(shown(decide(snapshot(top, [], [dependent('d', reference('top'))])).actions), [
    'patch d "ownerReferences"',
    'patch top "finalizers"',
  ]);
});
