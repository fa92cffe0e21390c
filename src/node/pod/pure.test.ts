import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, EnvVar, Pod, PodStatus, Service } from '#api/generated/types.ts';
import { goSeconds, KeyedBackoff } from './back-off.ts';
import { containerEnvironment, ContainerConfigError, resourceField, serviceEnvironment } from './environment.ts';
import { expand } from './expansion.ts';
import { podCgroup } from './cgroup-names.ts';
import { hostsFile } from './hosts-file.ts';
import { oomScoreAdjust } from './oom-score.ts';
import {
  containerConfig,
  containerResources,
  type NodeRuntimeSettings,
  parseResolvConf,
  podDns,
} from './runtime-config.ts';
import type { RuntimeContainer } from './runtime-status.ts';
import { podPhase, podStatus } from './status.ts';

const settings: NodeRuntimeSettings = {
  hugePageSizes: [2 * 2 ** 20],
  clusterId: 'c',
  cgroupDriver: 'cgroupfs',
  cgroupRoot: 'kubepods',
  memoryBytes: 1e9,
  podsMemoryBytes: 1e9,
  podLogDirectory: '/l',
  clusterDns: ['10.43.0.10'],
  clusterDomain: 'cluster.local',
  seccompDirectory: '/s',
};
const pod = (spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: 'p', namespace: 'n', uid: 'a-b', labels: { b: '2', a: '1' } },
  spec: { containers: [{ name: 'main' }], ...spec },
});

test('references expand as documented', () => {
  assert.equal(expand('$(A)-$$(A)-$(B)-$$$(A)-$', { A: 'x' }), 'x-$(A)-$(B)-$x-$');
  assert.equal(expand('$(constructor)', {}), '$(constructor)');
  assert.equal(expand('$(A)$$$(A', { A: 'x' }), 'x$$(A');
  const started = performance.now();
  const open = '$('.repeat(200_000);
  assert.equal(expand(open, {}), open);
  assert.ok(performance.now() - started < 1_000);
});

test('the back-off starts at once, doubles, and is forgotten after a quiet time', () => {
  const backoff = new KeyedBackoff();
  assert.equal(backoff.remainingMs('k', 1000, 1000), 0);
  backoff.next('k', 1000, 1000);
  assert.equal(backoff.remainingMs('k', 2000, 3000), 9_000);
  for (let at = 20_000, i = 0; i < 10; i++, at += 300_000) backoff.next('k', at, at);
  assert.equal(backoff.delayMs('k'), 300_000);
  assert.equal(goSeconds(300_000), '5m0s');
  assert.equal(backoff.remainingMs('k', 20_000 + 10 * 300_000 + 600_001, 0), 0);
});

test('services become variables', () => {
  const service: Service = {
    metadata: { name: 'my-db', namespace: 'n' },
    spec: { clusterIP: '10.0.0.5', ports: [{ port: 80, name: 'web' }] },
  };
  const values = serviceEnvironment([
    service,
    { metadata: { name: 'h' }, spec: { clusterIP: 'None', ports: [{ port: 1 }] } },
  ]);
  assert.deepEqual(values, {
    MY_DB_SERVICE_HOST: '10.0.0.5',
    MY_DB_SERVICE_PORT: '80',
    MY_DB_SERVICE_PORT_WEB: '80',
    MY_DB_PORT: 'tcp://10.0.0.5:80',
    MY_DB_PORT_80_TCP: 'tcp://10.0.0.5:80',
    MY_DB_PORT_80_TCP_PROTO: 'tcp',
    MY_DB_PORT_80_TCP_PORT: '80',
    MY_DB_PORT_80_TCP_ADDR: '10.0.0.5',
  });
});

test('missing keys are named, optional ones left out', async () => {
  const sources = {
    configMap: async () => ({ data: { a: '1' } }),
    secret: async () => undefined,
    services: () => [],
    podIps: [],
    hostIps: [],
    allocatable: { cpu: 2 },
  };
  const of = (env: Container['env']) => containerEnvironment(pod(), { name: 'main', env }, sources);
  await assert.rejects(
    of([{ name: 'A', valueFrom: { configMapKeyRef: { name: 'm', key: 'b' } } }]),
    (error: Error) => error instanceof ContainerConfigError && error.message === "couldn't find key b in ConfigMap n/m",
  );
  await assert.rejects(
    of([{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'b' } } }]),
    /secret "s" not found/,
  );
  assert.deepEqual(await of([{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'b', optional: true } } }]), {});
  assert.equal(resourceField({ name: 'main' }, 'limits.cpu', '1m', { cpu: 2 }), '2000');
});

test('what every object has is no key, label or annotation', async () => {
  const sources = {
    configMap: () => Promise.resolve({ data: {} }),
    secret: () => Promise.resolve({ data: {} }),
    services: () => [],
    podIps: [],
    hostIps: [],
    allocatable: {},
  };
  const environmentOf = (valueFrom: EnvVar['valueFrom']) =>
    containerEnvironment(pod(), { name: 'main', env: [{ name: 'A', valueFrom }] }, sources);
  const reference = { name: 'c', key: 'constructor' };
  await assert.rejects(environmentOf({ configMapKeyRef: reference }), ContainerConfigError);
  assert.deepEqual(await environmentOf({ secretKeyRef: { ...reference, optional: true } }), {});
  assert.deepEqual(await environmentOf({ fieldRef: { fieldPath: "metadata.labels['constructor']" } }), { A: '' });
});

test('DNS by policy', () => {
  const host = parseResolvConf('nameserver 9.9.9.9\nsearch example.com\noptions ndots:2\n');
  assert.deepEqual(podDns(pod(), host, settings), {
    servers: ['10.43.0.10'],
    searches: ['n.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.com'],
    options: ['ndots:5'],
  });
  assert.deepEqual(podDns(pod({ hostNetwork: true }), host, settings), host);
  const own = pod({
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['1.1.1.1'], options: [{ name: 'ndots', value: '1' }] },
  });
  assert.deepEqual(podDns(own, host, settings), { servers: ['1.1.1.1'], searches: [], options: ['ndots:1'] });
});

test('resources become shares, quota, limit and an OOM score; the cgroup says the class', () => {
  const container: Container = {
    name: 'main',
    resources: { requests: { cpu: '500m', memory: '100M' }, limits: { cpu: '1', memory: '200M' } },
  };
  const one = pod({ containers: [container] });
  assert.deepEqual(containerResources(one, container, settings), {
    cpuShares: 512,
    cpuPeriod: 100_000,
    cpuQuota: 100_000,
    memoryLimitInBytes: 200e6,
    oomScoreAdj: 900,
    hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
  });
  assert.equal(oomScoreAdjust(pod(), { name: 'main' }, 1e9), 1000);
  assert.equal(podCgroup(one, settings), '/kubepods/burstable/poda-b');
  assert.equal(podCgroup(pod(), { ...settings, cgroupDriver: 'systemd' }), 'kubepods-besteffort-poda_b.slice');
});

test('runAsNonRoot refuses a root image; privileged gets no seccomp and no masked paths', () => {
  const input = {
    restartCount: 0,
    imageRef: 'i',
    imageUser: { uid: undefined, username: '' },
    environment: {},
    command: [],
    args: [],
    mounts: [],
    settings,
    users: undefined,
    targetId: undefined,
  };
  const make = (container: Container) =>
    containerConfig({ ...input, pod: pod({ containers: [container] }), container });
  assert.throws(
    () => make({ name: 'main', securityContext: { runAsNonRoot: true } }),
    /container has runAsNonRoot and image will run as root/,
  );
  const { securityContext } = make({ name: 'main', securityContext: { privileged: true } }).linux;
  assert.deepEqual([securityContext.maskedPaths, securityContext.seccomp], [[], undefined]);
});

test('the hosts file has addresses and aliases', () => {
  const text = hostsFile(pod({ hostAliases: [{ ip: '1.2.3.4', hostnames: ['x', 'y'] }] }), ['10.0.0.9'], undefined, '');
  assert.match(text, /\n10\.0\.0\.9\tp\n/);
  assert.match(text, /\n1\.2\.3\.4\tx\ty\n$/);
});

test('phases', () => {
  const status = (name: string, state: object, lastState: object = {}) => ({
    name,
    state,
    lastState,
    ready: false,
    restartCount: 0,
    image: '',
    imageID: '',
  });
  const two = pod({ restartPolicy: 'OnFailure', containers: [{ name: 'a' }, { name: 'b' }] });
  const ended = (exitCode: number) => ({ terminated: { exitCode } });
  assert.equal(podPhase(two, [status('a', ended(0)), status('b', { running: {} })], false, true), 'Running');
  assert.equal(podPhase(two, [status('a', ended(0)), status('b', ended(0))], false, true), 'Succeeded');
  assert.equal(podPhase(two, [status('a', ended(0)), status('b', ended(1))], false, true), 'Running');
  assert.equal(podPhase(two, [status('a', ended(0)), status('b', ended(1))], true, true), 'Failed');
  assert.equal(podPhase(two, [status('a', { waiting: {} }), status('b', { running: {} })], false, true), 'Pending');
  assert.equal(podPhase(two, [status('a', { waiting: {} }, ended(1)), status('b', ended(1))], false, true), 'Running');
});

const input = {
  runtime: { sandboxes: [], containers: [] },
  nodeIps: ['10.0.0.1'],
  waiting: new Map(),
  isReady: () => false,
  isStarted: () => false,
  runtimeName: 'containerd',
  terminating: false,
};

test('each condition of the node tells which generation of the Pod it is of, PodScheduled too', () => {
  const bound = { type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const { conditions = [] } = podStatus({
    ...input,
    nowMs: 1_000,
    pod: { ...pod(), metadata: { ...pod().metadata, generation: 3 }, status: { conditions: [bound] } },
  });
  assert.deepEqual(
    conditions.find((one) => one.type === 'PodScheduled'),
    { ...bound, observedGeneration: 3 },
  );
  assert.ok(conditions.every((one) => one.observedGeneration === 3));
});

test('transition times stay while a condition stays; conditions of others are kept', () => {
  const first = podStatus({ ...input, pod: pod(), nowMs: 1_000 });
  const gate = { type: 'example.com/gate', status: 'True' };
  const again = podStatus({
    ...input,
    nowMs: 90_000,
    pod: { ...pod(), status: { ...first, conditions: [...first.conditions!, gate] } },
  });
  assert.deepEqual(again.conditions, [...first.conditions!, gate]);
  assert.equal(
    first.conditions?.find((one) => one.type === 'Ready')?.message,
    'containers with unready status: [main]',
  );
  assert.equal(first.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating');
});

test('a restart stays counted when the container that was made for it is removed before it ran', () => {
  const ended: RuntimeContainer = {
    id: 'first',
    sandboxId: 's',
    name: 'main',
    state: 'exited',
    createdAtMs: 1,
    startedAtMs: 1,
    finishedAtMs: 2,
    exitCode: 1,
    reason: 'Error',
    message: '',
    image: '',
    imageRef: '',
    restartCount: 0,
    hash: '',
    logPath: '',
    terminationMessagePath: '',
    terminationMessagePolicy: '',
    graceSeconds: 30,
  };
  const made: RuntimeContainer = { ...ended, id: 'second', state: 'created', restartCount: 1 };
  const counted = (containers: readonly RuntimeContainer[], before?: PodStatus) =>
    podStatus({
      runtime: { sandboxes: [], containers },
      nodeIps: ['10.0.0.1'],
      waiting: new Map(),
      isReady: () => false,
      isStarted: () => false,
      runtimeName: 'containerd',
      terminating: false,
      nowMs: 3,
      pod: { ...pod(), ...(before === undefined ? {} : { status: before }) },
    });
  const during = counted([made, ended]);
  assert.equal(during.containerStatuses?.[0]?.restartCount, 1);
  assert.equal(counted([ended], during).containerStatuses?.[0]?.restartCount, 1);
});

test('what containers ended with that were removed to begin anew stays known', () => {
  const ended: RuntimeContainer = {
    id: 'old',
    sandboxId: 's',
    name: 'main',
    state: 'exited',
    createdAtMs: 1,
    startedAtMs: 1,
    finishedAtMs: 2,
    exitCode: 42,
    reason: 'Error',
    message: '',
    image: '',
    imageRef: '',
    restartCount: 0,
    hash: '',
    logPath: '',
    terminationMessagePath: '',
    terminationMessagePolicy: '',
    graceSeconds: 30,
  };
  const last = (containers: readonly RuntimeContainer[]) =>
    podStatus({
      ...input,
      pod: pod(),
      nowMs: 3,
      runtime: { sandboxes: [], containers },
      removed: new Map([['main', ended]]),
    }).containerStatuses?.[0]?.lastState?.terminated?.exitCode;
  assert.equal(last([{ ...ended, id: 'new', state: 'running', restartCount: 1 }]), 42);
  assert.equal(last([]), 42);
});
