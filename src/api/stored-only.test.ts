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
  const deviceClass = {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'DeviceClass',
    metadata: { name: 'example' },
    spec: {},
  };
  const response = await server.send('POST', '/apis/resource.k8s.io/v1/deviceclasses', { body: deviceClass });
  assert.equal(response.status, 201);
  assert.deepEqual(response.warnings, ['DeviceClass is stored but not implemented yet: devices are not allocated']);
  assert.deepEqual(storedOnlyWarnings({ group: '', resource: 'pods', kind: 'Pod' }), []);
});
