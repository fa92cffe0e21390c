import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/generated/types.ts';
import { decide } from './decide.ts';

const claim = (asked: string, has: string, more: { phase?: string; resizer?: string } = {}): PersistentVolumeClaim => ({
  metadata: {
    name: 'c',
    namespace: 'default',
    uid: 'c',
    annotations: more.resizer === undefined ? {} : { 'volume.kubernetes.io/storage-resizer': more.resizer },
  },
  spec: { volumeName: 'v', resources: { requests: { storage: asked } } },
  status: { phase: more.phase ?? 'Bound', capacity: { storage: has } },
});
const volume = (source: object, uid = 'c', annotations: Record<string, string> = {}): PersistentVolume => ({
  metadata: { name: 'v', annotations },
  spec: { claimRef: { namespace: 'default', name: 'c', uid }, ...source },
});
const csi = { csi: { driver: 'd', volumeHandle: 'h' } };
const ebs = { awsElasticBlockStore: { volumeID: 'x' } };
const messages = (one: PersistentVolumeClaim, of: PersistentVolume | undefined) =>
  decide({ claim: one, volume: of }).events?.map((event) => `${event.type} ${event.reason} ${event.message}`) ?? [];
const waits = 'Normal ExternalExpanding waiting for an external controller to expand this PVC';

test('a claim that asks for more than its volume has waits for the resizer of the driver', () => {
  assert.deepEqual(messages(claim('2Gi', '1Gi'), volume(csi)), [waits]);
  assert.deepEqual(messages(claim('1024Mi', '1Gi'), volume(csi)), [], 'the same size in other words');
  assert.deepEqual(messages(claim('1Gi', '2Gi'), volume(csi)), []);
  assert.deepEqual(messages(claim('2Gi', '1Gi'), undefined), []);
  assert.deepEqual(messages(claim('2Gi', '1Gi'), volume(csi, 'another')), [], 'bound to another');
  assert.deepEqual(messages(claim('2Gi', '1Gi', { phase: 'Pending' }), volume(csi)), []);
  const half = volume(csi, 'c', { 'volume.alpha.kubernetes.io/pre-resize-capacity': '1Gi' });
  assert.deepEqual(messages(claim('2Gi', '2Gi'), half), [waits]);
});

test('of an old kind of volume the driver that has taken over is named in the claim', () => {
  const { actions } = decide({ claim: claim('2Gi', '1Gi'), volume: volume(ebs) });
  assert.ok(actions[0]?.verb === 'patch' && actions[0].patch.type === 'strategic');
  assert.equal(actions[0].subresource, 'status');
  assert.deepEqual(actions[0].patch.value, {
    metadata: { uid: 'c', annotations: { 'volume.kubernetes.io/storage-resizer': 'ebs.csi.aws.com' } },
  });
  const named = claim('2Gi', '1Gi', { resizer: 'ebs.csi.aws.com' });
  assert.deepEqual(decide({ claim: named, volume: volume(ebs) }).actions, []);
  assert.deepEqual(messages(named, volume(ebs)), [
    'Normal ExternalExpanding CSI migration enabled for kubernetes.io/aws-ebs; waiting for external resizer to expand the pvc',
  ]);
});
