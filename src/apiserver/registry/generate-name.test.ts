// Names that the server makes up, and what admission knows of an object before it has them. Answers are upstream's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, type Random } from '#base/random.ts';
import { startApiServer } from '#kit/start-api-server.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

/** Gives the same five bytes, which a suffix takes, for the first `times`. */
function monotonous(times: number): Random & { times: number } {
  const random = seededRandom(1);
  const self = {
    times,
    bytes: (count: number) => (count === 5 && self.times-- > 0 ? new Uint8Array(5) : random.bytes(count)),
  };
  return self;
}

test('a generated name that is taken is made anew, seven times', async () => {
  const random = monotonous(8);
  const api = await startApiServer({ random });
  assert.equal((await api.create(configMaps, { metadata: { generateName: 'a-' } })).metadata.name, 'a-bbbbb');
  const next = await api.create(configMaps, { metadata: { generateName: 'a-' } });
  assert.match(next.metadata.name, /^a-[b-z2-9]{5}$/);
  assert.notEqual(next.metadata.name, 'a-bbbbb');
  assert.equal(random.times, -1, 'all that were taken were tried');

  random.times = 8;
  const refused = await api.send('POST', configMaps, { body: { metadata: { generateName: 'a-' } } });
  assert.equal(refused.status, 409);
  assert.equal(refused.headers['retry-after'], '1');
  assert.deepEqual(refused.json, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'configmaps "a-bbbbb" already exists, the server was not able to generate a unique name for the object',
    reason: 'AlreadyExists',
    details: { name: 'a-bbbbb', kind: 'configmaps', retryAfterSeconds: 1 },
    code: 409,
  });
  assert.equal(random.times, 0, 'eight attempts in all');
  assert.equal((await api.get(configMaps)).items.length, 2);
});

test('a dry run tries as often, and stores nothing', async () => {
  const random = monotonous(9);
  const api = await startApiServer({ random });
  await api.create(configMaps, { metadata: { generateName: 'a-' } });
  const refused = await api.send('POST', `${configMaps}?dryRun=All`, { body: { metadata: { generateName: 'a-' } } });
  assert.equal(refused.json.reason, 'AlreadyExists');
  assert.equal(random.times, 0);
  assert.equal((await api.get(configMaps)).items.length, 1);
});

test('an object with a name and a prefix keeps its name; if that is taken, nothing else is tried', async () => {
  const api = await startApiServer();
  const both = { metadata: { name: 'both', generateName: 'bo' } };
  assert.equal((await api.create(configMaps, both)).metadata.generateName, 'bo');
  const { json } = await api.send('POST', configMaps, { body: both });
  assert.equal(
    json.message,
    'configmaps "both" already exists, the server was not able to generate a unique name for the object',
  );
  assert.equal(json.details.retryAfterSeconds, 1);
});

test('a long prefix is cut, so that the name has 63 characters', async () => {
  const api = await startApiServer();
  const { metadata } = await api.create(configMaps, { metadata: { generateName: 'x'.repeat(70) } });
  assert.equal(metadata.name.length, 63);
  assert.equal(metadata.generateName.length, 70);
});

test('admission that changes objects knows no uid, no time and no name that is yet to be made', async () => {
  const api = await startApiServer();
  const has = (what: string): string => `"${what.split('.').at(-1)}": string(has(${what}))`;
  const seen = ['object.metadata.name', 'object.metadata.uid', 'object.metadata.creationTimestamp']
    .concat('object.metadata.namespace', 'object.metadata.generateName', 'object.metadata.managedFields')
    .map(has)
    .join(', ');
  const group = '/apis/admissionregistration.k8s.io/v1';
  await api.create(`${group}/mutatingadmissionpolicies`, {
    metadata: { name: 'see' },
    spec: {
      reinvocationPolicy: 'Never',
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
      },
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: { expression: `Object{data: {${seen}, "asked": string(has(request.name))}}` },
        },
      ],
    },
  });
  await api.create(`${group}/mutatingadmissionpolicybindings`, {
    metadata: { name: 'see' },
    spec: { policyName: 'see' },
  });
  const unknown = { uid: 'false', creationTimestamp: 'false', namespace: 'true' };
  assert.deepEqual((await api.create(configMaps, { metadata: { generateName: 'g-' } })).data, {
    ...unknown,
    name: 'false',
    generateName: 'true',
    asked: 'false',
    managedFields: 'true',
  });
  assert.deepEqual((await api.create(configMaps, { metadata: { name: 'n' } })).data, {
    ...unknown,
    name: 'true',
    generateName: 'false',
    asked: 'true',
    // Of an object that has nothing but a name nobody owns anything.
    managedFields: 'false',
  });
});

test('a refusal before there is a name gives the prefix', async () => {
  const api = await startApiServer();
  const { json } = await api.send('POST', '/api/v1/namespaces/default/pods', {
    body: {
      metadata: { generateName: 'web-' },
      spec: { serviceAccountName: 'nope', containers: [{ name: 'a', image: 'b' }] },
    },
  });
  assert.equal(
    json.message,
    'pods "web-" is forbidden: error looking up service account default/nope: serviceaccount "nope" not found',
  );
  assert.deepEqual(json.details, { name: 'web-', kind: 'pods' });
});

test('a Namespace with a made-up name has it in its label too', async () => {
  const api = await startApiServer();
  const { metadata } = await api.create('/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { generateName: 'made-' },
  });
  assert.match(metadata.name, /^made-/);
  assert.equal(metadata.labels['kubernetes.io/metadata.name'], metadata.name);
  api.close();
});
