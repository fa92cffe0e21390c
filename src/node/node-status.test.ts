import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeStatus } from '#api/generated/types.ts';
import type { MachineFacts } from '#host/node-machine.ts';
import { nodeStatus } from './node-status.ts';

const facts = { cpuCount: 2, memoryBytes: 1024 ** 3, architecture: 'amd64' } as MachineFacts;
const statusAfter = (previous: NodeStatus | undefined): NodeStatus =>
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
    diskFreeBytes: 1024 ** 3,
    memoryAvailableBytes: 1024 ** 3,
    images: [],
    runtimeConditions: [],
    runtimeHandlers: [],
    runtimeFeatures: undefined,
    runtimeProblem: undefined,
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
