// Discovery of every built-in group version against what upstream 1.36.2 answered, to the byte.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';
import observed from './observed-discovery.json' with { type: 'json' };

const hash = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

test("the documents of old are upstream's in every encoding", async () => {
  const api = await startApiServer();
  for (const [path, expected] of Object.entries(observed.documents)) {
    const found: string[] = [];
    for (const accept of ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']) {
      const { body } = await api.handle('GET', path, { headers: { accept, host: 'localhost:6443' } });
      assert.ok(body.type === 'bytes' || body.type === 'object');
      found.push(hash(Buffer.concat(body.type === 'bytes' ? body.parts : body.bytes())));
    }
    assert.deepEqual(found, expected, path);
  }
});

test("the groups of aggregated discovery are upstream's", async () => {
  const api = await startApiServer();
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const groups: Record<string, string> = {};
  for (const path of ['/api', '/apis'])
    for (const one of (await api.get(path, { headers: { accept } })).items)
      groups[one.metadata.name ?? ''] = hash(JSON.stringify(one));
  for (const [name, expected] of Object.entries(observed.groups)) assert.equal(groups[name], expected, name);
});
