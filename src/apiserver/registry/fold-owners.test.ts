// Owners that are named twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { foldOwners } from './fold-owners.ts';

const owner = (uid: string, name = 'a') => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid });

test('an owner that is named twice is kept once, with a warning; another name of the same uid stays', () => {
  const object = {
    metadata: { name: 'x', ownerReferences: [owner('1'), owner('2'), owner('1'), owner('1', 'b')] },
  } as unknown as Mutable<KubernetesObject>;
  const warnings: string[] = [];
  foldOwners(object, warnings);
  assert.deepEqual(object.metadata.ownerReferences, [owner('1'), owner('2'), owner('1', 'b')]);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0]!,
    /^\.metadata\.ownerReferences contains duplicate entries; .*duplicate UID\(s\) observed: 1$/,
  );
  foldOwners(object, warnings);
  assert.equal(warnings.length, 1);
});
