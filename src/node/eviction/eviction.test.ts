import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec } from '#api/generated/types.ts';
import { decideEviction, type EvictionMemory, metThresholds, noMemory, type Observations } from './decide.ts';
import { evictionMessage, type PodUse, rankPods } from './ranking.ts';
import {
  defaultHardThresholds,
  keptFromPods,
  parseThreshold,
  parseThresholds,
  type Signal,
  type ThresholdTexts,
} from './thresholds.ts';

const mebibyte = 2 ** 20;
const settings = (texts: Partial<ThresholdTexts>) =>
  parseThresholds({ hard: {}, soft: {}, softGraceMs: {}, minimumReclaim: {}, ...texts });
const memoryLeft = (mebibytes: number): Observations => ({
  'memory.available': { available: mebibytes * mebibyte, capacity: 1024 * mebibyte },
});

/** Looks one after another, with what is left at each second. */
function watchOver(texts: Partial<ThresholdTexts>, transitionMs = 60_000) {
  const thresholds = settings(texts);
  let memory: EvictionMemory = noMemory;
  return (second: number, observations: Observations) => {
    const decision = decideEviction({ memory, thresholds, observations, nowMs: second * 1000, transitionMs });
    memory = decision.memory;
    return [decision.conditions.join(), decision.due.map((one) => one.signal).join()];
  };
}

test('thresholds are amounts or parts of what there is; none and all of it ask for nothing', () => {
  assert.deepEqual(parseThreshold('100Mi'), { amount: 100 * mebibyte, binary: true });
  assert.deepEqual(parseThreshold('1k'), { amount: 1000, binary: false });
  assert.deepEqual([parseThreshold('0%'), parseThreshold('100%')], [undefined, undefined]);
  for (const wrong of ['-1%', '101%', '%', 'x%', '0', '-5Mi', 'lots'])
    assert.throws(() => parseThreshold(wrong), wrong);
  const kept = keptFromPods(settings({ hard: defaultHardThresholds }), { memoryBytes: 2 ** 30, storageBytes: 1000 });
  assert.deepEqual(kept, { memoryBytes: 100 * mebibyte, storageBytes: 100 });
  const soft = settings({ soft: { 'memory.available': '1Gi' }, softGraceMs: { 'memory.available': 1 } });
  assert.deepEqual(keptFromPods(soft, { memoryBytes: 1, storageBytes: 1 }), { memoryBytes: 0, storageBytes: 0 });
});

test('a hard threshold counts at once, and is over when as much more is left as shall be reclaimed', () => {
  const look = watchOver({ hard: { 'memory.available': '100Mi' }, minimumReclaim: { 'memory.available': '50Mi' } });
  assert.deepEqual(look(0, memoryLeft(100)), ['', '']);
  assert.deepEqual(look(10, memoryLeft(99)), ['MemoryPressure', 'memory.available']);
  assert.deepEqual(look(20, memoryLeft(149)), ['MemoryPressure', 'memory.available']);
  assert.deepEqual(look(30, memoryLeft(150)), ['MemoryPressure', '']);
  assert.deepEqual(look(40, memoryLeft(120)), ['MemoryPressure', ''], 'over is over');
  assert.deepEqual(look(79, memoryLeft(120)), ['MemoryPressure', '']);
  assert.deepEqual(look(80, memoryLeft(120)), ['', ''], 'a minute after it was last seen');
});

test('a soft threshold is a condition at once, and acted upon when it was met all through its grace', () => {
  const look = watchOver({ soft: { 'nodefs.available': '20%' }, softGraceMs: { 'nodefs.available': 30_000 } });
  const left = (percent: number): Observations => ({ 'nodefs.available': { available: percent, capacity: 100 } });
  assert.deepEqual(look(0, left(19)), ['DiskPressure', '']);
  assert.deepEqual(look(29, left(19)), ['DiskPressure', '']);
  assert.deepEqual(look(30, left(20)), ['DiskPressure', '']);
  assert.deepEqual(look(31, left(19)), ['DiskPressure', ''], 'it begins anew');
  assert.deepEqual(look(61, left(19)), ['DiskPressure', 'nodefs.available']);
});

test('memory comes before the rest, and of what nothing is known nothing follows', () => {
  const look = watchOver({ hard: { 'pid.available': '1k', 'memory.available': '100Mi', 'imagefs.available': '15%' } });
  const short: Observations = { ...memoryLeft(1), 'pid.available': { available: 1, capacity: 32_768 } };
  assert.deepEqual(look(0, short), ['MemoryPressure,PIDPressure', 'memory.available,pid.available']);
  const ofPods: Observations = { 'allocatableMemory.available': { available: 0, capacity: 1 } };
  assert.deepEqual(
    metThresholds(settings({ hard: defaultHardThresholds }), ofPods, false).map((one) => one.signal),
    ['allocatableMemory.available'],
  );
});

const pod = (uid: string, spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { name: uid, uid },
  spec: { containers: [{ name: 'c' }], ...spec },
});
const asking = (memory: string, disk = '0'): Partial<PodSpec> => ({
  containers: [{ name: 'c', resources: { requests: { memory, 'ephemeral-storage': disk } } }],
});
const none = { bytes: 0, inodes: 0 };
const using = (more: {
  memoryBytes?: number;
  processes?: number;
  layer?: number;
  logs?: number;
  volumes?: number;
}) => ({
  memoryBytes: more.memoryBytes ?? 0,
  processes: more.processes ?? 0,
  containers: [
    {
      name: 'c',
      memoryBytes: more.memoryBytes,
      writableLayer: { bytes: more.layer ?? 0, inodes: more.layer ?? 0 },
      logs: { bytes: more.logs ?? 0, inodes: 1 },
    },
  ],
  volumes: more.volumes === undefined ? none : { bytes: more.volumes, inodes: more.volumes },
});
const order = (pods: Pod[], uses: Record<string, PodUse>, signal: Signal, separate = false) =>
  rankPods(pods, new Map(Object.entries(uses)), signal, separate)
    .map((one) => one.metadata.uid)
    .join(' ');

test('who uses more memory than was asked for goes first, then the lower priority, then the larger excess', () => {
  const pods = [
    pod('within', asking('1Gi')),
    pod('important', { priority: 10 }),
    pod('large'),
    pod('small'),
    pod('unknown'),
  ];
  const uses = {
    within: using({ memoryBytes: 900 * mebibyte }),
    important: using({ memoryBytes: 500 * mebibyte }),
    large: using({ memoryBytes: 50 * mebibyte }),
    small: using({ memoryBytes: 5 * mebibyte }),
  };
  assert.equal(order(pods, uses, 'memory.available'), 'unknown large small important within');
});

test('of disk only what is on the file system that is short counts', () => {
  const pods = [pod('logs'), pod('layer'), pod('volume')];
  const uses = { logs: using({ logs: 20 }), layer: using({ layer: 30 }), volume: using({ volumes: 10 }) };
  assert.equal(order(pods, uses, 'nodefs.available'), 'layer logs volume');
  assert.equal(order(pods, uses, 'nodefs.available', true), 'logs volume layer');
  assert.equal(order(pods, uses, 'imagefs.available', true), 'layer logs volume');
  assert.equal(order(pods, uses, 'nodefs.inodesFree', true), 'volume logs layer');
});

test('of processes the priority counts first', () => {
  const pods = [pod('few'), pod('many', { priority: 1 }), pod('some')];
  const uses = { few: using({ processes: 1 }), many: using({ processes: 99 }), some: using({ processes: 5 }) };
  assert.equal(order(pods, uses, 'pid.available'), 'some few many');
});

test("the message is upstream's, and names who used more than was asked for", () => {
  const thresholds = settings({ hard: { 'memory.available': '100Mi' } });
  const observations = memoryLeft(51);
  const given = { resource: 'memory', thresholds, observations } as const;
  assert.deepEqual(
    evictionMessage({ ...given, pod: pod('p', asking('1Mi')), use: using({ memoryBytes: 3 * mebibyte }) }),
    {
      message:
        'The node was low on resource: memory. Threshold quantity: 100Mi, available: 51Mi. Container c was using 3Mi, request is 1Mi, has larger consumption of memory. ',
      annotations: {
        offending_containers: 'c',
        offending_containers_usage: '3Mi',
        starved_resource: 'memory',
      },
    },
  );
  assert.deepEqual(evictionMessage({ ...given, pod: pod('p'), use: undefined }), {
    message: 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 51Mi. ',
    annotations: {},
  });
  const whole = pod('p', { resources: { requests: { memory: '1Mi' } } });
  assert.match(
    evictionMessage({ ...given, pod: whole, use: using({ memoryBytes: 2 * mebibyte }) }).message,
    /Pod p was using 2Mi, request is 1Mi, has larger consumption of memory\. /,
  );
});
