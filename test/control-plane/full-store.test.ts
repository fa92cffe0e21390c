// The API server on a data file whose quota is reached. Upstream's answers were observed at etcd with a quota of 6 MB: each write
// but a removal was refused with this status, also marking for removal and making smaller, which here is possible.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { openSqliteStore } from '#storage/sqlite/store.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

test('past the quota creating and growing is answered as by upstream, and removing makes room', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'full-'));
  const room = () => ({ quotaBytes: 6_000_000, diskReserveBytes: 0 });
  const store = await openSqliteStore({ path: path.join(folder, 'state.db'), clock: systemClock, room });
  const server = await startApiServer({ store });
  try {
    await server.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    const configMap = (name: string, length: number) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, finalizers: ['example.com/waits'] },
      data: { text: 'x'.repeat(length) },
    });
    let created = 0;
    let answer;
    do answer = await server.send('POST', configMaps, { body: configMap(`c${created++}`, 700_000) });
    while (answer.status === 201 && created < 20);
    const refusal = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'etcdserver: mvcc: database space exceeded',
      code: 500,
    };
    assert.deepEqual([answer.status, answer.json], [500, refusal]);
    assert.ok(created > 7, `${created} before it is full`);
    const merge = (name: string, patch: object) =>
      server.send('PATCH', `${configMaps}/${name}`, { body: patch, contentType: 'application/merge-patch+json' });
    assert.deepEqual((await merge('c1', { data: { more: 'x'.repeat(100) } })).json, refusal);
    assert.equal((await merge('c1', { data: { text: 'y' } })).status, 200, 'it may be made smaller');
    assert.equal((await server.send('GET', '/readyz')).text, 'ok', 'as upstream: reading goes on');

    // Two steps, the first of which is an update that makes the object longer.
    assert.equal((await server.send('DELETE', `${configMaps}/c2`)).status, 200);
    assert.notEqual((await server.get(`${configMaps}/c2`)).metadata.deletionTimestamp, undefined);
    assert.equal((await merge('c2', { metadata: { finalizers: null } })).status, 200);
    assert.equal((await server.send('GET', `${configMaps}/c2`)).status, 404);
    assert.equal((await server.send('POST', configMaps, { body: configMap('again', 10) })).status, 201);
  } finally {
    server.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
