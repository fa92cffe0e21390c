// How many volumes, for whom, and where there is room for new ones.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
  VolumeAttachment,
} from '#api/generated/types.ts';
import { decide } from '../cycle.ts';
import { NodeInfo } from '../node-info.ts';
import { noDevices } from '#kit/devices.ts';
import type { ClusterSnapshot } from '../plugin.ts';
import { plugins } from './registry.ts';

const driver = 'test.csi.example';
const node = (name: string, labels: Record<string, string> = {}): NodeInfo =>
  new NodeInfo({
    metadata: { name, labels },
    spec: {},
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } },
  });
const pod = (name: string, ...claims: readonly string[]): Pod => ({
  metadata: { name, namespace: 'default', uid: name },
  spec: {
    containers: [{ name: 'app' }],
    volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
  },
});
/** Bound to a volume of its own name. */
const bound = (name: string, accessMode = 'ReadWriteOnce'): PersistentVolumeClaim => ({
  metadata: { name, namespace: 'default', annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } },
  spec: { volumeName: name, accessModes: [accessMode] },
  status: { phase: 'Bound' },
});
const volume = (name: string, labels: Record<string, string> = {}): PersistentVolume => ({
  metadata: { name, labels },
  spec: { csi: { driver, volumeHandle: `handle of ${name}` } },
});
const why = (one: Pod, nodes: readonly NodeInfo[], more: Partial<ClusterSnapshot> = {}): string => {
  const snapshot: ClusterSnapshot = {
    nodes,
    devices: noDevices,
    claim: (_, name) => bound(name),
    volume: (name) => volume(name),
    volumes: () => [],
    storageClass: () => undefined,
    csiNode: () => undefined,
    csiDriver: () => undefined,
    storageCapacities: () => [],
    attachments: () => [],
    namespaceLabels: () => ({}),
    budgets: () => [],
    matching: (_, matches) => (info) => [...info.pods.values()].filter(matches).length,
    services: () => [],
    controllerSelector: () => undefined,
    nominated: () => [],
    ...more,
  };
  const verdict = decide(one, snapshot, plugins, () => 0);
  return verdict.type === 'node' ? verdict.node.name : (/: 1 ([^.]*)\./.exec(verdict.message)?.[1] ?? verdict.message);
};

test('a node takes as many volumes of a driver as it says, each counted once', () => {
  const limited = (count: number): Partial<ClusterSnapshot> => ({
    csiNode: () => ({ metadata: {}, spec: { drivers: [{ name: driver, nodeID: 'n', allocatable: { count } }] } }),
  });
  const full = node('n1');
  full.add(pod('one', 'a', 'b'));
  full.add(pod('two', 'b'));
  assert.equal(why(pod('new', 'c'), [full], limited(3)), 'n1');
  assert.equal(why(pod('new', 'c'), [full], limited(2)), 'node(s) exceed max volume count');
  assert.equal(why(pod('new', 'a'), [full], limited(2)), 'n1', 'it is there already');
  assert.equal(why(pod('new', 'c'), [full]), 'n1', 'a driver without a limit');
  const attachments = (name: string): readonly VolumeAttachment[] => [
    { metadata: {}, spec: { attacher: driver, nodeName: name, source: { persistentVolumeName: 'left' } } },
  ];
  assert.equal(why(pod('new', 'c'), [full], { ...limited(3), attachments }), 'node(s) exceed max volume count');
  assert.equal(why(pod('new', 'left'), [full], { ...limited(3), attachments }), 'n1');
  const waiting: PersistentVolumeClaim = {
    metadata: { name: 'w', namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'late' },
    status: { phase: 'Pending' },
  };
  const late: Partial<ClusterSnapshot> = {
    claim: (_, name) => (name === 'w' ? waiting : bound(name)),
    storageClass: () => ({
      metadata: { name: 'late' },
      provisioner: driver,
      volumeBindingMode: 'WaitForFirstConsumer',
    }),
  };
  assert.equal(why(pod('new', 'w'), [full], { ...limited(2), ...late }), 'node(s) exceed max volume count');
  assert.equal(why(pod('new', 'w'), [full], { ...limited(3), ...late }), 'n1');
});

test('a claim for one Pod is used by one Pod, on whatever node', () => {
  const busy = node('n2');
  busy.add(pod('one', 'a'));
  const only: Partial<ClusterSnapshot> = { claim: (_, name) => bound(name, 'ReadWriteOncePod') };
  assert.match(
    why(pod('new', 'a'), [node('n1'), busy], only),
    /2 node\(s\) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod/,
  );
  assert.equal(why(pod('new', 'b'), [node('n1')], only), 'n1');
});

test('a volume labelled with its zones goes to nodes in one of them', () => {
  const zone = 'topology.kubernetes.io/zone';
  const labelled: Partial<ClusterSnapshot> = { volume: (name) => volume(name, { [zone]: 'a__b' }) };
  assert.equal(why(pod('new', 'v'), [node('n1', { [zone]: 'c' })], labelled), 'node(s) had no available volume zone');
  assert.equal(why(pod('new', 'v'), [node('n1', { [zone]: 'b' })], labelled), 'n1');
  assert.equal(why(pod('new', 'v'), [node('n1')], labelled), 'n1', 'a cluster without zones');
  const old: Partial<ClusterSnapshot> = {
    volume: (name) => volume(name, { 'failure-domain.beta.kubernetes.io/zone': 'a' }),
  };
  assert.equal(why(pod('new', 'v'), [node('n1', { [zone]: 'b' })], old), 'node(s) had no available volume zone');
});

test('a driver that tells of its room is asked for volumes where it has room', () => {
  const storageClass: StorageClass = {
    metadata: { name: 'late' },
    provisioner: driver,
    volumeBindingMode: 'WaitForFirstConsumer',
  };
  const room = (storageCapacity: boolean, ...capacities: readonly Partial<CSIStorageCapacity>[]) => ({
    claim: (): PersistentVolumeClaim => ({
      metadata: { name: 'w', namespace: 'default' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'late',
        resources: { requests: { storage: '10Gi' } },
      },
      status: { phase: 'Pending' },
    }),
    storageClass: () => storageClass,
    csiDriver: () => ({ metadata: {}, spec: { storageCapacity } }),
    storageCapacities: () =>
      capacities.map((one) => ({
        metadata: {},
        storageClassName: 'late',
        nodeTopology: { matchLabels: { rack: '1' } },
        ...one,
      })),
  });
  const there = [node('n1', { rack: '1' })];
  const none = 'node(s) did not have enough free storage';
  assert.equal(why(pod('new', 'w'), there, room(false)), 'n1');
  assert.equal(why(pod('new', 'w'), there, room(true)), none);
  assert.equal(why(pod('new', 'w'), there, room(true, { capacity: '10Gi' })), 'n1');
  assert.equal(why(pod('new', 'w'), there, room(true, { capacity: '20Gi', maximumVolumeSize: '5Gi' })), none);
  assert.equal(why(pod('new', 'w'), there, room(true, { capacity: '20Gi', storageClassName: 'other' })), none);
  assert.equal(why(pod('new', 'w'), [node('n2', { rack: '2' })], room(true, { capacity: '20Gi' })), none);
});
