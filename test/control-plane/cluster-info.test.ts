// kube-public/cluster-info and who signs it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, Namespaces, Secrets } from '#api/generated/kind-references.ts';
import { startControlPlane } from '#kit/start-control-plane.ts';

test('cluster-info is signed by each token that may, as the tokens come and go', async () => {
  await using plane = await startControlPlane();
  for (const name of ['kube-public', 'kube-system'])
    if ((await plane.find(Namespaces, undefined, name)) === undefined)
      await plane.create(Namespaces, { metadata: { name } });
  await plane.create(ConfigMaps, {
    metadata: { name: 'cluster-info', namespace: 'kube-public' },
    data: { kubeconfig: 'clusters: []' },
  });
  const token = (id: string) => ({
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true' },
  });
  await plane.create(Secrets, token('abcdef'));
  await plane.create(Secrets, token('ghijkl'));
  const data = async () => (await plane.find(ConfigMaps, 'kube-public', 'cluster-info')).data;
  const signers = async () => Object.keys(await data()).toSorted();
  await plane.eventually(async () =>
    assert.deepEqual(await signers(), ['jws-kubeconfig-abcdef', 'jws-kubeconfig-ghijkl', 'kubeconfig']),
  );
  const before = (await data())['jws-kubeconfig-abcdef'];
  await plane.api.delete('/api/v1/namespaces/kube-system/secrets/bootstrap-token-ghijkl');
  await plane.eventually(async () => assert.deepEqual(await signers(), ['jws-kubeconfig-abcdef', 'kubeconfig']));
  await plane.api.patch('/api/v1/namespaces/kube-public/configmaps/cluster-info', 'merge', {
    data: { kubeconfig: 'clusters: [another]' },
  });
  await plane.eventually(async () => assert.notEqual((await data())['jws-kubeconfig-abcdef'], before));
  assert.deepEqual(plane.complaints, []);
});
