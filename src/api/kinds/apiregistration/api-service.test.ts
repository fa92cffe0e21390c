import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const path = '/apis/apiregistration.k8s.io/v1/apiservices';
const spec = { group: 'example.com', version: 'v1', groupPriorityMinimum: 10, versionPriority: 10 };
const service = { name: 'api', namespace: 'default' };

test('an APIService is named after its group version, and says where it is in numbers that hold', async () => {
  const api = await startApiServer();
  const create = (name: string, more: object = {}) =>
    api.send('POST', path, { body: { metadata: { name }, spec: { ...spec, ...more } } });
  assert.equal((await create('v1.example.com', { service })).status, 201);
  const core = { group: undefined, version: 'v1' };
  assert.equal((await create('v1.', core)).status, 201);
  for (const [name, more, message] of [
    [
      'v2.example.com',
      {},
      /metadata\.name: Invalid value: "v2\.example\.com": must be `spec\.version\+"\."\+spec\.group`/,
    ],
    ['v2.', { group: undefined, version: 'v2' }, /spec\.group: Required value: only v1 may have an empty group/],
    ['v1.example.com', { groupPriorityMinimum: 20_001 }, /must be positive and less than 20000/],
    ['v1.example.com', { versionPriority: 0 }, /must be positive and less than 1000/],
    [
      'v1.example.com',
      { caBundle: 'YWJj' },
      /spec\.caBundle: Invalid value: "3 bytes": local APIServices may not have/,
    ],
    ['v1.example.com', { insecureSkipTLSVerify: true }, /local APIServices may not have insecureSkipTLSVerify/],
    ['v1.example.com', { service: { name: 'api' } }, /spec\.service\.namespace: Required value/],
    ['v1.example.com', { service: { ...service, port: 70_000 } }, /port is not valid: must be between 1 and 65535/],
    [
      'v1.example.com',
      { service, caBundle: 'YWJj', insecureSkipTLSVerify: true },
      /may not be true if caBundle is present/,
    ],
  ] as const) {
    const answer = await create(name, more);
    assert.equal(answer.status, 422, JSON.stringify(more));
    assert.match(answer.json.message, message);
  }
  api.close();
});
