// A claim that asks for more than it has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Events, PersistentVolumeClaims, PersistentVolumes, StorageClasses } from '#api/generated/kind-references.ts';
import { startControlPlane } from '#kit/start-control-plane.ts';

const path = '/api/v1/namespaces/default/persistentvolumeclaims/data';

async function planeWith(source: object) {
  const plane = await startControlPlane();
  await plane.create(StorageClasses, {
    metadata: { name: 'grows' },
    provisioner: 'example.org/none',
    allowVolumeExpansion: true,
  });
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'grows' };
  await plane.create(PersistentVolumes, {
    metadata: { name: 'v' },
    spec: { ...spec, capacity: { storage: '1Gi' }, ...source },
  });
  await plane.create(PersistentVolumeClaims, {
    metadata: { name: 'data', namespace: 'default' },
    spec: { ...spec, resources: { requests: { storage: '1Gi' } } },
  });
  const claim = () => plane.find(PersistentVolumeClaims, 'default', 'data');
  await plane.eventually(async () => assert.equal((await claim()).status.phase, 'Bound'));
  const events = async () => (await plane.list(Events)).filter((one) => one.reason === 'ExternalExpanding');
  assert.deepEqual(await events(), []);
  await plane.api.patch(path, 'merge', { spec: { resources: { requests: { storage: '2Gi' } } } });
  return { plane, claim, events };
}

test('who looks at the claim is told that its driver has to make it larger', async () => {
  const { plane, claim, events } = await planeWith({ csi: { driver: 'example.org', volumeHandle: 'h' } });
  await using _ = plane;
  await plane.eventually(async () =>
    assert.deepEqual(
      (await events()).map((one) => [one.message, one.source.component]),
      [['waiting for an external controller to expand this PVC', 'volume_expand']],
    ),
  );
  const { metadata, status } = await claim();
  assert.equal(metadata.annotations['volume.kubernetes.io/storage-resizer'], undefined);
  assert.equal(status.capacity.storage, '1Gi');
});

test('the resizer of a driver that took over an old kind of volume is named', async () => {
  const { plane, claim, events } = await planeWith({ cinder: { volumeID: 'x' } });
  await using _ = plane;
  await plane.eventually(async () =>
    assert.equal(
      (await claim()).metadata.annotations['volume.kubernetes.io/storage-resizer'],
      'cinder.csi.openstack.org',
    ),
  );
  await plane.eventually(async () => assert.equal((await events()).length, 1));
});
