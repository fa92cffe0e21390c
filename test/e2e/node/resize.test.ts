// Other resources for Pods that run: KEP-1287 on a real runtime, read back from the kernel.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, globSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Json } from '#kit/start-api-server.ts';
import { cgroupRoot, startTestNode, type TestNode } from './cluster.ts';
import { condition, onNode, shell } from './kit.ts';
import { isClosedNamespace, startTestMachine, type TestMachine } from './machine.ts';

let machine: TestMachine;
let node: TestNode;
const { until, running, event, remove, gone } = onNode(() => node);
before(async () => {
  assert.ok(isClosedNamespace(), 'run with: node test/e2e/node/run.ts');
  machine = await startTestMachine();
  node = await startTestNode(machine);
});
after(async () => {
  await node?.close();
  await machine?.close();
});

const amounts = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
const resize = async (name: string, containers: Json[]) =>
  node.api.send('PATCH', `/api/v1/namespaces/default/pods/${name}/resize`, {
    headers: { 'content-type': 'application/strategic-merge-patch+json' },
    body: { spec: { containers } },
  });
const of = (pod: Json, name: string): Json => pod.status.containerStatuses.find((one: Json) => one.name === name);

const isVersion2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
/** CPU as the part of a core that it may use, memory in bytes; of the Pod without an id. */
function limits(pod: Json, containerId = ''): { cpu: number; memory: number } {
  const cgroup = (controller: string) => {
    const end = containerId === '' ? '' : `/${containerId.replace('containerd://', '')}`;
    const pattern = `/sys/fs/cgroup/${isVersion2 ? '' : controller}/${cgroupRoot}/{,burstable/}pod${pod.metadata.uid}${end}`;
    const [found] = globSync(pattern);
    assert.ok(found !== undefined, pattern);
    return found;
  };
  const read = (controller: string, file: string) => readFileSync(`${cgroup(controller)}/${file}`, 'utf8').trim();
  if (isVersion2) {
    const [quota, period] = read('', 'cpu.max').split(' ');
    return { cpu: Number(quota) / Number(period), memory: Number(read('', 'memory.max')) };
  }
  return {
    cpu: Number(read('cpu', 'cpu.cfs_quota_us')) / Number(read('cpu', 'cpu.cfs_period_us')),
    memory: Number(read('memory', 'memory.limit_in_bytes')),
  };
}
const mebibyte = 2 ** 20;

test('containers that run get other resources in place, more and less, and the one that wants it starts anew', async () => {
  const { metadata } = await node.createPod({
    name: 'resized',
    spec: {
      containers: [
        shell('exec sleep 1000', { resources: amounts('100m', '64Mi') }),
        { ...shell('exec sleep 1000', { resources: amounts('100m', '64Mi') }), name: 'less' },
        {
          ...shell('exec sleep 1000', { resources: amounts('100m', '64Mi') }),
          name: 'anew',
          resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
        },
      ],
    },
  });
  const first = await running('resized');
  assert.deepEqual(limits(first), { cpu: 0.3, memory: 192 * mebibyte });
  const answer = await resize('resized', [
    { name: 'main', resources: amounts('200m', '128Mi') },
    { name: 'less', resources: amounts('50m', '32Mi') },
    { name: 'anew', resources: amounts('100m', '80Mi') },
  ]);
  assert.equal(answer.status, 200);
  const pod = await until(
    'resized',
    'has it all',
    (one) =>
      condition(one, 'PodResizeInProgress') === undefined &&
      of(one, 'anew').restartCount === 1 &&
      of(one, 'anew').state.running !== undefined &&
      of(one, 'main').resources.limits.memory === '128Mi',
  );
  assert.deepEqual(of(pod, 'main').allocatedResources, { cpu: '200m', memory: '128Mi' });
  assert.deepEqual(of(pod, 'less').resources, amounts('50m', '32Mi'));
  assert.deepEqual(of(pod, 'anew').resources, amounts('100m', '80Mi'));
  assert.deepEqual([of(pod, 'main').restartCount, of(pod, 'less').restartCount], [0, 0]);
  assert.equal(of(pod, 'main').containerID, of(first, 'main').containerID);
  assert.deepEqual(limits(pod), { cpu: 0.35, memory: 240 * mebibyte });
  assert.deepEqual(limits(pod, of(pod, 'main').containerID), { cpu: 0.2, memory: 128 * mebibyte });
  assert.deepEqual(limits(pod, of(pod, 'less').containerID), { cpu: 0.05, memory: 32 * mebibyte });
  assert.deepEqual(limits(pod, of(pod, 'anew').containerID), { cpu: 0.1, memory: 80 * mebibyte });
  assert.match(await event('resized', /^ResizeStarted: /), /Pod resize started: \{"containers":\[\{"name":"main"/);
  assert.match(await event('resized', /^ResizeCompleted: /), /"generation":2\}$/);
  assert.equal(pod.metadata.uid, metadata.uid);
});

test('what does not fit waits for room; a restart of the agent keeps what each has', async () => {
  const { cpu } = (await node.api.get('/api/v1/nodes/n1')).status.allocatable;
  const cores = Number(String(cpu).endsWith('m') ? Number(String(cpu).slice(0, -1)) / 1000 : cpu);
  const most = `${Math.floor(cores * 1000) - 100}m`;
  const burst = (value: string) => ({ requests: { cpu: value } });
  await remove('resized');
  await gone('resized');
  await node.createPod({ name: 'large', spec: { containers: [shell('exec sleep 1000', { resources: burst(most) })] } });
  await node.createPod({
    name: 'waits',
    spec: { containers: [shell('exec sleep 1000', { resources: burst('50m') })] },
  });
  await Promise.all([running('large'), running('waits')]);
  assert.equal((await resize('waits', [{ name: 'main', resources: burst('300m') }])).status, 200);
  const waiting = await until('waits', 'is deferred', (one) => condition(one, 'PodResizePending'));
  const pending = waiting.status.conditions.find((one: Json) => one.type === 'PodResizePending');
  assert.equal(pending.reason, 'Deferred');
  assert.equal(pending.observedGeneration, 2);
  assert.match(pending.message, /^Node didn't have enough resource: cpu, requested: 300, used: /);
  assert.deepEqual(of(waiting, 'main').allocatedResources, { cpu: '50m' });
  await node.restart();
  const still = await until('waits', 'is deferred still', (one) => condition(one, 'PodResizePending'));
  assert.deepEqual(of(still, 'main').resources, burst('50m'));
  await remove('large');
  const given = await until(
    'waits',
    'has what it wants',
    (one) => condition(one, 'PodResizePending') === undefined && of(one, 'main').resources.requests.cpu === '300m',
  );
  assert.equal(of(given, 'main').restartCount, 0);
});

test('a memory limit below what is in use is refused, told, and tried again', async () => {
  const memory = (value: string) => ({ requests: { memory: '16Mi' }, limits: { memory: value } });
  const script = 'dd if=/dev/zero of=/v/f bs=1M count=60 2>/dev/null; echo full; exec sleep 1000';
  await node.createPod({
    name: 'uses',
    spec: {
      volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }],
      containers: [
        shell(script, {
          resources: memory('128Mi'),
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
          readinessProbe: { exec: { command: ['test', '-s', '/v/f'] }, periodSeconds: 1 },
        }),
      ],
    },
  });
  await running('uses');
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal((await resize('uses', [{ name: 'main', resources: memory('40Mi') }])).status, 200);
  const pod = await until('uses', 'has the error', (one) =>
    one.status.conditions.some((its: Json) => its.type === 'PodResizeInProgress' && its.reason === 'Error'),
  );
  const { message } = pod.status.conditions.find((its: Json) => its.type === 'PodResizeInProgress');
  assert.match(message, /attempting to set pod memory limit \(41943040\) below current usage \(\d+\)/);
  assert.deepEqual(of(pod, 'main').resources, memory('128Mi'));
  assert.match(await event('uses', /^ResizeError: /), /^ResizeError: Pod resize error: \{"containers"/);
  assert.equal(of(pod, 'main').restartCount, 0);
});

test('containers that start anew with more wait until the Pod may have it: none fails to start on the way', async () => {
  const policy = { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] };
  const slow = 'trap "sleep 2; exit 0" TERM; sleep 1000 & wait';
  await node.createPod({
    name: 'together',
    spec: {
      containers: [
        shell('trap "exit 0" TERM; sleep 1000 & wait', { resources: amounts('50m', '32Mi'), ...policy }),
        { ...shell(slow, { resources: amounts('50m', '32Mi'), ...policy }), name: 'slow' },
        shell('exec sleep 1000', { name: 'as-it-is', resources: amounts('50m', '32Mi') }),
      ],
    },
  });
  await running('together');
  const more = amounts('400m', '32Mi');
  const answer = await resize('together', [
    { name: 'main', resources: more },
    { name: 'slow', resources: more },
  ]);
  assert.equal(answer.status, 200);
  const pod = await until(
    'together',
    'has more',
    (one) =>
      condition(one, 'PodResizeInProgress') === undefined &&
      condition(one, 'Ready') === 'True' &&
      ['main', 'slow'].every((name) => of(one, name).resources.limits.cpu === '400m'),
  );
  assert.deepEqual(
    ['main', 'slow', 'as-it-is'].map((name) => of(pod, name).restartCount),
    [1, 1, 0],
  );
  assert.equal(limits(pod).cpu, 0.85);
});
