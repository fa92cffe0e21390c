import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  csiPersistentVolume as persistentVolume,
  csiPod as pod,
  eventually,
  startCsiNode as startNode,
} from '#kit/csi-node.ts';
import type { Json } from '#kit/start-api-server.ts';
import { grpcCode } from '#wire/grpc.ts';
import { wantedExpansion } from './expansion.ts';
import { persistentCsiVolume } from './volume.ts';

test('a mounted volume grows with its claim, step by step, and says what the driver said', async (t) => {
  const node = await startNode(t);
  await node.driverObject({ attachRequired: false, podInfoOnMount: false });
  await using driver = await node.driver();
  const path = '/api/v1/namespaces/default/persistentvolumeclaims';
  const made = await node.api.create(path, {
    kind: 'PersistentVolumeClaim',
    apiVersion: 'v1',
    metadata: { name: 'claim' },
    spec: { accessModes: ['ReadWriteOnce'], volumeName: 'pv-1', resources: { requests: { storage: '2Gi' } } },
  });
  await node.api.create('/api/v1/namespaces/default/pods', {
    metadata: { name: 'user' },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'app', image: 'example.org/app' }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'claim' } }],
    },
  });
  const status = (of: Json) =>
    node.api.update(`${path}/claim/status`, {
      ...made,
      metadata: { ...made.metadata, resourceVersion: undefined },
      status: of,
    });
  const volume = { ...persistentVolume({}, { capacity: { storage: '2Gi' } }) };
  const waiting = { type: 'FileSystemResizePending', status: 'True' };
  const ensure = async () =>
    node.csi().volumes.ensure(pod('one'), persistentCsiVolume(volume, false)!, {
      volume,
      claim: await node.api.get(`${path}/claim`),
    });
  // The resizer has not done its part.
  await status({
    phase: 'Bound',
    capacity: { storage: '1Gi' },
    allocatedResources: { storage: '2Gi' },
    allocatedResourceStatuses: { storage: 'ControllerResizeInProgress' },
  });
  await eventually(async () => assert.ok(await ensure()));
  assert.equal(driver.count('NodeExpandVolume'), 0);
  driver.fail('NodeExpandVolume', { code: grpcCode.internal, message: 'not now' });
  await status({
    phase: 'Bound',
    capacity: { storage: '1Gi' },
    allocatedResources: { storage: '2Gi' },
    allocatedResourceStatuses: { storage: 'NodeResizePending' },
    conditions: [waiting],
  });
  await eventually(async () => {
    await ensure();
    const { conditions, allocatedResourceStatuses } = (await node.api.get(`${path}/claim`)).status;
    assert.deepEqual(allocatedResourceStatuses, { storage: 'NodeResizeInProgress' });
    assert.equal(conditions[1]?.type, 'NodeResizeError');
    assert.equal(
      conditions[1].message,
      'failed to expand pvc with Expander.NodeExpand failed to expand the volume : rpc error: code = Internal desc = not now',
    );
  });
  assert.deepEqual(node.events, [
    'VolumeResizeFailed: NodeExpandVolume.NodeExpandVolume failed for volume "pv-1" : Expander.NodeExpand failed to expand the volume : rpc error: code = Internal desc = not now',
  ]);
  driver.fail('NodeExpandVolume', undefined);
  await eventually(async () => {
    await ensure();
    const now = (await node.api.get(`${path}/claim`)).status;
    assert.deepEqual(now.capacity, { storage: '2Gi' });
    assert.equal(now.allocatedResourceStatuses, undefined);
    assert.equal(now.conditions, undefined);
  });
  const asked = driver.last('NodeExpandVolume');
  assert.equal(asked.capacityRange.requiredBytes, 2 * 1024 ** 3);
  assert.match(asked.volumePath, /\/pods\/one\/volumes\/kubernetes\.io~csi\/pv-1\/mount$/);
  assert.match(asked.stagingTargetPath, /globalmount$/);
  assert.equal(
    node.events.at(-1),
    'FileSystemResizeSuccessful: MountVolume.NodeExpandVolume succeeded for volume "pv-1" n1',
  );
});

test('what the node has to do for a larger claim', () => {
  const wanted = (status: Json, size: string | undefined, more: Json = {}, mounted?: number) =>
    wantedExpansion(
      {
        claim: { metadata: {}, spec: {}, status, ...more },
        volume: persistentVolume({}, size === undefined ? {} : { capacity: { storage: size } }),
      },
      mounted,
    );
  const one = { capacity: { storage: '1Gi' } };
  assert.equal(wanted(one, '1Gi'), undefined);
  assert.deepEqual(wanted(one, '2Gi'), { size: '2Gi', tells: 'end' }, 'a resizer without steps');
  const steps = (storage: string | undefined) => ({
    ...one,
    allocatedResources: { storage: '3Gi' },
    ...(storage === undefined ? {} : { allocatedResourceStatuses: { storage } }),
  });
  assert.deepEqual(wanted(steps('NodeResizePending'), '2Gi'), { size: '3Gi', tells: 'steps' });
  assert.deepEqual(wanted(steps('NodeResizeInProgress'), '2Gi'), { size: '3Gi', tells: 'steps' });
  for (const state of [undefined, 'ControllerResizeInProgress', 'NodeResizeInfeasible'])
    assert.equal(wanted(steps(state), '2Gi'), undefined, String(state));
  const grown = { capacity: { storage: '2Gi' } };
  const shared = { spec: { accessModes: ['ReadWriteMany'] } };
  assert.deepEqual(wanted(grown, '2Gi', shared, 1024 ** 3), { size: '2Gi', tells: 'nothing' });
  assert.equal(wanted(grown, '2Gi', shared, 2 * 1024 ** 3), undefined);
  assert.equal(wanted(grown, '2Gi', {}, 1024 ** 3), undefined);
});
