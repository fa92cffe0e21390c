// Answers as kube-apiserver 1.36.2 gave them to the same requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const group = '/apis/admissionregistration.k8s.io/v1';
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const configMaps = { apiVersion: 'v1', kind: 'ConfigMap' };
const unknown = { apiVersion: 'example.com/v1', kind: 'Nothing' };
const matchConstraints = {
  resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
};
const alice = { name: 'alice', groups: ['writers', 'system:authenticated'] };
const user = 'user &{alice  [writers system:authenticated] map[]}';

test('who writes a policy or a binding with parameters must be able to read them', async () => {
  const api = await startApiServer();
  await api.create(`${rbac}/clusterroles`, {
    metadata: { name: 'writers' },
    rules: [
      { apiGroups: ['admissionregistration.k8s.io'], resources: ['*'], verbs: ['*'] },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['ok'], verbs: ['get'] },
    ],
  });
  await api.create(`${rbac}/clusterrolebindings`, {
    metadata: { name: 'writers' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'writers' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'writers' }],
  });
  const policy = (name: string, paramKind?: object) => ({
    metadata: { name },
    spec: { ...(paramKind && { paramKind }), matchConstraints, validations: [{ expression: 'true' }] },
  });
  for (const [name, paramKind] of [
    ['base', configMaps],
    ['unknown', unknown],
  ] as const)
    await api.create(`${group}/validatingadmissionpolicies`, policy(name, paramKind));

  const answer = async (path: string, body: object): Promise<readonly [number, string | undefined]> => {
    const { status, json } = await api.send('POST', `${group}/${path}?dryRun=All`, { body, as: alice });
    return [status, json.details?.causes?.[0]?.message];
  };
  const ofPolicy = (paramKind?: object) => answer('validatingadmissionpolicies', policy('p', paramKind));
  const ofBinding = (policyName: string, reference?: object) =>
    answer('validatingadmissionpolicybindings', {
      metadata: { name: 'b' },
      spec: {
        policyName,
        validationActions: ['Deny'],
        ...(reference && { paramRef: { parameterNotFoundAction: 'Deny', ...reference } }),
      },
    });
  assert.deepEqual(await ofPolicy(), [201, undefined]);
  assert.deepEqual(await ofPolicy(configMaps), [
    422,
    `Forbidden: ${user} must have "get" permission on all objects of the referenced paramKind (kind=ConfigMap, apiVersion=v1)`,
  ]);
  assert.deepEqual(await ofBinding('base'), [201, undefined]);
  assert.deepEqual(await ofBinding('base', { name: 'ok', namespace: 'default' }), [201, undefined]);
  assert.deepEqual(await ofBinding('base', { name: 'secret', namespace: 'default' }), [
    422,
    `Forbidden: ${user} does not have "get" permission on the object referenced by paramRef`,
  ]);
  assert.deepEqual(await ofBinding('base', { selector: {} }), [
    422,
    `Forbidden: ${user} does not have "list" permission on the object referenced by paramRef`,
  ]);
  const all = `to determine minimum required permissions and ${user} does not have "get" permission for all groups, versions and resources`;
  assert.deepEqual(await ofBinding('none', { name: 'a' }), [422, `Forbidden: unable to get policy none ${all}`]);
  assert.deepEqual(await ofBinding('unknown', { name: 'a' }), [
    422,
    `Forbidden: unable to resolve paramKind &{example.com/v1 Nothing} ${all}`,
  ]);
});
