// Volumes that are attached to nodes, through the whole control plane; the drivers' attacher and the nodes are the test's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CSIDrivers,
  Events,
  Leases,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  VolumeAttachments,
} from '#api/generated/kind-references.ts';
import { attachmentName, attachedVolumeKey } from '#rules/csi-attachment.ts';
import { pathOf, type Json } from '#kit/start-api-server.ts';
import { readyNode, startControlPlane } from '#kit/start-control-plane.ts';

const driver = 'test.csi.example';
const key = attachedVolumeKey(driver, 'vol-1');
const minuteMs = 60_000;

async function startWithNodes(...names: readonly string[]) {
  const plane = await startControlPlane();
  for (const name of names) {
    const node = readyNode(name);
    const annotations = { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' };
    await plane.create(Nodes, { ...node, metadata: { ...node.metadata, annotations } });
  }
  const claim = await plane.create(PersistentVolumeClaims, {
    metadata: { name: 'disk', namespace: 'default' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      storageClassName: '',
      volumeName: 'pv-1',
    },
  });
  await plane.create(PersistentVolumes, {
    metadata: { name: 'pv-1' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: '',
      claimRef: { namespace: 'default', name: 'disk', uid: claim.metadata.uid },
      csi: { driver, volumeHandle: 'vol-1' },
    },
  });
  const status = async (name: string, change: (status: Json) => Json) => {
    const node = await plane.find(Nodes, undefined, name);
    await plane.api.update(`${pathOf(Nodes, undefined, name)}/status`, { ...node, status: change(node.status) });
  };
  return {
    plane,
    pod: (name: string, nodeName: string) =>
      plane.create(Pods, {
        metadata: { name, namespace: 'default' },
        spec: {
          nodeName,
          terminationGracePeriodSeconds: 0,
          containers: [{ name: 'app', image: 'example.org/app' }],
          volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'disk' } }],
        },
      }),
    remove: (name: string) => plane.api.delete(pathOf(Pods, 'default', name)),
    attachment: (nodeName: string) =>
      plane.find(VolumeAttachments, undefined, attachmentName('vol-1', driver, nodeName)),
    /** As a driver's attacher. */
    attach: async (nodeName: string, result: Json = { attached: true }) => {
      const path = pathOf(VolumeAttachments, undefined, attachmentName('vol-1', driver, nodeName));
      const made = await plane.eventually(() => plane.api.get(path));
      await plane.api.update(`${path}/status`, { ...made, status: result });
    },
    attached: async (name: string) =>
      ((await plane.find(Nodes, undefined, name)).status.volumesAttached ?? []).map((one: Json) => one.name),
    uses: (name: string, volumesInUse: readonly string[]) => status(name, (old) => ({ ...old, volumesInUse })),
    unwell: (name: string) =>
      status(name, (old) => ({
        ...old,
        conditions: old.conditions.map((one: Json) => (one.type === 'Ready' ? { ...one, status: 'Unknown' } : one)),
      })),
    /** Time passes while the node tells that it is there. */
    lives: async (name: string, milliseconds: number) => {
      const path = pathOf(Leases, 'kube-node-lease', name);
      await plane.create(Leases, { metadata: { name, namespace: 'kube-node-lease' }, spec: {} });
      for (let left = milliseconds; left > 0; left -= minuteMs / 2) {
        const renewTime = new Date(plane.api.clock.now()).toISOString().replace('Z', '000Z');
        await plane.api.patch(path, 'merge', { spec: { renewTime } });
        await plane.pass(minuteMs / 2);
      }
    },
    told: async (pod: string) =>
      (await plane.list(Events, 'default'))
        .filter((one: Json) => one.involvedObject.name === pod && /Attach/.test(one.reason))
        .map((one: Json) => `${one.reason}: ${one.message}`),
  };
}

test('a volume is attached for its Pod, and detached when the node has let go of it', async () => {
  const { plane, pod, remove, attachment, attach, attached, uses, told, lives } = await startWithNodes('n1');
  await using _ = plane;
  await pod('web', 'n1');
  const made = await plane.eventually(async () => {
    const found = await attachment('n1');
    assert.ok(found);
    return found;
  });
  assert.deepEqual(made.spec, { attacher: driver, source: { persistentVolumeName: 'pv-1' }, nodeName: 'n1' });
  assert.deepEqual(await attached('n1'), []);
  await uses('n1', [key]);
  await attach('n1');
  await plane.eventually(async () => assert.deepEqual(await attached('n1'), [key]));
  await plane.eventually(async () =>
    assert.deepEqual(await told('web'), ['SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "pv-1" ']),
  );
  await remove('web');
  await lives('n1', 10 * minuteMs);
  assert.ok(await attachment('n1'), 'a healthy node is waited for');
  await uses('n1', []);
  await plane.eventually(async () => {
    assert.equal(await attachment('n1'), undefined);
    assert.deepEqual(await attached('n1'), []);
  });
  assert.deepEqual(plane.complaints, []);
});

test('a volume for one node is attached to the next when the first has it no more; its Pods are told who has it', async () => {
  const { plane, pod, remove, attachment, attach, told } = await startWithNodes('n1', 'n2');
  await using _ = plane;
  await pod('first', 'n1');
  await attach('n1');
  await pod('second', 'n2');
  await plane.eventually(async () =>
    assert.deepEqual(await told('second'), [
      'FailedAttachVolume: Multi-Attach error for volume "pv-1" Volume is already used by pod(s) first',
    ]),
  );
  assert.equal(await attachment('n2'), undefined);
  await remove('first');
  await attach('n2');
  assert.equal(await attachment('n1'), undefined);
  await plane.eventually(async () =>
    assert.equal((await told('second'))[1], 'SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "pv-1" '),
  );
});

test('a node that is not well keeps a volume for six minutes; one that is out of service, not at all', async () => {
  for (const outOfService of [false, true]) {
    const { plane, pod, remove, attachment, attach, uses, unwell } = await startWithNodes('n1');
    await using _ = plane;
    await pod('web', 'n1');
    await attach('n1');
    await uses('n1', [key]);
    await unwell('n1');
    await remove('web');
    await plane.pass(5 * minuteMs);
    assert.ok(await attachment('n1'));
    if (outOfService) {
      const taint = { key: 'node.kubernetes.io/out-of-service', value: 'down', effect: 'NoExecute' };
      await plane.api.patch(pathOf(Nodes, undefined, 'n1'), 'strategic', { spec: { taints: [taint] } });
    } else await plane.pass(2 * minuteMs);
    await plane.eventually(async () => assert.equal(await attachment('n1'), undefined));
  }
});

test('what the attacher says is told once; drivers that attach nothing are left alone', async () => {
  const { plane, pod, attachment, attach, told, remove } = await startWithNodes('n1');
  await using _ = plane;
  await pod('web', 'n1');
  await attach('n1', { attached: false, attachError: { time: '2026-01-02T03:04:05Z', message: 'no slot' } });
  const failed = 'FailedAttachVolume: AttachVolume.Attach failed for volume "pv-1" : no slot';
  await plane.eventually(async () => assert.deepEqual(await told('web'), [failed]));
  await attach('n1', { attached: false });
  await plane.pass(3 * minuteMs);
  await plane.eventually(async () =>
    assert.deepEqual(await told('web'), [
      failed,
      `FailedAttachVolume: AttachVolume.Attach failed for volume "pv-1" : timed out waiting for external-attacher of ${driver} CSI driver to attach volume vol-1`,
    ]),
  );
  await remove('web');
  await plane.eventually(async () => assert.equal(await attachment('n1'), undefined));
  await plane.create(CSIDrivers, { metadata: { name: driver }, spec: { attachRequired: false } });
  await pod('again', 'n1');
  await plane.pass(minuteMs);
  assert.equal(await attachment('n1'), undefined);
});
