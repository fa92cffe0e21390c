// The runtime as one life of the node agent sees it: calls take time, fail, hang, and are done or not when the agent dies in
// the middle of one.
import { sleep } from '#base/clock.ts';
import { grpcCode, GrpcError } from '#wire/grpc.ts';
import * as cri from '#node/cri/messages.ts';
import type { ContainerRuntime } from '#node/cri/runtime.ts';
import type { SimulatedContainer, SimulatedRuntime, SimulatedSandbox } from './container-runtime.ts';
import type { Dice } from './dice.ts';
import type { Journal } from './journal.ts';
import type { Life, Timeline } from './timeline.ts';

export interface CallConditions {
  /** Mean time of a call. */
  callMs: number;
  /** Share of calls that fail; half of those have done their work. */
  errors: number;
  /** Calls wait until this is over. */
  hangs: boolean;
  /** Share of events that are lost. */
  eventsLost: number;
}

const hangLookMs = 1_000;
const callTimeoutMs = 120_000;
const nanoseconds = (ms: number): number => ms * 1e6;
const matches = (labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>> = {}): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

const sandboxMessage = ({ id, config, createdAtMs, ready }: SimulatedSandbox): cri.PodSandbox => ({
  id,
  metadata: config.metadata,
  state: ready ? cri.sandboxState.ready : cri.sandboxState.notReady,
  createdAt: nanoseconds(createdAtMs),
  labels: config.labels,
  annotations: config.annotations,
});
const containerMessage = (one: SimulatedContainer): cri.Container => ({
  id: one.id,
  podSandboxId: one.sandbox.id,
  metadata: one.config.metadata,
  image: one.config.image,
  imageRef: one.config.image.image,
  state: cri.containerState[one.state],
  createdAt: nanoseconds(one.createdAtMs),
  labels: one.config.labels,
  annotations: one.config.annotations,
});

export interface ConnectionOptions {
  readonly runtime: SimulatedRuntime;
  readonly life: Life;
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly conditions: CallConditions;
  readonly journal: Journal;
}

export function connectSimulatedRuntime(options: ConnectionOptions): ContainerRuntime {
  const { runtime, life, timeline, dice, conditions, journal } = options;
  const passes = (ms: number): Promise<void> => new Promise((resolve) => timeline.schedule(ms, resolve));
  const failure = (name: string, code: number, message: string): GrpcError => {
    journal.write(runtime.options.node, `runtime: ${name}: ${message}`);
    return new GrpcError(code, message);
  };
  /** The call is on its way whatever becomes of the agent. */
  const perform = async <T>(name: string, work: () => T | Promise<T>): Promise<T> => {
    const startedMs = timeline.monotonicMs;
    await passes(dice.around(conditions.callMs));
    while (conditions.hangs) {
      if (timeline.monotonicMs - startedMs > callTimeoutMs)
        throw failure(name, grpcCode.deadlineExceeded, 'context deadline exceeded');
      await passes(hangLookMs);
    }
    // It never left the agent.
    if (!life.alive && dice.chance(0.5)) throw new GrpcError(grpcCode.cancelled, 'context canceled');
    const fails = dice.chance(conditions.errors);
    if (fails && dice.chance(0.5)) throw failure(name, grpcCode.unknown, 'the runtime failed');
    const answer = await work();
    if (fails) throw failure(name, grpcCode.unknown, 'the runtime failed after its work was done');
    return answer;
  };
  const call = <T>(name: string, work: () => T | Promise<T>): Promise<T> => life.incoming(perform(name, work));
  const refuse = (): Promise<never> => Promise.reject(new GrpcError(grpcCode.unimplemented, 'not in a simulation'));
  return {
    version: () => call('version', () => ({ runtimeName: 'simulated', runtimeVersion: '1.0.0' })),
    state: () =>
      call('state', () => ({
        conditions: ['RuntimeReady', 'NetworkReady'].map((type) => ({ type, status: true, reason: '', message: '' })),
        handlers: [{ name: '', recursiveReadOnlyMounts: true, userNamespaces: false }],
        features: { supplementalGroupsPolicy: true },
      })),
    cgroupDriver: () => call('cgroupDriver', () => 'cgroupfs' as const),
    sandboxImage: () => call('sandboxImage', () => undefined),
    runPodSandbox: (config) => call('runPodSandbox', () => runtime.runPodSandbox(config)),
    stopPodSandbox: (id) => call('stopPodSandbox', () => runtime.stopPodSandbox(id)),
    removePodSandbox: (id) => call('removePodSandbox', () => runtime.removePodSandbox(id)),
    podSandboxStatus: (id) =>
      call('podSandboxStatus', () => {
        const found = runtime.sandboxes.get(id);
        if (found === undefined) throw new GrpcError(grpcCode.notFound, `sandbox ${id} not found`);
        return { ...sandboxMessage(found), network: { ip: found.ip, additionalIps: [] } };
      }),
    listPodSandboxes: (labels) =>
      call('listPodSandboxes', () =>
        [...runtime.sandboxes.values()].filter((one) => matches(one.config.labels, labels)).map(sandboxMessage),
      ),
    createContainer: (sandboxId, config) => call('createContainer', () => runtime.createContainer(sandboxId, config)),
    startContainer: (id) => call('startContainer', () => runtime.startContainer(id)),
    stopContainer: (id, graceSeconds) => call('stopContainer', () => runtime.stopContainer(id, graceSeconds)),
    removeContainer: (id) => call('removeContainer', () => runtime.removeContainer(id)),
    listContainers: (labels) =>
      call('listContainers', () =>
        [...runtime.containers.values()].filter((one) => matches(one.config.labels, labels)).map(containerMessage),
      ),
    containerStatus: (id) =>
      call('containerStatus', () => {
        const found = runtime.containers.get(id);
        if (found === undefined) throw new GrpcError(grpcCode.notFound, `container ${id} not found`);
        return {
          ...containerMessage(found),
          startedAt: nanoseconds(found.startedAtMs),
          finishedAt: nanoseconds(found.finishedAtMs),
          exitCode: found.exitCode,
          imageId: found.config.image.image,
          reason: found.state === 'exited' ? (found.exitCode === 0 ? 'Completed' : 'Error') : '',
          message: '',
          logPath: `${found.sandbox.config.logDirectory}/${found.config.logPath}`,
          stopSignal: 0,
          resources: null,
        };
      }),
    reopenContainerLog: () => call('reopenContainerLog', () => undefined),
    updateContainerResources: () => call('updateContainerResources', () => undefined),
    execSync: () => call('execSync', () => ({ stdout: new Uint8Array(), stderr: new Uint8Array(), exitCode: 0 })),
    execUrl: refuse,
    attachUrl: refuse,
    portForwardUrl: refuse,
    listContainerStats: () => call('listContainerStats', () => []),
    listImages: () => call('listImages', () => [...runtime.images.values()]),
    imageStatus: (image) =>
      call(
        'imageStatus',
        () => runtime.images.get(image) ?? [...runtime.images.values()].find((one) => one.id === image),
      ),
    pullProgress: () => Promise.resolve(undefined),
    pullImage: (image) => call('pullImage', () => runtime.pullImage(image)),
    removeImage: (image) =>
      call('removeImage', () => {
        for (const [name, one] of runtime.images) if (name === image || one.id === image) runtime.images.delete(name);
      }),
    imageFilesystem: () => call('imageFilesystem', () => ({ mountpoint: '/var/lib/containers', usedBytes: 1_000_000 })),
    async watchEvents(onChange, signal) {
      const listener = (id: string): void => {
        if (life.alive && !dice.chance(conditions.eventsLost)) life.clock.schedule(1, () => onChange(id));
      };
      runtime.listeners.add(listener);
      life.onEnd(() => runtime.listeners.delete(listener));
      await sleep(life.clock, Number.MAX_SAFE_INTEGER, signal).catch(() => undefined);
      runtime.listeners.delete(listener);
    },
    close: () => undefined,
  };
}
