// Field validation as a control plane of 1.36.2 was seen to answer it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const json =
  '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"},"foo":1,"data":{"a":"b"},"data":{"c":"d"},"bar":1,"metadata":{"name":"y","zed":1,"name":"x"}}';
const yaml = 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\nfoo: 1\ndata: {a: b}\ndata: {c: d}\nbar: 2\n';
const collection = '/api/v1/namespaces/default/configmaps?dryRun=All&fieldValidation=';

test('unknown and repeated fields of JSON are told in the order of the text', async () => {
  const api = await startApiServer();
  const wanted = [
    'unknown field "foo"',
    'duplicate field "data"',
    'unknown field "bar"',
    'duplicate field "metadata"',
    'unknown field "metadata.zed"',
    'duplicate field "metadata.name"',
  ];
  const send = (validation: string) =>
    api.send('POST', `${collection}${validation}`, { bytes: json, contentType: 'application/json' });
  const strict = await send('Strict');
  const start = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ';
  assert.deepEqual([strict.status, strict.json.message], [400, start + wanted.join(', ')]);
  const warned = await send('Warn');
  assert.deepEqual([warned.status, warned.warnings], [201, wanted]);
  const ignored = await send('Ignore');
  assert.deepEqual([ignored.status, ignored.warnings], [201, []]);
});

test('those of YAML in the order of its lines, then of names', async () => {
  const api = await startApiServer();
  const send = (validation: string) =>
    api.send('POST', `${collection}${validation}`, { bytes: yaml, contentType: 'application/yaml' });
  const strict = await send('Strict');
  assert.equal(
    strict.json.message,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 6: key "data" already set in map, unknown field "bar", unknown field "foo"',
  );
  const warned = await send('Warn');
  assert.deepEqual(warned.warnings, [
    'line 6: key "data" already set in map',
    'unknown field "bar"',
    'unknown field "foo"',
  ]);
});
