import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { loggedScope } from '#base/scope.ts';
import type { Pod } from '#api/generated/types.ts';
import { linuxNodeMachine } from '#host/node-machine.ts';
import { startDevicePlugin } from '#kit/device-plugin.ts';
import { completeChoice, devicesToChoose, joinResponses } from './choice.ts';
import { NodeDevices } from './start.ts';

const resource = 'example.com/probe';
const pod = (uid: string, counts: readonly number[], more: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: uid, namespace: 'n', uid },
  spec: {
    containers: counts.map((count, index) => ({
      name: `c${index}`,
      image: 'i',
      resources: { limits: { [resource]: String(count) } },
    })),
    ...more,
  },
});

async function startNode(rootDirectory: string, pods: () => readonly Pod[]) {
  const scope = loggedScope('devices', silentLogger);
  const told = { counts: 0, health: [] as string[] };
  const node = await NodeDevices.create({
    machine: linuxNodeMachine(),
    clock: systemClock,
    logger: silentLogger,
    scope,
    rootDirectory,
    pods,
    onCount: () => told.counts++,
    onHealth: (uid) => told.health.push(uid),
  });
  await node.start();
  return { node, devices: node.devices, told, [Symbol.asyncDispose]: () => scope.close() };
}
const until = async (what: string, check: () => boolean) => {
  for (let tries = 0; !check(); tries++) {
    assert.ok(tries < 400, `not within 4 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
function folder() {
  const root = mkdtempSync('/tmp/devices-');
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

test('a plugin registers, its devices are counted by health, and containers get what it answers', async () => {
  using place = folder();
  const pods: Pod[] = [];
  await using node = await startNode(place.root, () => pods);
  await using plugin = await startDevicePlugin(`${place.root}/device-plugins`, resource, {
    devices: { a: true, b: true, c: false },
    preStart: true,
    prefers: (available) => available.toReversed(),
  });
  await plugin.register();
  await until('counted', () => node.devices.counts()[resource]?.capacity === 3);
  assert.deepEqual(node.devices.counts(), { [resource]: { capacity: 3, allocatable: 2 } });
  const one = pod('one', [1]);
  pods.push(one);
  await node.devices.allocate(one);
  assert.deepEqual(plugin.allocated, [['b']]);
  const options = await node.devices.options(one, one.spec.containers[0]!);
  assert.deepEqual(options, {
    environment: { DEVICES: 'b' },
    annotations: { 'example.com/devices': 'b' },
    mounts: [{ containerPath: '/probe', hostPath: '/tmp', readonly: true }],
    devices: [{ containerPath: '/dev/probe-b', hostPath: '/dev/null', permissions: 'rw' }],
    cdiDevices: [{ name: 'example.com/probe=b' }],
  });
  assert.deepEqual(plugin.prepared, [['b']]);
  assert.deepEqual(node.devices.health('one', 'c0'), [
    { name: resource, resources: [{ resourceID: 'b', health: 'Healthy' }] },
  ]);
  plugin.set({ a: true, b: false, c: false });
  await until('the Pod is told', () => node.told.health.includes('one'));
  assert.equal(node.devices.health('one', 'c0')[0]?.resources?.[0]?.health, 'Unhealthy');
  assert.deepEqual(node.devices.counts()[resource], { capacity: 3, allocatable: 1 });
});

test('what is taken is not given again until its Pod has ended; a refused Pod keeps nothing', async () => {
  using place = folder();
  const [one, two] = [pod('one', [2]), pod('two', [1, 1])];
  const pods: Pod[] = [one, two];
  await using node = await startNode(place.root, () => pods);
  await using plugin = await startDevicePlugin(`${place.root}/device-plugins`, resource, {
    devices: { a: true, b: true, c: true },
  });
  await plugin.register();
  await until('counted', () => node.devices.counts()[resource]?.capacity === 3);
  await node.devices.allocate(one);
  await assert.rejects(node.devices.allocate(two), {
    message: `requested number of devices unavailable for ${resource}. Requested: 1, Available: 0`,
  });
  const three = pod('three', [1]);
  pods.push(three);
  await node.devices.allocate(three);
  pods.splice(0, 1, { ...one, status: { phase: 'Succeeded' } });
  await node.devices.allocate(two);
  assert.deepEqual(plugin.allocated, [['a', 'b'], ['c'], ['c'], ['a'], ['b']]);
  plugin.fail('out of order');
  pods.splice(0, pods.length, three);
  await assert.rejects(node.devices.allocate(pod('four', [1])), {
    message: 'rpc error: code = Unknown desc = out of order',
  });
});

test('init containers that end leave their devices to those that follow; sidecars keep theirs', async () => {
  using place = folder();
  const init = { name: 'init', image: 'i', resources: { limits: { [resource]: '2' } } };
  const side = { name: 'side', image: 'i', restartPolicy: 'Always', resources: { limits: { [resource]: '1' } } };
  const one = pod('one', [2], { initContainers: [init, side] });
  await using node = await startNode(place.root, () => [one]);
  await using plugin = await startDevicePlugin(`${place.root}/device-plugins`, resource, {
    devices: { a: true, b: true, c: true },
  });
  await plugin.register();
  await until('counted', () => node.devices.counts()[resource]?.capacity === 3);
  await node.devices.allocate(one);
  assert.deepEqual(plugin.allocated, [['a', 'b'], ['a'], ['b', 'c']]);
});

test('after a restart Pods keep their devices, which are counted again when the plugin comes back', async () => {
  using place = folder();
  const one = pod('one', [1]);
  const directory = `${place.root}/device-plugins`;
  {
    await using node = await startNode(place.root, () => [one]);
    await using plugin = await startDevicePlugin(directory, resource, { devices: { a: true, b: true } });
    await plugin.register();
    await until('counted', () => node.devices.counts()[resource]?.capacity === 2);
    await node.devices.allocate(one);
    await plugin[Symbol.asyncDispose]();
    await until('ended', () => node.devices.counts()[resource]?.allocatable === 0);
    assert.deepEqual(node.devices.counts()[resource], { capacity: 2, allocatable: 0 });
  }
  const record = JSON.parse(readFileSync(path.join(directory, 'kubelet_internal_checkpoint'), 'utf8'));
  assert.deepEqual(record.Data.PodDeviceEntries[0].DeviceIDs, { '-1': ['a'] });
  await using node = await startNode(place.root, () => [one]);
  assert.deepEqual(node.devices.counts(), { [resource]: { capacity: 0, allocatable: 0 } });
  assert.deepEqual((await node.devices.options(one, one.spec.containers[0]!))?.environment, { DEVICES: 'a' });
  await assert.rejects(node.devices.allocate(pod('two', [1])), {
    message: `cannot allocate unregistered device ${resource}`,
  });
  await using plugin = await startDevicePlugin(directory, resource, { devices: { a: true, b: true } });
  await plugin.register();
  await until('counted again', () => node.devices.counts()[resource]?.allocatable === 2);
  await node.devices.allocate(pod('two', [1]));
  assert.deepEqual(plugin.allocated, [['b']]);
});

test('registrations that cannot be are refused in upstream’s words', async () => {
  using place = folder();
  await using _node = await startNode(place.root, () => []);
  const directory = `${place.root}/device-plugins`;
  await using plugin = await startDevicePlugin(directory, resource, { devices: {} });
  await assert.rejects(plugin.register({ version: 'v1alpha1' }), {
    message: 'requested API version "v1alpha1" is not supported by kubelet. Supported version is ["v1beta1"]',
  });
  await assert.rejects(plugin.register({ resourceName: 'cpu' }), { message: 'the ResourceName "cpu" is invalid' });
  await assert.rejects(plugin.register({ endpoint: '../other.sock' }), /is not the name of a socket in/);
  await assert.rejects(plugin.register({ endpoint: 'nobody.sock' }), /failed to connect to the device plugin/);
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.endsWith('.sock')),
    ['kubelet.sock', 'probe.sock'],
  );
});

test('a choice begins with what is certain, then what is preferred; ids that were not there to choose are left out', () => {
  const choice = devicesToChoose({
    resource,
    count: 3,
    healthy: new Set(['c', 'a', 'b', 'd']),
    taken: new Set(['a', 'b']),
    reusable: new Set(['b']),
  });
  assert.deepEqual(choice, { certain: ['b'], available: ['c', 'd'] });
  assert.deepEqual(completeChoice(choice, ['a', 'd'], 2), ['b', 'd']);
});

test('of what several plugins say of the same thing the first counts', () => {
  const response = (hostPath: string) => ({
    envs: { A: hostPath },
    mounts: [{ containerPath: '/m', hostPath, readOnly: false }],
    devices: [{ containerPath: '/d', hostPath, permissions: 'r' }],
    annotations: {},
    cdiDevices: [{ name: 'same' }],
  });
  const joined = joinResponses([response('/one'), response('/two')]);
  assert.equal(joined.environment['A'], '/one');
  assert.deepEqual(joined.mounts, [{ containerPath: '/m', hostPath: '/one', readonly: false }]);
  assert.equal(joined.devices.length, 1);
  assert.equal(joined.cdiDevices.length, 1);
});
