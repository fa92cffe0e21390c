// Validating policies through the whole request chain.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';

const group = '/apis/admissionregistration.k8s.io/v1';
const core = '/api/v1/namespaces/default';
const configMaps = {
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE'],
  resources: ['configmaps'],
};

async function givePolicy(api: TestApiServer, name: string, spec: object, binding: object = {}): Promise<void> {
  await api.create(`${group}/validatingadmissionpolicies`, {
    metadata: { name },
    spec: { matchConstraints: { resourceRules: [configMaps] }, ...spec },
  });
  await api.create(`${group}/validatingadmissionpolicybindings`, {
    metadata: { name: `${name}-binding` },
    spec: { policyName: name, validationActions: ['Deny'], ...binding },
  });
}
const make = (api: TestApiServer, name: string, data: object = {}, more: object = {}) =>
  api.send('POST', `${core}/configmaps`, { body: { metadata: { name, ...more }, data } });

test('a policy denies with its message, reason and code, acts at once and stops at once', async () => {
  const api = await startApiServer();
  await givePolicy(api, 'p', { validations: [{ expression: "object.data.x == 'y'" }] });
  const refused = await make(api, 'c', { x: 'z' });
  const text = `ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: failed expression: object.data.x == 'y'`;
  assert.deepEqual(refused.json, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `configmaps "c" is forbidden: ${text}`,
    reason: 'Invalid',
    details: { name: 'c', kind: 'configmaps', causes: [{ message: text }] },
    code: 422,
  });
  assert.equal((await make(api, 'c', { x: 'y' })).status, 201);
  await api.delete(`${group}/validatingadmissionpolicybindings/p-binding`);
  assert.equal((await make(api, 'd', { x: 'z' })).status, 201);
});
