import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

test('component statuses say what is well and what is not, in tables as well', async () => {
  const api = await startApiServer({
    components: [
      { name: 'etcd-0', check: () => undefined },
      { name: 'scheduler', check: () => 'it does not run' },
    ],
  });
  const path = '/api/v1/componentstatuses';
  const list = await api.send('GET', path);
  assert.deepEqual(list.warnings, ['v1 ComponentStatus is deprecated in v1.19+']);
  assert.deepEqual(list.json, {
    kind: 'ComponentStatusList',
    apiVersion: 'v1',
    metadata: {},
    items: [
      { metadata: { name: 'etcd-0' }, conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }] },
      {
        metadata: { name: 'scheduler' },
        conditions: [{ type: 'Healthy', status: 'False', message: 'it does not run' }],
      },
    ],
  });
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const table = await api.get(path, { headers: { accept } });
  assert.deepEqual(
    table.rows.map((one: { cells: unknown }) => one.cells),
    [
      ['etcd-0', 'Healthy', 'ok', ''],
      ['scheduler', 'Unhealthy', 'it does not run', ''],
    ],
  );
  assert.equal((await api.get(`${path}/scheduler`)).conditions[0].status, 'False');
  assert.equal((await api.send('GET', `${path}/nothing`)).status, 404);
  assert.equal((await api.send('DELETE', `${path}/scheduler`)).status, 405);
  api.close();
});
