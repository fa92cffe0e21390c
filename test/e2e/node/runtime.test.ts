// The CRI client against a real containerd.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { connectRuntime, type ContainerRuntime } from '#node/cri/runtime.ts';
import { containerState } from '#node/cri/messages.ts';
import { busyboxImageName } from '../../../scripts/images/stock-images.ts';
import { isClosedNamespace, startTestMachine, type TestMachine } from './machine.ts';

let machine: TestMachine;
let runtime: ContainerRuntime;
before(async () => {
  assert.ok(isClosedNamespace(), 'run with: node test/e2e/node/run.ts');
  machine = await startTestMachine();
  runtime = await connectRuntime(machine.socketPath, systemClock);
});
after(async () => {
  runtime?.close();
  await machine?.close();
});

test('a sandbox and a container run, tell of their end, and go', async () => {
  assert.equal((await runtime.version()).runtimeName, 'containerd');
  const seen: string[] = [];
  const events = new AbortController();
  const watching = runtime.watchEvents((id) => seen.push(id), events.signal);
  const sandbox = {
    metadata: { name: 'a', uid: 'u1', namespace: 'default', attempt: 0 },
    hostname: 'a',
    logDirectory: path.join(machine.directory, 'logs'),
    dnsConfig: { servers: ['10.0.0.1'], searches: [], options: [] },
    portMappings: [],
    labels: { one: 'two' },
    annotations: {},
    linux: {
      cgroupParent: '/node-e2e',
      securityContext: { namespaceOptions: { network: 0, pid: 1, ipc: 0 } },
      sysctls: {},
    },
  };
  const id = await runtime.runPodSandbox(sandbox, '');
  const status = await runtime.podSandboxStatus(id);
  assert.match(status.network?.ip ?? '', /^10\.88\.7\./);
  assert.deepEqual(
    (await runtime.listPodSandboxes()).map((one) => one.labels),
    [{ one: 'two' }],
  );
  const container = await runtime.createContainer(
    id,
    {
      metadata: { name: 'c', attempt: 0 },
      image: { image: busyboxImageName },
      command: ['sh', '-c', 'echo hello; exit 3'],
      args: [],
      workingDir: '',
      envs: [],
      mounts: [],
      labels: {},
      annotations: {},
      logPath: 'c/0.log',
      stdin: false,
      stdinOnce: false,
      tty: false,
      linux: {
        resources: { oomScoreAdj: 1000 },
        securityContext: {
          privileged: false,
          namespaceOptions: { network: 0, pid: 1, ipc: 0 },
          readonlyRootfs: false,
          supplementalGroups: [],
          noNewPrivs: false,
          maskedPaths: [],
          readonlyPaths: [],
        },
      },
    },
    sandbox,
  );
  await runtime.startContainer(container);
  for (
    let i = 0;
    i < 100 &&
    !(seen.includes(container) && (await runtime.containerStatus(container)).state === containerState.exited);
    i++
  )
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(seen.includes(container), 'an event told of the container');
  assert.equal((await runtime.containerStatus(container)).exitCode, 3);
  await runtime.stopPodSandbox(id);
  await runtime.removePodSandbox(id);
  assert.deepEqual(await runtime.listPodSandboxes(), []);
  assert.deepEqual(await runtime.listContainers(), []);
  events.abort();
  await watching;
});
