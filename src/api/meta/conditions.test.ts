import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pods, ReplicaSets } from '../generated/kind-references.ts';
import { conditionIsTrue, withCondition, withoutCondition, type ConditionLike } from './conditions.ts';
import { controllerOf, controllerReference, isControlledBy } from './owner.ts';

test('a condition keeps its transition time while its status stays', () => {
  const first = withCondition<ConditionLike>(undefined, { type: 'Ready', status: 'True', lastTransitionTime: 't1' });
  const same = withCondition<ConditionLike>(first, {
    type: 'Ready',
    status: 'True',
    reason: 'Again',
    lastTransitionTime: 't2',
  });
  assert.deepEqual(same, [{ type: 'Ready', status: 'True', reason: 'Again', lastTransitionTime: 't1' }]);
  const changed = withCondition<ConditionLike>(same, { type: 'Ready', status: 'False', lastTransitionTime: 't3' });
  assert.equal(changed[0]?.lastTransitionTime, 't3');
  assert.equal(conditionIsTrue(changed, 'Ready'), false);
  assert.equal(conditionIsTrue(undefined, 'Ready'), false);
  assert.deepEqual(withoutCondition(changed, 'Ready'), []);
});

test('the controller is the one reference that says so', () => {
  const owner = { metadata: { name: 'web', uid: 'u1' } };
  const reference = controllerReference(ReplicaSets, owner);
  assert.deepEqual(reference, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'web',
    uid: 'u1',
    controller: true,
    blockOwnerDeletion: true,
  });
  const pod = { metadata: { ownerReferences: [{ ...reference, controller: false, uid: 'x' }, reference] } };
  assert.equal(controllerOf(pod), reference);
  assert.equal(isControlledBy(pod, owner), true);
  assert.equal(isControlledBy({ metadata: {} }, owner), false);
  assert.equal(controllerReference(Pods, owner).apiVersion, 'v1');
});
