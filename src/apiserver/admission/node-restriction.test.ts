import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCertificateRequest } from '#pki/certificate-request.ts';
import { startApiServer } from '#kit/start-api-server.ts';

const node = { name: 'system:node:one', groups: ['system:nodes', 'system:authenticated'] };

async function start() {
  const api = await startApiServer();
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  // What upstream's bootstrap gives nodes beyond what is theirs.
  await api.create(`${rbac}/clusterroles`, {
    kind: 'ClusterRole',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'system:node' },
    rules: [{ apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['create'] }],
  });
  const message = async (method: string, path: string, body?: object) => {
    const { status, json } = await api.send(method, path, { as: node, body });
    return status < 300 ? status : json.message;
  };
  return { api, message };
}

test('a node writes resource slices of its own only', async () => {
  const { api, message } = await start();
  const path = '/apis/resource.k8s.io/v1/resourceslices';
  const slice = (name: string, nodeName: string) => ({
    kind: 'ResourceSlice',
    apiVersion: 'resource.k8s.io/v1',
    metadata: { name },
    spec: {
      nodeName,
      driver: 'gpu.example.com',
      pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
      devices: [],
    },
  });
  assert.equal(
    await message('POST', path, slice('a', 'two')),
    'resourceslices.resource.k8s.io "a" is forbidden: can only create ResourceSlice with the same NodeName as the requesting node',
  );
  assert.equal(await message('POST', path, slice('a', 'one')), 201);
  await api.create(path, slice('b', 'two'));
  assert.match(
    String(await message('DELETE', `${path}/b`)),
    /no relationship found between node 'one' and this object/,
  );
  assert.match(
    String(await message('DELETE', path)),
    /can only list\/watch\/deletecollection resourceslices with nodeName/,
  );
  assert.equal(await message('DELETE', `${path}/a`), 200);
});

test('a node asks for certificates in its own name only', async () => {
  const { message } = await start();
  const ask = async (commonName: string, signerName: string) => {
    const { requestPem } = makeCertificateRequest({ commonName, organizations: ['system:nodes'] });
    return message('POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', {
      kind: 'CertificateSigningRequest',
      apiVersion: 'certificates.k8s.io/v1',
      metadata: { name: `for-${commonName.split(':').at(-1)}` },
      spec: {
        request: Buffer.from(requestPem).toString('base64'),
        signerName,
        usages: ['digital signature', 'client auth'],
      },
    });
  };
  const signer = 'kubernetes.io/kube-apiserver-client-kubelet';
  assert.equal(
    await ask('system:node:two', signer),
    'certificatesigningrequests.certificates.k8s.io "for-two" is forbidden: can only create a node CSR with CN=system:node:one',
  );
  assert.equal(await ask('system:node:one', signer), 201);
  assert.match(
    String(await ask('system:node:x', 'kubernetes.io/legacy-unknown')),
    /spec.signerName: Invalid value: "kubernetes.io\/legacy-unknown": the legacy signerName is not allowed via this API version/,
  );
});

test('a node evicts its own Pods only', async () => {
  const { api, message } = await start();
  const path = '/api/v1/namespaces/default/pods';
  for (const [name, nodeName] of [
    ['mine', 'one'],
    ['other', 'two'],
  ])
    await api.create(path, {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name },
      spec: { nodeName, containers: [{ name: 'app', image: 'example' }] },
    });
  const evict = (name: string) =>
    message('POST', `${path}/${name}/eviction`, { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name } });
  assert.match(String(await evict('other')), /node one can only evict pods with spec.nodeName set to itself/);
  assert.equal(await evict('mine'), 201);
});

test('who is in the group of nodes without being one changes nothing', async () => {
  const { api } = await start();
  const answer = await api.send('PATCH', '/api/v1/nodes/one/status', {
    as: { name: 'system:node:', groups: ['system:nodes', 'system:masters'] },
    body: {},
    contentType: 'application/merge-patch+json',
  });
  assert.equal(answer.status, 404);
});
