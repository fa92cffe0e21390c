// Containers that behave badly, each in its way, beside one that does its work: upstream's status of the bad, nothing of it at
// the good; and a node that runs short of memory.
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { parseThresholds } from '#node/eviction/thresholds.ts';
import type { Json } from '#kit/start-api-server.ts';
import { startTestNode, type TestNode } from './cluster.ts';
import { onNode, shell } from './kit.ts';
import { isClosedNamespace, startTestMachine, type TestMachine } from './machine.ts';

let machine: TestMachine;
let node: TestNode;
const { until, running, ended, event, logs } = onNode(() => node);
const logLimits = { logBytesMax: 200_000, logFilesMax: 3, images: { highFraction: 1, lowFraction: 0.9 } };
before(async () => {
  assert.ok(isClosedNamespace(), 'run with: node test/e2e/node/run.ts');
  machine = await startTestMachine();
  node = await startTestNode(machine, {
    housekeepingMs: 500,
    podProcessesMax: 40,
    housekeepingLimits: () => logLimits,
  });
  await node.createPod({
    name: 'good',
    spec: {
      containers: [
        shell('echo ready > /tmp/ok; while sleep 0.2; do date; done', {
          resources: { requests: { memory: '8Mi' }, limits: { memory: '64Mi' } },
          readinessProbe: { exec: { command: ['cat', '/tmp/ok'] }, periodSeconds: 1, failureThreshold: 1 },
          livenessProbe: { exec: { command: ['cat', '/tmp/ok'] }, periodSeconds: 1, failureThreshold: 1 },
        }),
      ],
    },
  });
  await running('good');
});
after(async () => {
  await node?.close();
  await machine?.close();
});
/** Ready all along, never restarted. */
async function goodIsWell(): Promise<void> {
  const { status } = await node.pod('good');
  const ready = status.conditions.find((one: Json) => one.type === 'Ready');
  assert.deepEqual([ready.status, status.containerStatuses[0].restartCount], ['True', 0]);
  assert.equal(ready.lastTransitionTime, (goodSince ??= ready.lastTransitionTime));
}
let goodSince: string | undefined;

test('who forks without end gets no more processes than its Pod may have', async () => {
  const forks = 'while :; do sleep 300 & done; echo not reached';
  await node.createPod({ name: 'forks', spec: { restartPolicy: 'Never', containers: [shell(forks)] } });
  const { status } = await ended('forks');
  assert.equal(status.phase, 'Failed');
  assert.match(await logs('default/forks/main'), /can't fork/);
  await goodIsWell();
});

test('who fills its writable layer or its log beyond its limit is evicted', async () => {
  const limit = { resources: { limits: { 'ephemeral-storage': '1Mi' } } };
  const fill = shell('dd if=/dev/zero of=/file bs=1024 count=3000 2>/dev/null; exec sleep 1000', limit);
  await node.createPod({ name: 'fills', spec: { containers: [fill] } });
  const { status } = await ended('fills');
  assert.deepEqual([status.phase, status.reason], ['Failed', 'Evicted']);
  assert.equal(status.message, 'Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ');
  assert.equal(await event('fills', /^Evicted: /), `Evicted: ${status.message}`);
  await goodIsWell();
});

test('who writes logs without end has a few files of them, and the newest line can be read', async () => {
  const yes = 'yes 0123456789012345678901234567890123456789 | head -c 30000000; while sleep 0.2; do echo end; done';
  await node.createPod({ name: 'logs', spec: { containers: [shell(yes)] } });
  const { metadata } = await running('logs');
  const directory = `${machine.directory}/pod-logs/default_logs_${metadata.uid}/main`;
  await node.until('written', async () => /^end$/m.test(await logs('default/logs/main?tailLines=1')), 60_000);
  await node.until('rotated', async () => statSync(`${directory}/0.log`).size < 200_000);
  assert.ok(readdirSync(directory).length <= 3, readdirSync(directory).join());
  assert.equal((await logs('default/good/main?tailLines=1&limitBytes=10')).length, 10);
  await goodIsWell();
});

test('short of memory, the node ends who uses more than it asked for, says why, and lets in who asked', async () => {
  const free = parseThresholds({
    // More than any machine has left: short from the first look on.
    hard: { 'memory.available': '99.9%' },
    soft: {},
    softGraceMs: {},
    minimumReclaim: {},
  });
  const hungry = shell('head -c 30000000 /dev/zero | tail; exec sleep 1000', {
    resources: { requests: { memory: '1Mi' } },
  });
  await node.createPod({ name: 'hungry', spec: { containers: [{ ...hungry, name: 'hungry' }] } });
  await running('hungry');
  await node.restart({ eviction: { thresholds: free, transitionMs: 60_000, podGraceSecondsMax: 0 } });
  const pod = await ended('hungry');
  assert.equal(pod.status.reason, 'Evicted');
  assert.match(
    pod.status.message,
    /^The node was low on resource: memory\. Threshold quantity: \d+\w*, available: \d+\w*\. /,
  );
  const told = pod.status.conditions.find((one: Json) => one.type === 'DisruptionTarget');
  assert.deepEqual([told.status, told.reason, told.message], ['True', 'TerminationByKubelet', pod.status.message]);
  const { status } = await node.api.get('/api/v1/nodes/n1');
  const pressure = status.conditions.find((one: Json) => one.type === 'MemoryPressure');
  assert.deepEqual([pressure.status, pressure.reason], ['True', 'KubeletHasInsufficientMemory']);
  await node.createPod({ name: 'late', spec: { containers: [shell('exec sleep 1000')] } });
  const late = await until('late', 'refused', (one) => one.status.phase === 'Failed');
  assert.deepEqual(
    [late.status.reason, late.status.message],
    ['Evicted', 'Pod was rejected: The node had condition: [MemoryPressure]. '],
  );
});
