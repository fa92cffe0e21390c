// PodTemplates, ReplicationControllers and ServiceAccounts through the API server: what upstream answers to what is wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type Json } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default';
const podSpec = { containers: [{ name: 'a', image: 'x' }] };
const causesOf = ({ details }: Json): string[] =>
  details.causes.map((one: Json) => `${one.reason} ${one.field}`).toSorted();

test('a template without containers is refused, on create and on update', async () => {
  const api = await startApiServer();
  const templates = `${core}/podtemplates`;
  const bare = await api.send('POST', templates, { body: { metadata: { name: 'a' } } });
  assert.equal(bare.status, 422);
  assert.equal(bare.json.message, 'PodTemplate "a" is invalid: template.spec.containers: Required value');
  await api.create(templates, { metadata: { name: 'a' }, template: { spec: podSpec } });
  const patch = { body: { template: null }, contentType: 'application/merge-patch+json' };
  const emptied = await api.send('PATCH', `${templates}/a`, patch);
  assert.deepEqual(causesOf(emptied.json), ['FieldValueRequired template.spec.containers']);
});

test('a ReplicationController needs a selector and a template that it matches', async () => {
  const api = await startApiServer();
  const controllers = `${core}/replicationcontrollers`;
  const refused = async (spec: object | undefined): Promise<string[]> => {
    const { status, json } = await api.send('POST', controllers, { body: { metadata: { name: 'a' }, spec } });
    assert.equal(status, 422);
    return causesOf(json);
  };
  assert.deepEqual(await refused(undefined), ['FieldValueRequired spec.selector', 'FieldValueRequired spec.template']);
  const metadata = { labels: { a: 'b' } };
  assert.deepEqual(
    await refused({
      replicas: -1,
      minReadySeconds: -1,
      selector: { a: 'c' },
      template: { metadata, spec: { ...podSpec, restartPolicy: 'Never', activeDeadlineSeconds: 1 } },
    }),
    [
      'FieldValueForbidden spec.template.spec.activeDeadlineSeconds',
      'FieldValueInvalid spec.minReadySeconds',
      'FieldValueInvalid spec.replicas',
      'FieldValueInvalid spec.template.metadata.labels',
      'FieldValueNotSupported spec.template.spec.restartPolicy',
    ],
  );
  await api.create(controllers, { metadata: { name: 'a' }, spec: { template: { metadata, spec: podSpec } } });
  const status = await api.send('PATCH', `${controllers}/a/status`, {
    body: { status: { replicas: 1, readyReplicas: 2 } },
    contentType: 'application/merge-patch+json',
  });
  assert.deepEqual(causesOf(status.json), ['FieldValueInvalid status.readyReplicas']);
});

test('of what a ServiceAccount says of Secrets only the names are kept', async () => {
  const api = await startApiServer();
  const made = await api.create(`${core}/serviceaccounts`, {
    metadata: { name: 'a' },
    secrets: [{ name: 's', uid: 'u', namespace: 'n' }, { kind: 'Secret' }],
  });
  assert.deepEqual(made.secrets, [{ name: 's' }, {}]);
});

test('an APIService without a Service is available at once, one with a Service not yet', async () => {
  const api = await startApiServer();
  const made = async (version: string, more: object): Promise<Json> =>
    api.create('/apis/apiregistration.k8s.io/v1/apiservices', {
      metadata: { name: `${version}.example.com` },
      spec: { group: 'example.com', version, groupPriorityMinimum: 1, versionPriority: 1, ...more },
    });
  const local = await made('v1', {});
  assert.deepEqual(
    local.status.conditions.map((one: Json) => `${one.type}=${one.status} ${one.reason}`),
    ['Available=True Local'],
  );
  const remote = await made('v2', { service: { namespace: 'default', name: 'none' }, insecureSkipTLSVerify: true });
  assert.deepEqual(remote.status, {});
});
