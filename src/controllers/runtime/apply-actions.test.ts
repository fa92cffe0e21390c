import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, Pods } from '#api/generated/kind-references.ts';
import { create, patch, remove, update } from './action.ts';
import { neighbours } from './apply-actions.ts';

const named = (name: string) => ({ metadata: { name, namespace: 'default' }, spec: { containers: [] } });
const change = (name: string) => patch(Pods, named(name), { type: 'merge', value: {} });

test('what does not depend on each other runs side by side, the rest in its order', () => {
  const { length: creates } = neighbours([create(Pods, named('a')), create(Pods, named('b'))], 0);
  assert.equal(creates, 2);
  assert.equal(neighbours([create(Pods, named('a')), create(ConfigMaps, named('b'))], 0).length, 1);
  assert.equal(neighbours([remove(Pods, named('a')), remove(ConfigMaps, named('b'))], 0).length, 2);
  assert.equal(neighbours([update(Pods, named('a')), update(Pods, named('b'))], 0).length, 1);
  assert.equal(neighbours([change('a'), change('b'), change('a')], 0).length, 2, 'one object, one after the other');
  assert.equal(neighbours([change('a'), change('b'), change('a')], 1).length, 2);
  assert.equal(neighbours([change('a'), remove(Pods, named('a'))], 0).length, 1);
});
