// Devices of plugins in real containers.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { startDevicePlugin, type TestDevicePlugin } from '#kit/device-plugin.ts';
import type { Json } from '#kit/start-api-server.ts';
import { startTestNode, type TestNode } from './cluster.ts';
import { condition, onNode, shell } from './kit.ts';
import { isClosedNamespace, startTestMachine, type TestMachine } from './machine.ts';

const resource = 'example.com/probe';
let machine: TestMachine;
let node: TestNode;
let plugin: TestDevicePlugin;
const hostPath = mkdtempSync('/tmp/devices-e2e-');
const { until, running, ended, event, remove, gone, logs } = onNode(() => node);
before(async () => {
  assert.ok(isClosedNamespace(), 'run with: node test/e2e/node/run.ts');
  machine = await startTestMachine();
  node = await startTestNode(machine, { housekeepingMs: 700 });
  writeFileSync(`${hostPath}/said`, 'by the plugin');
  plugin = await startDevicePlugin(`${machine.directory}/kubelet/device-plugins`, resource, {
    devices: { a: true, b: false },
    preStart: true,
    hostPath,
  });
  await plugin.register();
});
after(async () => {
  await plugin?.[Symbol.asyncDispose]();
  await node?.close();
  await machine?.close();
  rmSync(hostPath, { recursive: true, force: true });
});

/** What a container has written: it may be ready before. */
const says = (name: string, pattern: RegExp) =>
  node.until(`${name} says ${pattern}`, async () => pattern.test(await logs(`default/${name}/main`)));
const wants = (script: string, count = 1): Json => shell(script, { resources: { limits: { [resource]: count } } });
const amounts = async (): Promise<[string, string]> => {
  const { status } = await node.api.get('/api/v1/nodes/n1');
  return [status.capacity[resource], status.allocatable[resource]];
};

test('the Node counts a plugin’s devices, a container gets one, the next Pod is refused until it is free', async () => {
  await node.until('counted', async () => (await amounts())[0] === '2');
  assert.deepEqual(await amounts(), ['2', '1']);
  const script = 'ls -l /dev/probe-a; cat /probe/said; echo; echo "for $DEVICES"; exec sleep 1000';
  await node.createPod({ name: 'has', spec: { containers: [wants(script)] } });
  const pod = await running('has');
  await says('has', /^crw.* 1, +3 .*\/dev\/probe-a\nby the plugin\nfor a\n/);
  assert.deepEqual(pod.status.containerStatuses[0].allocatedResourcesStatus, [
    { name: resource, resources: [{ resourceID: 'a', health: 'Healthy' }] },
  ]);
  assert.deepEqual(plugin.prepared, [['a']]);
  await node.createPod({ name: 'second', spec: { containers: [wants('exec sleep 1000')] } });
  const refused = await ended('second');
  assert.equal(refused.status.reason, 'UnexpectedAdmissionError');
  assert.match(
    await event('second', /^UnexpectedAdmissionError: /),
    /Requested: 1, Available: 0, which is unexpected$/,
  );

  plugin.set({ a: false, b: true });
  await until(
    'has',
    'has a sick device',
    ({ status }) => status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health === 'Unhealthy',
  );
  await remove('has');
  await gone('has');
  await node.createPod({ name: 'third', spec: { containers: [wants('echo "for $DEVICES"; exec sleep 1000')] } });
  await running('third');
  await says('third', /^for b\n$/);
});

test('after a restart of the agent what is taken stays taken, and the plugin comes back', async () => {
  await node.restart({}, async () => plugin[Symbol.asyncDispose]());
  await node.until('counted as none', async () => (await amounts())[0] === '0');
  await node.until('adopted', async () => (await node.pod('third')).status.phase === 'Running');
  plugin = await startDevicePlugin(`${machine.directory}/kubelet/device-plugins`, resource, {
    devices: { a: true, b: true },
    hostPath,
  });
  await plugin.register();
  await node.until('counted', async () => (await amounts())[1] === '2');
  await node.createPod({ name: 'fourth', spec: { containers: [wants('echo "for $DEVICES"; exec sleep 1000')] } });
  await running('fourth');
  await says('fourth', /^for a\n$/);
});

test('a plugin that does not answer holds up those that want its devices, and nobody else', async () => {
  plugin.hang(true);
  const names = Array.from({ length: 20 }, (_, index) => `waits-${index}`);
  await Promise.all(names.map((name) => node.createPod({ name, spec: { containers: [wants('exec sleep 1000', 1)] } })));
  await node.createPod({ name: 'beside', spec: { containers: [shell('exec sleep 1000')] } });
  await until('beside', 'ready', (pod) => condition(pod, 'Ready') === 'True', 10_000);
  await Promise.all(names.map((name) => remove(name)));
  await Promise.all(names.map((name) => gone(name)));
  plugin.hang(false);
});

const pages = '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages';
test('huge pages are given as asked for, in volumes too; without them the Pod is refused', async () => {
  const before = readFileSync(pages, 'utf8');
  try {
    writeFileSync(pages, String(Number(before) + 4));
    assert.equal(Number(readFileSync(pages, 'utf8')), Number(before) + 4, 'the kernel has no memory for huge pages');
    await node.restart();
    const { status } = await node.api.get('/api/v1/nodes/n1');
    assert.equal(status.capacity['hugepages-2Mi'], `${(Number(before) + 4) * 2}Mi`);
    const amounts = { 'hugepages-2Mi': '4Mi', memory: '32Mi', cpu: '50m' };
    await node.createPod({
      name: 'huge',
      spec: {
        volumes: [
          { name: 'v', emptyDir: { medium: 'HugePages' } },
          { name: 'w', emptyDir: { medium: 'HugePages-2Mi' } },
        ],
        containers: [
          shell('grep huge /proc/mounts | cut -d" " -f2-4; exec sleep 1000', {
            resources: { requests: amounts, limits: amounts },
            volumeMounts: [
              { name: 'v', mountPath: '/v' },
              { name: 'w', mountPath: '/w' },
            ],
          }),
        ],
      },
    });
    await running('huge');
    await says('huge', /^\/v hugetlbfs \S*pagesize=2M\S*\n\/w hugetlbfs \S*pagesize=2M/);
    await remove('huge');
    await gone('huge');
    const more = { ...amounts, 'hugepages-2Mi': '2Gi' };
    await node.createPod({
      name: 'huger',
      spec: { containers: [shell('exec sleep 1000', { resources: { requests: more, limits: more } })] },
    });
    assert.equal((await ended('huger')).status.reason, 'OutOfhugepages-2Mi');
  } finally {
    writeFileSync(pages, before.trim());
  }
});
