import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessAttributes, AccessDecision, Authorizer } from '../context.ts';
import { allow, firstOpinion, noOpinion } from './authorizer.ts';

const asked: AccessAttributes = {
  user: { name: 'alice', groups: [] },
  verb: 'get',
  isResource: true,
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'default',
  name: 'web',
  path: '',
};
const says = (decision: AccessDecision): Authorizer => ({ name: 'now', authorize: () => decision });
const saysLater = (decision: AccessDecision): Authorizer => ({ name: 'later', authorize: async () => decision });
const never: Authorizer = { name: 'never', authorize: () => assert.fail('asked after an opinion') };

test('where nobody outside is asked the answer is there at once', () => {
  const decision = firstOpinion([says(noOpinion('first')), says(allow('second')), never]).authorize(asked);
  assert.deepEqual(decision, { decision: 'allow', reason: 'second' });
});

test('the first opinion counts in the order of the list, whoever has to wait', async () => {
  const denied: AccessDecision = { decision: 'deny', reason: 'closed' };
  assert.deepEqual(await firstOpinion([says(noOpinion()), saysLater(denied), never]).authorize(asked), denied);
  assert.deepEqual(await firstOpinion([saysLater(noOpinion()), says(allow()), never]).authorize(asked), allow());
});

test('without an opinion all reasons and errors are told', async () => {
  const failed = (error: string): AccessDecision => ({ decision: 'no-opinion', reason: '', error });
  assert.deepEqual(
    await firstOpinion([
      says(noOpinion('a')),
      saysLater(failed('b')),
      saysLater(failed('c')),
      says(noOpinion('d')),
    ]).authorize(asked),
    { decision: 'no-opinion', reason: 'a\nd', error: '[b, c]' },
  );
});
