// The columns of tables, descriptions included, against what upstream 1.36.2 answered for every kind.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';
import observed from './observed-columns.json' with { type: 'json' };

const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';

test("columns of every kind are upstream's to the byte", async () => {
  const api = await startApiServer();
  for (const [path, hash] of Object.entries(observed)) {
    const { columnDefinitions } = await api.get(path, { headers: { accept } });
    const found = createHash('sha256').update(JSON.stringify(columnDefinitions)).digest('hex').slice(0, 16);
    assert.equal(found, hash, `${path}: ${JSON.stringify(columnDefinitions)}`);
  }
});

test('kinds of which upstream has no description', async () => {
  const api = await startApiServer();
  const { columnDefinitions } = await api.get('/apis/route.openshift.io/v1/routes', { headers: { accept } });
  assert.match(columnDefinitions[0].description, /^Name must be unique within a namespace\. Is required when/);
});
