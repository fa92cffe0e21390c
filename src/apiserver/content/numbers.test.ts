// Numbers of bodies, types of patches and of the version, as a control plane of 1.36.2 was seen to answer them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const deployment = (replicas: string) =>
  `{"metadata":{"name":"x"},"spec":{"replicas":${replicas},"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}}}`;
const collection = '/apis/apps/v1/namespaces/default/deployments?dryRun=All';

test('an integer is written plainly, or refused as it was written', async () => {
  const api = await startApiServer();
  const send = (replicas: string) =>
    api.send('POST', collection, { bytes: deployment(replicas), contentType: 'application/json' });
  for (const written of ['8e1', '8.0', '80E-1', '1.50', '99999999999999999999']) {
    const { status, json } = await send(written);
    assert.deepEqual(
      [status, json.message],
      [
        400,
        `Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number ${written} into Go struct field DeploymentSpec.spec.replicas of type int32`,
      ],
    );
  }
  for (const written of ['8', '0', '-0']) assert.equal((await send(written)).status, 201, written);
});

test('a number is a quantity however it is written', async () => {
  const api = await startApiServer();
  const bytes = deployment('8').replace('"image":"x"', '"image":"x","resources":{"limits":{"memory":8e1}}');
  const { status, json } = await api.send('POST', collection, { bytes, contentType: 'application/json' });
  assert.deepEqual([status, json.spec.template.spec.containers[0].resources.limits.memory], [201, '80']);
});

test('a patch of no known type is refused on the way to the object', async () => {
  const api = await startApiServer();
  for (const contentType of ['text/plain', 'application/json', 'application/merge-patch+cbor', 'garbage']) {
    const { status, json } = await api.send('PATCH', '/api/v1/namespaces/default/configmaps/none', {
      bytes: '{}',
      contentType,
    });
    assert.deepEqual(
      [status, json.reason, json.message, json.details],
      [415, 'UnsupportedMediaType', '415: Unsupported Media Type', {}],
    );
  }
});

test('the version is told in JSON only', async () => {
  const api = await startApiServer();
  for (const accept of ['text/html', 'application/yaml', 'application/*']) {
    const { status, text } = await api.send('GET', '/version', { headers: { accept } });
    assert.equal(status, 406, accept);
    assert.match(text, /406: Not Acceptable/);
  }
  for (const accept of ['*/*', 'text/html, application/json'])
    assert.equal((await api.send('GET', '/version', { headers: { accept } })).status, 200, accept);
});
