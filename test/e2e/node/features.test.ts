// What Pods may ask for beyond the plain: done for real, or refused in words.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseSample, useBetween } from '#apiserver/resource-usage/samples.ts';
import { busyboxImageName } from '../../../scripts/images/stock-images.ts';
import { startTestNode, type TestNode } from './cluster.ts';
import { onNode, shell } from './kit.ts';
import { nodeRequest } from './node-door.ts';
import { isClosedNamespace, startTestMachine, type TestMachine } from './machine.ts';
import type { Json } from '#kit/start-api-server.ts';

let machine: TestMachine;
let node: TestNode;
const { until, running, ended, event, gone, logs } = onNode(() => node);
before(async () => {
  assert.ok(isClosedNamespace(), 'run with: node test/e2e/node/run.ts');
  machine = await startTestMachine();
  node = await startTestNode(machine, { housekeepingMs: 700 });
});
after(async () => {
  await node?.close();
  await machine?.close();
});

test('an ephemeral container runs beside the others, sees its target, and is never started again', async () => {
  await node.createPod({ name: 'debugged', spec: { containers: [shell('exec sleep 987')] } });
  await running('debugged');
  const path = '/api/v1/namespaces/default/pods/debugged';
  const current = await node.api.get(path);
  const answer = await node.api.send('PUT', `${path}/ephemeralcontainers`, {
    body: {
      ...current,
      spec: {
        ...current.spec,
        ephemeralContainers: [
          { ...shell('ps; exit 4'), name: 'debugger', targetContainerName: 'main', terminationMessagePolicy: 'File' },
        ],
      },
    },
  });
  assert.equal(answer.status, 200);
  const pod = await until(
    'debugged',
    'has run the debugger',
    ({ status }) => status.ephemeralContainerStatuses?.[0]?.state?.terminated,
  );
  assert.equal(pod.status.ephemeralContainerStatuses[0].state.terminated.exitCode, 4);
  assert.match(await logs('default/debugged/debugger'), /sleep 987/);
  assert.match(await event('debugged', /^Started: /), /Started/);
  assert.equal(pod.status.phase, 'Running');
});

test('a rule restarts all containers: init containers run again, counts grow, the reason stays visible', async () => {
  const mounts = { volumeMounts: [{ name: 'v', mountPath: '/v' }] };
  await node.createPod({
    name: 'all-again',
    spec: {
      restartPolicy: 'Never',
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [{ ...shell('echo init >> /v/log', mounts), name: 'init' }],
      containers: [
        shell('[ $(wc -l < /v/log) -ge 2 ] && exec sleep 1000; sleep 0.3; exit 42', {
          ...mounts,
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
        }),
        { ...shell('exec sleep 1000'), name: 'beside' },
      ],
    },
  });
  const pod = await until('all-again', 'runs a second time', ({ status }) =>
    status.containerStatuses?.every((one: Json) => one.restartCount === 1 && one.state.running !== undefined),
  );
  assert.equal(pod.status.initContainerStatuses[0].restartCount, 1);
  const [init, ...regular] = [...pod.status.initContainerStatuses, ...pod.status.containerStatuses];
  assert.equal(init.lastState.terminated.exitCode, 0);
  assert.deepEqual(
    regular.map((one: Json) => one.lastState.terminated.exitCode),
    [42, 137],
  );
});

test("what this runtime or host cannot do is refused with upstream's reason", async () => {
  const plain = { containers: [shell('exec sleep 1000')] };
  await Promise.all([
    node.createPod({ name: 'strict', spec: { ...plain, securityContext: { supplementalGroupsPolicy: 'Strict' } } }),
    node.createPod({
      name: 'unsafe',
      spec: { ...plain, securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } },
    }),
    node.createPod({ name: 'own-users', spec: { ...plain, hostUsers: false } }),
    node.createPod({
      name: 'all-read-only',
      spec: {
        volumes: [{ name: 'v', emptyDir: {} }],
        containers: [
          shell('exec sleep 1000', {
            volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Enabled' }],
          }),
        ],
      },
    }),
    node.createPod({
      name: 'long-name',
      spec: { ...plain, hostname: 'h'.repeat(40), subdomain: 's'.repeat(40), setHostnameAsFQDN: true },
    }),
    node.createPod({
      name: 'too-much',
      spec: { containers: [shell('exec sleep 1', { resources: { requests: { cpu: '1000' } } })] },
    }),
  ]);
  const strict = await ended('strict');
  assert.equal(strict.status.reason, 'SupplementalGroupsPolicyNotSupported');
  assert.equal(
    strict.status.message,
    'Pod was rejected: SupplementalGroupsPolicy=Strict is not supported in this node',
  );
  assert.equal((await ended('unsafe')).status.reason, 'SysctlForbidden');
  assert.equal((await ended('too-much')).status.reason, 'OutOfcpu');
  assert.match(
    await event('own-users', /^FailedCreatePodSandBox/),
    /can't set `spec.hostUsers: false`, runtime does not support user namespaces/,
  );
  assert.match(
    (
      await until(
        'all-read-only',
        'waits',
        ({ status }) => status.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
      )
    ).status.containerStatuses[0].state.waiting.message,
    /requested recursive read-only mode, but it is not supported by the runtime/,
  );
  assert.match(await event('long-name', /^FailedCreatePodSandBox/), /is too long \(64 characters is the max/);
});

test('a host port is given once: the second Pod is refused, and one that comes after the first has gone runs', async () => {
  const spec = {
    containers: [shell('exec sleep 1000', { ports: [{ containerPort: 21_017, hostPort: 21_017 }] })],
  };
  await node.createPod({ name: 'port-first', spec });
  await running('port-first');
  await node.createPod({ name: 'port-second', spec });
  const { status } = await ended('port-second');
  assert.equal(status.phase, 'Failed');
  assert.equal(status.reason, 'NodePorts');
  assert.equal(
    status.message,
    "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
  );
  await node.createPod({ name: 'elsewhere', spec: { ...spec, nodeSelector: { disk: 'fast' } } });
  assert.equal((await ended('elsewhere')).status.reason, 'NodeAffinity');
  await node.api.delete('/api/v1/namespaces/default/pods/port-first');
  await gone('port-first');
  await node.createPod({ name: 'port-third', spec });
  await running('port-third');
});

test('a RuntimeClass names the runtime handler; a handler that the runtime has not is told', async () => {
  await node.api.create('/apis/node.k8s.io/v1/runtimeclasses', {
    kind: 'RuntimeClass',
    apiVersion: 'node.k8s.io/v1',
    metadata: { name: 'good' },
    handler: 'runc',
  });
  await node.api.create('/apis/node.k8s.io/v1/runtimeclasses', {
    kind: 'RuntimeClass',
    apiVersion: 'node.k8s.io/v1',
    metadata: { name: 'unknown-handler' },
    handler: 'sandboxed',
  });
  const spec = { containers: [{ name: 'main', image: busyboxImageName, command: ['sleep', '1000'] }] };
  await node.createPod({ name: 'class-good', spec: { ...spec, runtimeClassName: 'good' } });
  await node.createPod({ name: 'class-unknown', spec: { ...spec, runtimeClassName: 'unknown-handler' } });
  await running('class-good');
  assert.match(await event('class-unknown', /^FailedCreatePodSandBox/), /no runtime for "sandboxed" is configured/);
});

test('a Pod that fills its emptyDir beyond the limit is evicted', async () => {
  const write = shell('dd if=/dev/zero of=/v/file bs=1024 count=3000 2>/dev/null; exec sleep 1000', {
    volumeMounts: [{ name: 'v', mountPath: '/v' }],
  });
  await node.createPod({
    name: 'greedy',
    spec: { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }], containers: [write] },
  });
  await node.createPod({
    name: 'modest',
    spec: { volumes: [{ name: 'v', emptyDir: { sizeLimit: '100Mi' } }], containers: [write] },
  });
  const { status } = await ended('greedy');
  assert.deepEqual(
    [status.phase, status.reason, status.message],
    ['Failed', 'Evicted', 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '],
  );
  assert.equal((await running('modest')).status.phase, 'Running');
});

test('statistics tell what is used: processor, memory, network, disk', async () => {
  await node.createPod({
    name: 'busy',
    spec: {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        shell(
          'dd if=/dev/zero of=/v/file bs=1024 count=2000 2>/dev/null; wget -q -O /dev/null http://10.88.7.1:1/; while :; do :; done',
          {
            volumeMounts: [{ name: 'v', mountPath: '/v' }],
            resources: { limits: { cpu: '300m' } },
          },
        ),
      ],
    },
  });
  await running('busy');
  await node.until('the file is written', async () => {
    const one = (await summary()).pods.find((pod: Json) => pod.podRef.name === 'busy');
    return one.volume[0].usedBytes >= 2_000_000;
  });
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  const { node: ofNode, pods } = await summary();
  const busy = pods.find((pod: Json) => pod.podRef.name === 'busy');
  assert.ok(
    busy.cpu.usageNanoCores > 100e6 && busy.cpu.usageNanoCores < 450e6,
    `${busy.cpu.usageNanoCores} of 300 million`,
  );
  assert.ok(busy.containers[0].cpu.usageCoreNanoSeconds > 1e6);
  assert.ok(busy.containers[0].memory.workingSetBytes > 10_000);
  assert.ok(busy.memory.workingSetBytes >= busy.containers[0].memory.workingSetBytes);
  assert.equal(busy.network.name, 'eth0');
  assert.ok(busy.network.txBytes > 0);
  assert.ok(busy['ephemeral-storage'].usedBytes >= 2_000_000 && busy['ephemeral-storage'].inodesUsed >= 2);
  assert.ok(busy.process_stats.process_count >= 1);
  assert.ok(ofNode.rlimit.maxpid > ofNode.rlimit.curproc && ofNode.rlimit.curproc > 10);
  assert.ok(ofNode.runtime.imageFs.capacityBytes > 0 && ofNode.runtime.containerFs.availableBytes > 0);
  const [allPods] = ofNode.systemContainers;
  assert.equal(allPods.name, 'pods');
  assert.ok(allPods.memory.workingSetBytes >= busy.memory.workingSetBytes && allPods.memory.availableBytes > 0);
  assert.ok(ofNode.cpu.usageNanoCores > busy.cpu.usageNanoCores / 2);
  assert.ok(ofNode.memory.workingSetBytes > 1e6 && ofNode.fs.capacityBytes > ofNode.fs.usedBytes);
  assert.ok(Date.parse(ofNode.startTime) < Date.now() - 1_000);

  // The same as counters: between two readings they say what metrics.k8s.io tells.
  const before = parseSample(await nodeText('/metrics/resource'));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const text = await nodeText('/metrics/resource');
  assert.match(text, /^# TYPE container_cpu_usage_seconds_total counter$/m);
  assert.match(text, /^pod_memory_working_set_bytes\{namespace="default",pod="busy"\} \d+ \d+$/m);
  assert.match(text, /^container_start_time_seconds\{container="\w+",namespace="default",pod="busy"\} [\d.]+$/m);
  const now = parseSample(text);
  const [container, point] = [...now.pods.get('default/busy')!][0]!;
  const use = useBetween(before.pods.get('default/busy')!.get(container), point)!;
  assert.ok(use.cpuNanocores > 100e6 && use.cpuNanocores < 450e6, `${use.cpuNanocores} of 300 million`);
  assert.ok(use.memoryBytes > 10_000);
  const whole = useBetween(before.node, now.node)!;
  assert.ok(whole.cpuNanocores > use.cpuNanocores / 2 && whole.memoryBytes > use.memoryBytes);
});

async function nodeText(path: string): Promise<string> {
  const { status, body } = await node.agent.api.handle(nodeRequest(path));
  assert.ok(status === 200 && body.type === 'bytes');
  return Buffer.concat(body.parts).toString();
}

const summary = async (): Promise<Json> => JSON.parse(await nodeText('/stats/summary'));

test('the address of the node may change: its status follows', async () => {
  let address = '10.88.7.1';
  await node.restart({ nodeIps: () => [address] });
  await until('busy', 'is known', () => true);
  address = '10.88.7.250';
  await node.until(
    'the new address',
    async () => {
      const { status } = await node.api.get('/api/v1/nodes/n1');
      return status.addresses.some((one: Json) => one.type === 'InternalIP' && one.address === address);
    },
    12_000,
  );
});
