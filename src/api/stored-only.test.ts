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
  const constraints = {
    apiVersion: 'security.openshift.io/v1',
    kind: 'SecurityContextConstraints',
    metadata: { name: 'example' },
    allowHostDirVolumePlugin: false,
    allowHostIPC: false,
    allowHostNetwork: false,
    allowHostPID: false,
    allowHostPorts: false,
    allowPrivilegedContainer: false,
    readOnlyRootFilesystem: false,
  };
  const path = '/apis/security.openshift.io/v1/securitycontextconstraints';
  const response = await server.send('POST', path, { body: constraints });
  assert.equal(response.status, 201, JSON.stringify(response.json));
  assert.deepEqual(response.warnings, [
    'SecurityContextConstraints is stored but not implemented yet: Pods are not checked against it',
  ]);
  assert.deepEqual(storedOnlyWarnings({ group: '', resource: 'pods', kind: 'Pod' }), []);
});
