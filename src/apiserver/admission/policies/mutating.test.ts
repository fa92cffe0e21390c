// Mutating policies through the whole request chain: what recorded answers do not show.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';

const group = '/apis/admissionregistration.k8s.io/v1';
const core = '/api/v1/namespaces/default';
const configMaps = {
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE'],
  resources: ['configmaps'],
};

const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
const patch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } });

async function givePolicy(
  api: TestApiServer,
  name: string,
  mutation: object,
  rule: object = configMaps,
): Promise<void> {
  await api.create(`${group}/mutatingadmissionpolicies`, {
    metadata: { name },
    spec: { reinvocationPolicy: 'Never', matchConstraints: { resourceRules: [rule] }, mutations: [mutation] },
  });
  await api.create(`${group}/mutatingadmissionpolicybindings`, {
    metadata: { name: `${name}-binding` },
    spec: { policyName: name },
  });
}
const denied = (policy: string, message: string): string =>
  `policy '${policy}' with binding '${policy}-binding' denied request: ${message}`;
const removePolicy = (api: TestApiServer, name: string) => api.delete(`${group}/mutatingadmissionpolicies/${name}`);

test('custom resources are merged by their schema, in the version that the policy names', async () => {
  const api = await startApiServer();
  const ports = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string' }, port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' } },
    },
  };
  const schema = {
    openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { ports } } } },
  };
  await api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [
        { name: 'v1', served: true, storage: true, schema },
        { name: 'v2', served: true, storage: false, schema },
      ],
    },
  });
  await givePolicy(
    api,
    'p',
    apply(
      "Object{metadata: Object.metadata{labels: {'seen': object.apiVersion.replace('/', '.')}}, spec: Object.spec{ports: [Object.spec.ports{name: 'a', port: 1}, Object.spec.ports{name: 'z', port: 26}]}}",
    ),
    { apiGroups: ['example.com'], apiVersions: ['v2'], operations: ['*'], resources: ['things'] },
  );
  const made = await api.create('/apis/example.com/v1/namespaces/default/things', {
    apiVersion: 'example.com/v1',
    kind: 'Thing',
    metadata: { name: 't' },
    spec: {
      ports: [
        { name: 'a', protocol: 'UDP' },
        { name: 'b', port: 2 },
      ],
    },
  });
  assert.deepEqual(
    [made.apiVersion, made.metadata.labels, made.spec.ports],
    [
      'example.com/v1',
      { seen: 'example.com.v2' },
      [
        { name: 'a', protocol: 'UDP', port: 1 },
        { name: 'b', port: 2, protocol: 'TCP' },
        { name: 'z', port: 26, protocol: 'TCP' },
      ],
    ],
  );
});

test('what is changed is validated, defaulted and stored, and its owner stays who wrote it', async () => {
  const api = await startApiServer();
  await givePolicy(api, 'p', apply("Object{data: {'added': 'x'}}"));
  const made = await api.create(`${core}/configmaps?fieldManager=me`, { metadata: { name: 'c' }, data: { a: 'b' } });
  assert.deepEqual((await api.get(`${core}/configmaps/c`)).data, { a: 'b', added: 'x' });
  const [entry] = made.metadata.managedFields;
  assert.deepEqual([entry.manager, entry.fieldsV1], ['me', { 'f:data': { '.': {}, 'f:a': {} } }]);
  await removePolicy(api, 'p');
  await givePolicy(api, 'q', patch("[JSONPatch{op: 'add', path: '/metadata/labels', value: {'bad key': 'x'}}]"));
  const refused = await api.send('POST', `${core}/configmaps`, { body: { metadata: { name: 'd' } } });
  assert.deepEqual([refused.status, refused.json.details.causes[0].field], [422, 'metadata.labels']);
});

test('subresources are changed as what they are, as far as upstream changes them', async () => {
  const api = await startApiServer();
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } };
  const deployments = '/apis/apps/v1/namespaces/default/deployments';
  const selector = { matchLabels: { a: 'b' } };
  await api.create(deployments, { metadata: { name: 'd' }, spec: { replicas: 0, selector, template } });
  await api.create(`${core}/pods`, { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'x' }] } });
  const rule = (of: string, resource: string) => ({
    apiGroups: [of],
    apiVersions: ['v1'],
    operations: ['*'],
    resources: [resource],
  });
  const scale = () => api.patch(`${deployments}/d/scale`, 'merge', { spec: { replicas: 3 } });
  await givePolicy(
    api,
    'p',
    patch("[JSONPatch{op: 'replace', path: '/spec/replicas', value: 6}]"),
    rule('apps', 'deployments/scale'),
  );
  assert.equal((await scale()).spec.replicas, 6);
  assert.equal((await api.get(`${deployments}/d`)).spec.replicas, 6);
  await removePolicy(api, 'p');
  await givePolicy(api, 'q', apply('Object{spec: Object.spec{replicas: 5}}'), rule('apps', 'deployments/scale'));
  const failed = 'error applying patch: failed to convert patch object to typed object: no corresponding type for';
  await assert.rejects(scale(), { message: denied('q', `${failed} autoscaling/v1, Kind=Scale`), code: 403 });

  await givePolicy(api, 'b', apply("Object{target: Object.target{name: 'other'}}"), rule('', 'pods/binding'));
  const binding = { metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } };
  const atomic =
    'error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .target';
  await assert.rejects(api.create(`${core}/pods/p/binding`, binding), { message: denied('b', atomic) });
  await removePolicy(api, 'b');
  const aside = patch("[JSONPatch{op: 'replace', path: '/target/kind', value: 'Pod'}]");
  await givePolicy(api, 'k', aside, rule('', 'pods/binding'));
  const judged = 'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"';
  await assert.rejects(api.create(`${core}/pods/p/binding`, binding), { message: judged, code: 500 });
  await removePolicy(api, 'k');
  await givePolicy(api, 's', apply("Object{status: Object.status{phase: 'Running'}}"), rule('', 'pods/status'));
  const pod = await api.patch(`${core}/pods/p/status`, 'merge', { status: { message: 'm' } });
  assert.deepEqual([pod.status.phase, pod.status.message], ['Running', 'm']);
});

test('patches that grow without end are refused, and nothing is stored', async () => {
  const api = await startApiServer();
  const hundred = `[${Array.from({ length: 100 }, (_, index) => index).join(', ')}]`;
  const doubling = `${hundred}.map(i, JSONPatch{op: 'copy', from: '/data', path: '/data/x' + string(i)})`;
  await givePolicy(api, 'p', patch(doubling));
  const refused = await api.send('POST', `${core}/configmaps`, {
    body: { metadata: { name: 'c' }, data: { a: 'b'.repeat(1_000) } },
  });
  assert.equal(refused.status, 403);
  assert.equal((await api.send('GET', `${core}/configmaps/c`)).status, 404);
  await removePolicy(api, 'p');
  const many = `${hundred}.map(i, ${hundred}.map(j, JSONPatch{op: 'add', path: '/data/x', value: 'y'})).flatten()`;
  await givePolicy(api, 'q', patch(`${many} + [JSONPatch{op: 'add', path: '/data/z', value: 'y'}]`));
  const over = await api.send('POST', `${core}/configmaps`, { body: { metadata: { name: 'c' }, data: { a: 'b' } } });
  assert.equal(over.status, 403);
  assert.equal((await api.send('GET', `${core}/configmaps`)).status, 200);
});
