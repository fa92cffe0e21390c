import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';
import { kindTable } from './kinds.ts';
import { storedOnlyKinds, storedOnlyWarnings } from './stored-only.ts';

test('every row names a kind', () => {
  const known = new Set(kindTable.rows.map((row) => `${row.group}/${row.resource}`));
  assert.deepEqual(
    storedOnlyKinds.filter((name) => !known.has(name)),
    [],
  );
});

test('who writes an object that nothing acts on is told so', async () => {
  const server = await startApiServer();
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'deny', namespace: 'default' },
    spec: { podSelector: {} },
  };
  const response = await server.send('POST', '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies', {
    body: policy,
  });
  assert.equal(response.status, 201);
  assert.deepEqual(response.warnings, ['NetworkPolicy is stored but not implemented yet: no traffic is restricted']);
  assert.deepEqual(storedOnlyWarnings({ group: '', resource: 'pods', kind: 'Pod' }), []);
});
