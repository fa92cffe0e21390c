import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod } from '#api/generated/types.ts';
import { allocationOf, type ContainerAmounts, withAllocation } from './allocation.ts';
import { decide, type PodActions } from './decide.ts';
import { resizeText } from './resize-text.ts';
import type { RuntimeContainer } from './runtime-status.ts';
import { containerStatusResources, podStatusResources } from './status-resources.ts';

const sized = (name: string, cpu: string, memory: string, more: Partial<Container> = {}): Container => ({
  name,
  image: 'i',
  resources: { requests: { cpu, memory }, limits: { cpu, memory } },
  ...more,
});
const pod = (containers: Container[], more: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: 'p', namespace: 'n', uid: 'u', generation: 2 },
  spec: { containers, restartPolicy: 'OnFailure', ...more },
});
const has = (cpu: number, memoryMi: number): ContainerAmounts => ({
  cpuRequest: cpu,
  cpuLimit: cpu,
  memoryRequest: memoryMi * 2 ** 20,
  memoryLimit: memoryMi * 2 ** 20,
});
const ran = (name: string, more: Partial<RuntimeContainer> = {}): RuntimeContainer => ({
  id: `${name}-id`,
  sandboxId: 's',
  name,
  state: 'running',
  createdAtMs: 1,
  startedAtMs: 1,
  finishedAtMs: 0,
  exitCode: 0,
  reason: '',
  message: '',
  image: 'i',
  imageRef: '',
  restartCount: 0,
  hash: '',
  logPath: '',
  terminationMessagePath: '',
  terminationMessagePolicy: '',
  graceSeconds: 30,
  ...more,
});
const run = (
  one: Pod,
  containers: RuntimeContainer[],
  actuated: Readonly<Record<string, ContainerAmounts>>,
  restarting: readonly string[] = [],
): PodActions =>
  decide({
    pod: one,
    runtime: { sandboxes: [{ id: 's', ready: true, attempt: 0, createdAtMs: 1, ips: ['10.0.0.1'] }], containers },
    terminating: false,
    probes: { started: () => true, livenessFailed: () => false, startupFailed: () => false },
    resources: { actuated, podCgroupIsCurrent: true, restarting },
  });
const planOf = (actions: PodActions) => {
  assert.equal(actions.type, 'containers');
  const plan = actions.type === 'containers' ? actions.resize : undefined;
  return { memory: plan?.memory.map((one) => one.container.name), cpu: plan?.cpu.map((one) => one.container.name) };
};

test('what takes less is updated before what takes more', () => {
  const one = pod([sized('up', '30m', '10Mi'), sized('same', '20m', '20Mi'), sized('down', '10m', '30Mi')]);
  const containers = [ran('up'), ran('same'), ran('down')];
  const actions = run(one, containers, { up: has(20, 20), down: has(20, 20), same: has(20, 20) });
  assert.deepEqual(planOf(actions), { memory: ['up', 'down'], cpu: ['down', 'up'] });
  assert.deepEqual(run(one, containers, {}), { type: 'nothing' });
});

test('a policy of the resource that changes restarts the container, and it starts again whatever it ends with', () => {
  const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  const one = pod([sized('main', '20m', '30Mi', { resizePolicy })]);
  const actions = run(one, [ran('main')], { main: has(20, 20) });
  assert.deepEqual(actions.type === 'containers' && actions.kill.map((kill) => kill.message), [
    'Container main resize requires restart',
  ]);
  assert.deepEqual(planOf(run(one, [ran('main')], { main: has(10, 30) })), { memory: [], cpu: ['main'] });
  const ended = [ran('main', { state: 'exited' })];
  assert.deepEqual(run(one, ended, {}), { type: 'stop-pod', recreate: false });
  const again = run(one, ended, {}, ['main-id']);
  assert.deepEqual(again.type === 'containers' && again.start.map((start) => start.name), ['main']);
});

test('init containers and sidecars that run change too', () => {
  const one = pod([sized('main', '20m', '20Mi')], { initContainers: [sized('init', '30m', '20Mi')] });
  assert.deepEqual(planOf(run(one, [ran('init')], { init: has(20, 20) })), { memory: [], cpu: ['init'] });
  const sidecar = pod([sized('main', '20m', '20Mi')], {
    initContainers: [sized('side', '20m', '30Mi', { restartPolicy: 'Always' })],
  });
  const plan = planOf(run(sidecar, [ran('side'), ran('main')], { side: has(20, 20) }));
  assert.deepEqual(plan, { memory: ['side'], cpu: [] });
});

test('a Pod has what is allocated to it; the same amount in other words is the same', () => {
  const before = pod([sized('main', '20m', '1Gi')]);
  const allocation = allocationOf(before);
  const other = pod([sized('main', '0.02', '1024Mi')]);
  assert.equal(withAllocation(other, allocation), other);
  const more = pod([sized('main', '30m', '1Gi')]);
  const given = withAllocation(more, allocation);
  assert.equal(given.spec.containers[0]?.resources?.requests?.['cpu'], '20m');
  assert.equal(withAllocation(more, allocation), given);
});

test('the limits of the Pod are those of containers without their own', () => {
  const one = pod([{ name: 'main', image: 'i' }], { resources: { limits: { cpu: '40m', memory: '20Mi' } } });
  const amounts = { cpuRequest: 0, cpuLimit: 30, memoryRequest: 0, memoryLimit: 20 * 2 ** 20 };
  assert.deepEqual(planOf(run(one, [ran('main')], { main: amounts })), { memory: [], cpu: ['main'] });
});

test('the status of a container has what it has, in the words of the spec where both agree', () => {
  const one = pod([sized('main', '30m', '1Gi')]);
  const [main] = one.spec.containers;
  const record = { allocated: allocationOf(one), actuated: { main: has(20, 1024) }, restarting: [] };
  assert.deepEqual(containerStatusResources(one, main!, ran('main'), record), {
    requests: { cpu: '20m', memory: '1Gi' },
    limits: { cpu: '20m', memory: '1Gi' },
  });
  assert.equal(containerStatusResources(one, main!, undefined, record), main!.resources);
  const told = { cpuRequest: 30, cpuLimit: 30, memoryLimit: 512 * 2 ** 20 };
  assert.deepEqual(containerStatusResources(one, main!, ran('main', { resources: told }), undefined), {
    requests: { cpu: '30m', memory: '1Gi' },
    limits: { cpu: '30m', memory: '512Mi' },
  });
});

test('the status of the Pod has what it has as a whole, and what it was given', () => {
  const one = pod([sized('main', '30m', '1Gi'), sized('beside', '10m', '512Mi')], {
    initContainers: [sized('init', '100m', '16Mi')],
    overhead: { cpu: '5m' },
  });
  const both = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
  assert.deepEqual(podStatusResources(one, undefined, true), {
    resources: both('105m', '1536Mi'),
    allocatedResources: { cpu: '105m', memory: '1536Mi' },
  });
  const record = {
    allocated: allocationOf(one),
    actuated: {},
    restarting: [],
    cgroup: { cpuShares: 51, cpuLimitMilli: 50, memoryLimitBytes: 2 ** 30 },
  };
  assert.deepEqual(podStatusResources(one, record, true).resources, {
    requests: { cpu: '50m', memory: '1536Mi' },
    limits: { cpu: '50m', memory: '1Gi' },
  });
  assert.deepEqual(podStatusResources(pod([{ name: 'main', image: 'i' }]), undefined, true), { resources: {} });
});

test('events of a change say what all containers are to have', () => {
  const one = pod([sized('main', '30m', '1Gi')], { initContainers: [{ name: 'init', image: 'i' }] });
  assert.equal(
    resizeText('Pod resize Deferred', one, 3, 'no room'),
    'Pod resize Deferred: {"initContainers":[{"name":"init","resources":{}}],"containers":[{"name":"main","resources":{"limits":{"cpu":"30m","memory":"1Gi"},"requests":{"cpu":"30m","memory":"1Gi"}}}],"generation":3,"error":"no room"}',
  );
});
