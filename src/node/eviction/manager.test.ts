import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { loggedScope } from '#base/scope.ts';
import type { Pod } from '#api/generated/types.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import { EvictionManager } from './manager.ts';
import { parseThresholds, type ThresholdTexts } from './thresholds.ts';

const mebibyte = 2 ** 20;
const pod = (uid: string, priority = 0): Pod => ({
  metadata: { name: uid, namespace: 'default', uid },
  spec: { priority, terminationGracePeriodSeconds: 5, containers: [{ name: 'c' }] },
});

/** A machine with as much left as a test says, and a manager of Pods on it. */
function node(texts: Partial<ThresholdTexts>, given: readonly Pod[]) {
  const left = { memory: 500 * mebibyte, disk: 500 };
  const seen: string[] = [];
  const evicted: string[] = [];
  const pods = [...given];
  const clock = new VirtualClock(0);
  const removeUnusedImages = async (): Promise<void> => void seen.push('images');
  const host = { left, pods, removeUnusedImages, evicted };
  const cgroup = { cpuNanoseconds: 0, memoryUsageBytes: 0, memoryRssBytes: 0, pageFaults: 0, majorPageFaults: 0 };
  const manager = new EvictionManager({
    machine: {
      facts: () => ({ memoryBytes: 1024 * mebibyte }),
      memoryAvailableBytes: () => left.memory,
      diskSpace: () => ({ totalBytes: 1000, freeBytes: left.disk, inodes: 1000, inodesFree: 900, device: 1 }),
      diskUse: async () => ({ bytes: 1, inodes: 1 }),
      processSpace: () => ({ most: 1000, running: 10 }),
      cgroupUse: async (name: string) =>
        name === '/kubepods' ? undefined : { ...cgroup, memoryWorkingSetBytes: name.length * mebibyte, processes: 1 },
    } as unknown as NodeMachine,
    runtime: {
      imageFilesystem: async () => ({ mountpoint: '/images', usedBytes: 0 }),
      listContainerStats: async () => [],
    } as unknown as ContainerRuntime,
    clock,
    logger: silentLogger,
    scope: loggedScope('eviction', silentLogger),
    rootDirectory: '/kubelet',
    podsCgroup: '/kubepods',
    podsMemoryBytes: 1024 * mebibyte,
    nodeName: 'n',
    events: { event: (about, _type, reason, message) => seen.push(`${about.kind} ${reason}: ${message}`) },
    settings: {
      thresholds: parseThresholds({ hard: {}, soft: {}, softGraceMs: {}, minimumReclaim: {}, ...texts }),
      transitionMs: 60_000,
      podGraceSecondsMax: 3,
    },
    pods: {
      evictable: () => pods,
      running: () =>
        pods.map((one) => ({
          pod: one,
          cgroup: `/${one.metadata.name}`,
          containers: [],
          logDirectory: '/logs',
          volumes: async () => new Map(),
        })),
      evict: (one, { message, graceSeconds }) => {
        seen.push(`${one.metadata.name} in ${graceSeconds} s: ${message.trim()}`);
        pods.splice(pods.indexOf(one), 1);
      },
      isQuiet: (uid) => !pods.some((one) => one.metadata.uid === uid),
      removeEnded: async () => void seen.push('containers'),
    },
    removeUnusedImages: () => host.removeUnusedImages(),
    onConditions: () => seen.push('reported'),
    onEvicted: (signal) => evicted.push(signal),
  });
  const look = async (): Promise<string[]> => {
    await manager.look();
    return seen.splice(0);
  };
  return { host, clock, manager, look };
}

test('short of memory, one Pod goes at a time, the largest first, and never a critical one', async () => {
  const { host, look, manager, clock } = node({ hard: { 'memory.available': '100Mi' } }, [
    pod('a'),
    pod('larger'),
    pod('critical-and-largest', 2_000_000_000),
  ]);
  assert.deepEqual(await look(), []);
  host.left.memory = 50 * mebibyte;
  const shortage = 'Node EvictionThresholdMet: Attempting to reclaim memory';
  const message = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi.';
  assert.deepEqual(await look(), [
    'Node NodeHasInsufficientMemory: Node n status is now: NodeHasInsufficientMemory',
    'reported',
    shortage,
    `larger in 1 s: ${message}`,
  ]);
  assert.deepEqual([...manager.conditions], ['MemoryPressure']);
  assert.deepEqual(await look(), [shortage, `a in 1 s: ${message}`]);
  assert.deepEqual(await look(), [shortage]);
  assert.deepEqual(host.evicted, ['memory.available', 'memory.available']);
  host.left.memory = 500 * mebibyte;
  clock.advance(60_000);
  assert.deepEqual(await look(), [
    'Node NodeHasSufficientMemory: Node n status is now: NodeHasSufficientMemory',
    'reported',
  ]);
});

test('short of disk, dead containers and unused images go first, and Pods only if that was not enough', async () => {
  const { host, look } = node({ hard: { 'imagefs.available': '15%' } }, [pod('a')]);
  host.left.disk = 100;
  const { removeUnusedImages } = host;
  host.removeUnusedImages = async () => {
    await removeUnusedImages();
    host.left.disk = 200;
  };
  assert.deepEqual((await look()).slice(-2), ['containers', 'images']);
  host.left.disk = 100;
  host.removeUnusedImages = async () => {
    throw new Error('the runtime is busy');
  };
  assert.deepEqual((await look()).slice(-2), [
    'containers',
    'a in 1 s: The node was low on resource: ephemeral-storage. Threshold quantity: 150, available: 100.',
  ]);
});

test('a soft threshold leaves a Pod its grace, as far as the node allows', async () => {
  const { host, look, clock } = node(
    { soft: { 'memory.available': '100Mi' }, softGraceMs: { 'memory.available': 10_000 } },
    [pod('a')],
  );
  host.left.memory = 1;
  await look();
  clock.advance(10_000);
  assert.match((await look()).at(-1) ?? '', /^a in 3 s: /);
});
