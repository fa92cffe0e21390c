import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const review = (group: string, kind: string, spec: object) => ({ kind, apiVersion: `${group}/v1`, metadata: {}, spec });
const authorization = '/apis/authorization.k8s.io/v1';

test('access reviews say what authorization would', async () => {
  const api = await startApiServer();
  const ask = (spec: object) =>
    api.create(`${authorization}/subjectaccessreviews`, review('authorization.k8s.io', 'SubjectAccessReview', spec));
  const resourceAttributes = { verb: 'get', resource: 'pods', namespace: 'default' };
  assert.deepEqual((await ask({ user: 'alice', resourceAttributes })).status, { allowed: false });
  assert.equal((await ask({ user: 'root', groups: ['system:masters'], resourceAttributes })).status.allowed, true);
  const neither = await api.send('POST', `${authorization}/subjectaccessreviews`, {
    body: review('authorization.k8s.io', 'SubjectAccessReview', { user: 'alice' }),
  });
  assert.equal(neither.status, 422);
  assert.match(neither.json.message, /exactly one of nonResourceAttributes or resourceAttributes must be specified/);
});

test('a token review knows the tokens of service accounts', async () => {
  const api = await startApiServer();
  const made = await api.create('/api/v1/namespaces/default/serviceaccounts/default/token', {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    spec: { audiences: ['vault'] },
  });
  const ask = async (spec: object) =>
    (
      await api.create(
        '/apis/authentication.k8s.io/v1/tokenreviews',
        review('authentication.k8s.io', 'TokenReview', spec),
      )
    ).status;
  const known = await ask({ token: made.status.token, audiences: ['vault', 'other'] });
  assert.equal(known.authenticated, true);
  assert.deepEqual(known.audiences, ['vault']);
  assert.equal(known.user.username, 'system:serviceaccount:default:default');
  // Made for someone else: it opens nothing here.
  assert.equal((await ask({ token: made.status.token })).authenticated, undefined);
  const used = await api.send('GET', '/api', { headers: { authorization: `Bearer ${made.status.token}` } });
  assert.equal(used.status, 401);
  const broken = made.status.token.slice(0, -4) + 'AAAA';
  assert.equal((await ask({ token: broken, audiences: ['vault'] })).authenticated, undefined);
});

test('what a node may do cannot be listed, and the review says so', async () => {
  const api = await startApiServer();
  const path = `${authorization}/selfsubjectrulesreviews`;
  await api.create('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    kind: 'ClusterRole',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'system:node' },
    rules: [{ apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectrulesreviews'], verbs: ['create'] }],
  });
  const { status } = await api.create(
    path,
    review('authorization.k8s.io', 'SelfSubjectRulesReview', { namespace: 'default' }),
    {
      as: { name: 'system:node:one', groups: ['system:nodes'] },
    },
  );
  assert.equal(status.incomplete, true);
  assert.equal(status.evaluationError, 'node authorizer does not support user rule resolution');
});
