// What oc asks of a server besides Kubernetes (read in oc's sources), with the answers on which it goes on: those of a MicroShift
// without OAuth and without a ClusterVersion. Projects have a test of their own.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RoleBindings } from '#api/generated/kind-references.ts';
import type { Identity } from '#api/request.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const anna: Identity = { name: 'anna', groups: ['system:authenticated'] };
let cluster: TestControlPlane;
before(async () => {
  cluster = await startControlPlane();
});
after(() => cluster[Symbol.asyncDispose]());

test('oc version: the version of Kubernetes; there is no ClusterVersion, for an administrator and for others', async () => {
  const { status, json } = await cluster.api.send('GET', '/version', { as: anna });
  assert.deepEqual([status, json.major, json.minor], [200, '1', '36']);
  const clusterVersion = '/apis/config.openshift.io/v1/clusterversions/version';
  const missing = await cluster.api.send('GET', clusterVersion);
  assert.deepEqual(
    [missing.status, missing.text],
    [404, '404 page not found\n'],
    'as upstream answers for a group that nobody serves',
  );
  assert.equal((await cluster.api.send('GET', clusterVersion, { as: anna })).status, 403);
  assert.equal((await cluster.api.send('GET', '/version/openshift')).status, 404);
});

test('oc login without a token: there is no OAuth server', async () => {
  const path = '/.well-known/oauth-authorization-server';
  for (const as of [anna, undefined]) assert.equal((await cluster.api.send('GET', path, { as })).status, 404);
  assert.equal((await cluster.api.send('GET', path, { as: null })).status, 404);
});

test('oc whoami: the review of oneself, and the older question', async () => {
  const review = { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const { status, json } = await cluster.api.send('POST', path, { as: anna, body: review });
  assert.deepEqual([status, json.status.userInfo.username], [201, 'anna']);
  assert.equal((await cluster.api.send('GET', '/apis/user.openshift.io/v1/users/~', { as: anna })).status, 200);
});

test('oc adm policy add-scc-to-user: the role is there, a binding gives the right to use it, and not before', async () => {
  const mayUse = async (name: string): Promise<boolean> => {
    const resourceAttributes = {
      verb: 'use',
      group: 'security.openshift.io',
      resource: 'securitycontextconstraints',
      namespace: 'default',
      name,
    };
    const review = {
      spec: { user: 'system:serviceaccount:default:robot', groups: ['system:authenticated'], resourceAttributes },
    };
    return (await cluster.api.create('/apis/authorization.k8s.io/v1/subjectaccessreviews', review)).status.allowed;
  };
  assert.equal(await mayUse('restricted-v2'), true, 'everybody may');
  assert.equal(await mayUse('privileged'), false);
  await cluster.create(RoleBindings, {
    metadata: { name: 'system:openshift:scc:privileged', namespace: 'default' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:openshift:scc:privileged' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'default', name: 'robot' }],
  });
  assert.equal(await mayUse('privileged'), true);
});
