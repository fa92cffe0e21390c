// A driver on a real socket, the real API server, real files; only mounts are left out, which need root.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { attachedVolumeKey, attachmentName } from '#rules/csi-attachment.ts';
import {
  csiDriverName as driverName,
  csiPersistentVolume as persistentVolume,
  csiPod as pod,
  eventually,
  startCsiNode as startNode,
} from '#kit/csi-node.ts';
import { grpcCode } from '#wire/grpc.ts';
import { inlineCsiVolume, persistentCsiVolume } from './volume.ts';

const key = attachedVolumeKey(driverName, 'vol-1');

test('a driver is told to the cluster while its socket is there: node id, topology, room for volumes', async (t) => {
  const node = await startNode(t);
  const empty = await node.api.get('/apis/storage.k8s.io/v1/csinodes/n1');
  assert.equal(empty.spec.drivers, null);
  assert.equal(empty.metadata.ownerReferences[0].kind, 'Node');
  const driver = await node.driver({
    info: { nodeId: 'id-of-n1', maxVolumesPerNode: 7, accessibleTopology: { segments: { 'example/zone': 'a' } } },
  });
  await eventually(async () =>
    assert.deepEqual((await node.api.get('/apis/storage.k8s.io/v1/csinodes/n1')).spec.drivers, [
      { name: driverName, nodeID: 'id-of-n1', topologyKeys: ['example/zone'], allocatable: { count: 7 } },
    ]),
  );
  const object = await node.api.get('/api/v1/nodes/n1');
  assert.equal(object.metadata.labels['example/zone'], 'a');
  assert.equal(object.metadata.annotations['csi.volume.kubernetes.io/nodeid'], `{"${driverName}":"id-of-n1"}`);
  driver.info.maxVolumesPerNode = 9;
  await node.csi().drivers.refresh(driverName);
  assert.equal((await node.api.get('/apis/storage.k8s.io/v1/csinodes/n1')).spec.drivers[0].allocatable.count, 9);
  await driver[Symbol.asyncDispose]();
  await eventually(async () => {
    assert.equal((await node.api.get('/apis/storage.k8s.io/v1/csinodes/n1')).spec.drivers, null);
    const { metadata } = await node.api.get('/api/v1/nodes/n1');
    assert.equal(metadata.annotations?.['csi.volume.kubernetes.io/nodeid'], undefined);
  });
});

test('a volume is staged once, published to each Pod with what its driver asks for, and unstaged behind the last', async (t) => {
  const node = await startNode(t);
  await using driver = await node.driver({ capabilities: ['stageUnstageVolume', 'volumeMountGroup'] });
  await node.driverObject({
    attachRequired: false,
    podInfoOnMount: true,
    tokenRequests: [{ audience: 'vault' }, { audience: '' }],
  });
  for (const name of ['stage', 'publish'])
    await node.api.create('/api/v1/namespaces/default/secrets', {
      kind: 'Secret',
      apiVersion: 'v1',
      metadata: { name },
      stringData: { user: `of ${name}` },
    });
  const withSecrets = persistentVolume(
    {
      fsType: 'ext4',
      volumeAttributes: { size: 'big' },
      nodeStageSecretRef: { namespace: 'default', name: 'stage' },
      nodePublishSecretRef: { namespace: 'default', name: 'publish' },
    },
    { mountOptions: ['noatime'] },
  );
  const volume = persistentCsiVolume(withSecrets, true)!;
  // The node may read the secrets of volumes that its Pods use.
  const claim = await node.api.create('/api/v1/namespaces/default/persistentvolumeclaims', {
    kind: 'PersistentVolumeClaim',
    apiVersion: 'v1',
    metadata: { name: 'claim' },
    spec: { accessModes: ['ReadWriteOnce'], volumeName: 'pv-1', resources: { requests: { storage: '1Gi' } } },
  });
  await node.api.create('/api/v1/persistentvolumes', {
    ...withSecrets,
    kind: 'PersistentVolume',
    apiVersion: 'v1',
    spec: {
      ...withSecrets.spec,
      capacity: { storage: '1Gi' },
      claimRef: { namespace: 'default', name: 'claim', uid: claim.metadata.uid },
    },
  });
  await node.api.create('/api/v1/namespaces/default/pods', {
    metadata: { name: 'user' },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'app', image: 'example.org/app' }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'claim' } }],
    },
  });
  const one = await node.mounted(pod('one', { securityContext: { fsGroup: 4321 } }), volume);
  assert.equal(one, `${node.rootDirectory}/pods/one/volumes/kubernetes.io~csi/pv-1/mount`);
  const staged = driver.last('NodeStageVolume');
  assert.match(
    staged.stagingTargetPath,
    /\/plugins\/kubernetes\.io\/csi\/test\.csi\.example\/[0-9a-f]{64}\/globalmount$/,
  );
  assert.deepEqual(staged.secrets, { user: 'of stage' });
  assert.deepEqual(staged.volumeContext, { size: 'big' });
  assert.deepEqual(staged.volumeCapability.mount, {
    fsType: 'ext4',
    mountFlags: ['noatime'],
    volumeMountGroup: '4321',
  });
  assert.equal(staged.volumeCapability.accessMode.mode, 1);
  const published = driver.last('NodePublishVolume');
  assert.equal(published.stagingTargetPath, staged.stagingTargetPath);
  assert.equal(published.targetPath, one);
  assert.equal(published.readonly, true);
  assert.deepEqual(published.secrets, { user: 'of publish' });
  assert.deepEqual(published.volumeContext, {
    size: 'big',
    'csi.storage.k8s.io/pod.name': 'pod-one',
    'csi.storage.k8s.io/pod.namespace': 'default',
    'csi.storage.k8s.io/pod.uid': 'one',
    'csi.storage.k8s.io/serviceAccount.name': 'robot',
    'csi.storage.k8s.io/ephemeral': 'false',
    'csi.storage.k8s.io/serviceAccount.tokens':
      '{"":{"token":"for ","expirationTimestamp":"then"},"vault":{"token":"for vault","expirationTimestamp":"then"}}',
  });
  await node.mounted(pod('two'), volume);
  assert.equal(driver.count('NodeStageVolume'), 1);
  await node.tornDown(pod('one'));
  assert.equal(driver.count('NodeUnpublishVolume'), 1);
  assert.equal(existsSync(`${node.rootDirectory}/pods/one/volumes/kubernetes.io~csi/pv-1`), false);
  await sleep(50);
  assert.equal(driver.count('NodeUnstageVolume'), 0, 'another Pod still uses it');
  await node.tornDown(pod('two'));
  await eventually(() => assert.equal(driver.count('NodeUnstageVolume'), 1));
  await eventually(() => assert.equal(existsSync(path.dirname(staged.stagingTargetPath)), false));
  assert.deepEqual(node.events, []);
});

test('an attachable volume is named in use first, and mounted when the Node says that it is attached', async (t) => {
  const node = await startNode(t);
  await using driver = await node.driver();
  await node.api.create('/apis/storage.k8s.io/v1/volumeattachments', {
    kind: 'VolumeAttachment',
    apiVersion: 'storage.k8s.io/v1',
    metadata: { name: attachmentName('vol-1', driverName, 'n1') },
    spec: { attacher: driverName, nodeName: 'n1', source: { persistentVolumeName: 'pv-1' } },
    status: { attached: false },
  });
  const attachment = `/apis/storage.k8s.io/v1/volumeattachments/${attachmentName('vol-1', driverName, 'n1')}`;
  const volume = persistentCsiVolume(persistentVolume(), false)!;
  const inUse = async () => (await node.api.get('/api/v1/nodes/n1')).status?.volumesInUse;
  assert.equal(node.csi().volumes.ensure(pod('one'), volume), undefined);
  await eventually(async () => assert.deepEqual(await inUse(), [key]));
  await sleep(50);
  assert.equal(driver.count('NodeStageVolume'), 0);
  const attached = await node.api.get(attachment);
  await node.api.send('PUT', `${attachment}/status`, {
    body: { ...attached, status: { attached: true, attachmentMetadata: { device: '/dev/x' } } },
  });
  const object = await node.api.get('/api/v1/nodes/n1');
  node.changed.clear();
  await node.api.send('PUT', '/api/v1/nodes/n1/status', {
    body: { ...object, status: { ...object.status, volumesAttached: [{ name: key, devicePath: '' }] } },
  });
  await eventually(() => assert.ok(node.changed.has('one'), 'the Pod is looked at again'));
  await node.mounted(pod('one'), volume);
  assert.deepEqual(driver.last('NodeStageVolume').publishContext, { device: '/dev/x' });
  assert.deepEqual(driver.last('NodePublishVolume').publishContext, { device: '/dev/x' });
  await node.tornDown(pod('one'));
  await eventually(async () => assert.equal(await inUse(), undefined));
  assert.deepEqual(node.events, []);
});

test('what fails is told in upstream words, tried again, and leaves nothing behind', async (t) => {
  const node = await startNode(t);
  await node.driverObject({ attachRequired: false, podInfoOnMount: false });
  const volume = persistentCsiVolume(persistentVolume(), false)!;
  node.csi().volumes.ensure(pod('one'), volume);
  await eventually(() =>
    assert.deepEqual(node.events, [
      `FailedMount: MountVolume.MountDevice failed for volume "pv-1" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name ${driverName} not found in the list of registered CSI drivers`,
    ]),
  );
  await using driver = await node.driver();
  driver.fail('NodePublishVolume', { code: grpcCode.internal, message: 'no room' });
  await eventually(() => {
    node.csi().volumes.ensure(pod('one'), volume);
    assert.equal(
      node.events.at(-1),
      'FailedMount: MountVolume.SetUp failed for volume "pv-1" : rpc error: code = Internal desc = no room',
    );
  });
  assert.equal(existsSync(`${node.rootDirectory}/pods/one/volumes/kubernetes.io~csi/pv-1`), false);
  driver.fail('NodePublishVolume', undefined);
  await node.mounted(pod('one'));
  driver.fail('NodeUnpublishVolume', { code: grpcCode.internal, message: 'busy' });
  assert.equal(await node.csi().volumes.tearDown('one'), false);
  await eventually(() => assert.ok(driver.count('NodeUnpublishVolume') >= 2, 'tried again'));
  assert.equal(driver.count('NodeUnstageVolume'), 0);
  driver.fail('NodeUnpublishVolume', undefined);
  await node.tornDown(pod('one'));
});

test('while a driver hangs, a Pod waits without holding up anybody, and is not torn down under it', async (t) => {
  const node = await startNode(t);
  await node.driverObject({ attachRequired: false, podInfoOnMount: false });
  await using driver = await node.driver();
  const release = driver.hold('NodeStageVolume');
  const volume = persistentCsiVolume(persistentVolume(), false)!;
  node.csi().volumes.ensure(pod('one'), volume);
  await eventually(() => assert.equal(driver.count('NodeStageVolume'), 1));
  const other = persistentCsiVolume(
    { ...persistentVolume({ volumeHandle: 'vol-2' }), metadata: { name: 'pv-2' } },
    false,
  )!;
  driver.hold('NodeStageVolume')();
  await node.mounted(pod('two'), other);
  assert.equal(await node.csi().volumes.tearDown('one'), false);
  release();
  await node.tornDown(pod('one'));
  await eventually(() => assert.equal(driver.count('NodeUnstageVolume'), 1));
});

test('after a restart volumes are adopted: published again where Pods are, taken down where they are not', async (t) => {
  const node = await startNode(t);
  await node.driverObject({ attachRequired: false, podInfoOnMount: false });
  await using driver = await node.driver();
  const other = persistentCsiVolume(
    { ...persistentVolume({ volumeHandle: 'vol-2' }), metadata: { name: 'pv-2' } },
    false,
  )!;
  await node.mounted(pod('one'));
  await node.mounted(pod('two'), other);
  const saved = JSON.parse(
    readFileSync(`${node.rootDirectory}/pods/one/volumes/kubernetes.io~csi/pv-1/vol_data.json`, 'utf8'),
  );
  assert.deepEqual(saved, {
    attachmentID: attachmentName('vol-1', driverName, 'n1'),
    driverName,
    nodeName: 'n1',
    specVolID: 'pv-1',
    volumeHandle: 'vol-1',
    volumeLifecycleMode: 'Persistent',
  });
  await node.restart();
  await node.mounted(pod('one'));
  await node.tornDown(pod('two'));
  await eventually(() => assert.equal(driver.count('NodeUnstageVolume'), 1));
  assert.equal(driver.last('NodeUnstageVolume').volumeId, 'vol-2');
  assert.equal(driver.count('NodePublishVolume'), 3);
  await node.tornDown(pod('one'));
  await eventually(() => assert.equal(driver.last('NodeUnstageVolume').volumeId, 'vol-1'));
});

test('inline volumes live with their Pod, where the driver is made for them', async (t) => {
  const node = await startNode(t);
  await using driver = await node.driver();
  const owner = pod('one', { volumes: [{ name: 'v', csi: { driver: driverName, volumeAttributes: { a: 'b' } } }] });
  const volume = inlineCsiVolume(owner, owner.spec.volumes![0]!)!;
  node.csi().volumes.ensure(owner, volume);
  const about =
    'FailedMount: MountVolume.SetUp failed for volume "v" : kubernetes.io/csi: mounter.SetupAt failed to check volume lifecycle mode: volume mode "Ephemeral" not supported by driver test.csi.example';
  await eventually(() => assert.deepEqual(node.events, [`${about} (no CSIDriver object)`]));
  await node.driverObject({
    attachRequired: false,
    podInfoOnMount: true,
    volumeLifecycleModes: ['Ephemeral'],
    requiresRepublish: true,
  });
  await node.mounted(owner, volume);
  assert.equal(driver.count('NodeStageVolume'), 0);
  const published = driver.last('NodePublishVolume');
  assert.match(published.volumeId, /^csi-[0-9a-f]{64}$/);
  assert.equal(published.volumeContext['csi.storage.k8s.io/ephemeral'], 'true');
  assert.equal(published.stagingTargetPath, '');
  const again = node.csi().volumes.lookInMs('one') ?? 0;
  assert.ok(again > 50_000 && again <= 60_000, `published again in ${again} ms`);
  await node.tornDown(owner);
  assert.equal(driver.last('NodeUnpublishVolume').volumeId, published.volumeId);
});

test('a block volume is a file for its device, linked for the Pod', async (t) => {
  const node = await startNode(t);
  await node.driverObject({ attachRequired: false, podInfoOnMount: false });
  await using driver = await node.driver();
  const volume = persistentCsiVolume(persistentVolume({}, { volumeMode: 'Block' }), false)!;
  const device = await node.mounted(pod('one'), volume);
  const folder = `${node.rootDirectory}/plugins/kubernetes.io/csi/volumeDevices`;
  assert.equal(device, `${folder}/publish/pv-1/one`);
  assert.deepEqual(driver.last('NodeStageVolume').volumeCapability.block, {});
  assert.equal(driver.last('NodeStageVolume').stagingTargetPath, `${folder}/staging/pv-1`);
  assert.ok(existsSync(`${node.rootDirectory}/pods/one/volumeDevices/kubernetes.io~csi/pv-1`));
  await node.tornDown(pod('one'));
  await eventually(() => assert.equal(driver.count('NodeUnstageVolume'), 1));
  await eventually(() =>
    assert.deepEqual([existsSync(`${folder}/pv-1`), existsSync(`${folder}/publish/pv-1`)], [false, false]),
  );
});
