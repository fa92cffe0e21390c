import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeStatus } from '#api/generated/types.ts';
import type { MachineFacts } from '#host/node-machine.ts';
import { nodeStatus, type NodeStatusInput } from './node-status.ts';

const facts: MachineFacts = {
  hostname: 'n',
  cpuCount: 2,
  memoryBytes: 1024 ** 3,
  hugePages: [
    { sizeBytes: 2 ** 21, count: 8 },
    { sizeBytes: 2 ** 30, count: 0 },
  ],
  bootId: '',
  machineId: '',
  systemUuid: '',
  kernelVersion: '',
  osImage: '',
  architecture: 'amd64',
};
const statusAfter = (
  previous: NodeStatus | undefined,
  pressures: NodeStatusInput['pressures'] = new Set(),
): NodeStatus =>
  nodeStatus({
    previous,
    nowMs: 0,
    nodeName: 'n',
    addresses: [],
    facts,
    runtimeVersion: '',
    kubeletVersion: '',
    podsMax: 10,
    reserved: {},
    diskTotalBytes: 1024 ** 3,
    kept: { memoryBytes: 100 * 2 ** 20, storageBytes: 0 },
    pressures,
    images: [],
    runtimeConditions: [],
    runtimeHandlers: [],
    runtimeFeatures: undefined,
    runtimeProblem: undefined,
    isShuttingDown: false,
    volumesInUse: [],
    devices: {},
    serverPort: 10_250,
  });

test('an extended resource that somebody counted on the node stays; everything else is what the machine has', () => {
  const first = statusAfter(undefined);
  const patched = { ...first, capacity: { ...first.capacity, 'example.com/dongle': '5', pods: '99' } };
  const { capacity, allocatable } = statusAfter(patched);
  assert.deepEqual(capacity, { ...first.capacity, 'example.com/dongle': '5' });
  assert.deepEqual(allocatable, { ...first.allocatable, 'example.com/dongle': '5' });
  const removed = { ...patched, capacity: first.capacity, allocatable };
  assert.deepEqual(statusAfter(removed).allocatable, first.allocatable);
});

test('huge pages that were set aside are counted, and are no other memory', () => {
  const { capacity, allocatable } = statusAfter(undefined);
  assert.equal(capacity?.['hugepages-2Mi'], '16Mi');
  assert.equal(allocatable?.['hugepages-2Mi'], '16Mi');
  assert.equal(capacity?.['hugepages-1Gi'], '0');
  assert.equal(capacity?.['memory'], '1048576Ki');
  assert.equal(allocatable?.['memory'], `${1048576 - (100 + 16) * 1024}Ki`);
});

test('of what the node is short is its conditions', () => {
  const short = statusAfter(undefined, new Set(['PIDPressure', 'DiskPressure']));
  const told = (short.conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`);
  assert.deepEqual(told.slice(0, 3), [
    'MemoryPressure=False KubeletHasSufficientMemory',
    'DiskPressure=True KubeletHasDiskPressure',
    'PIDPressure=True KubeletHasInsufficientPID',
  ]);
});
