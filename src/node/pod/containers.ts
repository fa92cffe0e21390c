// Starts and stops single containers: image, configuration, hooks, termination messages, logs' directories.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Container, Pod } from '#api/generated/types.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { Image, PodSandboxConfig } from '../cri/messages.ts';
import { type ContainerRuntime, isRuntimeNotFound } from '../cri/runtime.ts';
import type { DeviceOptions } from '../devices/choice.ts';
import type { PodDevices } from '../devices/devices.ts';
import type { PodClaims } from '../dra/claims.ts';
import type { Images } from '../images/images.ts';
import { containerDevices, containerMounts } from '../volumes/container-mounts.ts';
import type { MountedVolume, PodVolumes } from '../volumes/volumes.ts';
import { ContainerConfigError, containerEnvironment, type EnvironmentSources } from './environment.ts';
import { expand } from './expansion.ts';
import { runHook } from './handlers.ts';
import { hostsFile } from './hosts-file.ts';
import {
  containerConfig,
  type NodeRuntimeSettings,
  podDomain,
  podLogDirectory,
  type UserMappings,
} from './runtime-config.ts';
import type { RuntimeContainer } from './runtime-status.ts';

export type EmitEvent = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

/** The container waits: `reason` and `message` of its waiting state. */
export class ContainerWaits extends Error {
  readonly reason: string;
  readonly retryInMs: number | undefined;
  /** The runtime was asked for something and may have done it or not. */
  readonly outcomeUnknown: boolean;
  constructor(reason: string, message: string, retryInMs?: number, outcomeUnknown = false) {
    super(message);
    this.reason = reason;
    this.retryInMs = retryInMs;
    this.outcomeUnknown = outcomeUnknown;
  }
}

export interface ContainerStarterOptions {
  readonly runtime: ContainerRuntime;
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly images: Images;
  readonly volumes: PodVolumes;
  readonly settings: NodeRuntimeSettings;
  readonly devices: PodDevices;
  readonly claims: Pick<PodClaims, 'devices'>;
}

export interface StartRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly sandboxId: string;
  readonly sandbox: PodSandboxConfig;
  readonly restartCount: number;
  readonly podIps: readonly string[];
  readonly mountedVolumes: ReadonlyMap<string, MountedVolume>;
  readonly sources: EnvironmentSources;
  readonly users: UserMappings;
  /** The container whose processes this one sees (ephemeral containers). */
  readonly target: { readonly name: string; readonly id: string | undefined } | undefined;
  readonly recursiveReadOnlyMounts: boolean;
  readonly credentials: Parameters<Images['ensure']>[0]['credentials'];
  readonly emit: EmitEvent;
  readonly onImageSettled: () => void;
  readonly onCreated: (containerId: string) => void;
}

const terminationMessageBytesMax = 4096;
const fallbackLogBytesMax = 2048;
const fallbackLogLinesMax = 80;

export class ContainerStarter {
  readonly #options: ContainerStarterOptions;

  constructor(options: ContainerStarterOptions) {
    this.#options = options;
  }

  /** Throws ContainerWaits when it cannot be started now. */
  async start(request: StartRequest): Promise<void> {
    const { runtime, settings, machine } = this.#options;
    const { pod, container, emit, restartCount } = request;
    const image = await this.#image(request, container);
    const volumeImages = new Map<string, string>();
    for (const { name } of container.volumeMounts ?? []) {
      const source = request.mountedVolumes.get(name)?.image;
      if (source === undefined || volumeImages.has(name)) continue;
      const wanted = { ...container, image: source.reference, imagePullPolicy: source.pullPolicy };
      volumeImages.set(name, (await this.#image(request, wanted)).id);
    }
    let containerId: string;
    try {
      if (request.target !== undefined && request.target.id === undefined)
        throw new ContainerConfigError(`unable to find target container ${request.target.name}`);
      const given = await this.#devices(pod, container);
      const environment = { ...given?.environment, ...(await containerEnvironment(pod, container, request.sources)) };
      const mounts = [
        ...(await containerMounts({
          machine,
          podDirectory: this.#options.volumes.podDirectory(pod.metadata.uid ?? ''),
          container,
          volumes: request.mountedVolumes,
          environment,
          images: volumeImages,
          recursiveReadOnlyMounts: request.recursiveReadOnlyMounts,
        })),
        ...(await this.#managedMounts(request)),
        ...(given?.mounts ?? []),
      ];
      const config = containerConfig({
        pod,
        container,
        restartCount,
        imageRef: image.id,
        imageUser: { uid: image.uid?.value, username: image.username },
        environment,
        command: (container.command ?? []).map((one) => expand(one, environment)),
        args: (container.args ?? []).map((one) => expand(one, environment)),
        mounts,
        devices: [...containerDevices(container, request.mountedVolumes), ...(given?.devices ?? [])],
        annotations: given?.annotations ?? {},
        cdiDevices: [...(given?.cdiDevices ?? []), ...this.#claimed(pod, container)],
        settings,
        users: request.users,
        targetId: request.target?.id,
      });
      await machine.makeDirectory(`${podLogDirectory(settings.podLogDirectory, pod)}/${container.name}`, 0o755);
      containerId = await runtime.createContainer(request.sandboxId, config, request.sandbox);
    } catch (error) {
      emit('Warning', 'Failed', `Error: ${messageOf(error)}`);
      throw new ContainerWaits(
        error instanceof ContainerConfigError ? 'CreateContainerConfigError' : 'CreateContainerError',
        messageOf(error),
        10_000,
        !(error instanceof ContainerConfigError),
      );
    }
    request.onCreated(containerId);
    emit('Normal', 'Created', 'Container created');
    try {
      await runtime.startContainer(containerId);
    } catch (error) {
      emit('Warning', 'Failed', `Error: ${messageOf(error)}`);
      throw new ContainerWaits('RunContainerError', messageOf(error), 10_000, true);
    }
    emit('Normal', 'Started', 'Container started');
    const stopSignal = container.lifecycle?.stopSignal;
    if (stopSignal !== undefined && (await runtime.containerStatus(containerId)).stopSignal === 0)
      emit(
        'Warning',
        'StopSignalNotSupported',
        `The container runtime does not support stop signals: not ${stopSignal}, the image's own is sent`,
      );
    const postStart = container.lifecycle?.postStart;
    if (postStart === undefined) return;
    try {
      await runHook(this.#options, postStart, { container, containerId, podIp: request.podIps[0] ?? '' }, 0);
    } catch (error) {
      emit('Warning', 'FailedPostStartHook', 'PostStartHook failed');
      emit('Normal', 'Killing', 'FailedPostStartHook');
      await this.stop(
        containerId,
        container,
        request.podIps[0] ?? '',
        pod.spec.terminationGracePeriodSeconds ?? 30,
        emit,
      );
      throw new ContainerWaits('PostStartHookError', messageOf(error), 10_000, true);
    }
  }

  async #devices(pod: Pod, container: Container): Promise<DeviceOptions | undefined> {
    try {
      return await this.#options.devices.options(pod, container);
    } catch (error) {
      throw new ContainerConfigError(messageOf(error), { cause: error });
    }
  }

  #claimed(pod: Pod, container: Container): readonly { readonly name: string }[] {
    try {
      return this.#options.claims.devices(pod, container).map((name) => ({ name }));
    } catch (error) {
      throw new ContainerConfigError(messageOf(error), { cause: error });
    }
  }

  async #image(request: StartRequest, container: Container): Promise<Image> {
    const { emit } = request;
    const answer = await this.#options.images.ensure({
      podUid: request.pod.metadata.uid ?? '',
      container,
      sandbox: request.sandbox,
      credentials: request.credentials,
      emit: (event) => emit(event.type, event.reason, event.message),
      onSettled: request.onImageSettled,
    });
    if (answer.state === 'present') return answer.image;
    if (answer.state === 'pulling') throw new ContainerWaits('', '');
    if (answer.reason !== 'ErrImagePull') emit('Warning', 'Failed', `Error: ${answer.reason}`);
    throw new ContainerWaits(answer.reason, answer.message, answer.retryInMs);
  }

  /** preStop within the grace, then the runtime's stop. Nothing happens when it is gone. Waits no longer once `signal` says so. */
  async stop(
    containerId: string,
    container: Container | undefined,
    podIp: string,
    graceSeconds: number,
    emit: EmitEvent,
    signal?: AbortSignal,
  ): Promise<void> {
    // One that begins while the agent ends would hear of it no more.
    signal?.throwIfAborted();
    const { runtime, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const preStop = container?.lifecycle?.preStop;
    if (preStop !== undefined && container !== undefined && graceSeconds > 0) {
      const hook = runHook(this.#options, preStop, { container, containerId, podIp }, graceSeconds).catch(() =>
        emit('Warning', 'FailedPreStopHook', 'PreStopHook failed'),
      );
      const limit = Promise.withResolvers<void>();
      const timer = clock.schedule(graceSeconds * 1000, limit.resolve);
      signal?.addEventListener('abort', () => limit.resolve(), { once: true });
      await Promise.race([hook, limit.promise]);
      timer.cancel();
      signal?.throwIfAborted();
    }
    const spentSeconds = (clock.monotonicMs() - startedMs) / 1000;
    // Upstream leaves at least two seconds after a hook that used up the grace.
    const left = preStop === undefined ? graceSeconds : Math.max(2, Math.ceil(graceSeconds - spentSeconds));
    try {
      await runtime.stopContainer(containerId, left, signal);
    } catch (error) {
      if (!isRuntimeNotFound(error)) throw error;
    }
  }

  /** What the container left at its termination message path, or the end of its log. */
  async terminationMessage(pod: Pod, ended: RuntimeContainer): Promise<string> {
    const { machine, volumes } = this.#options;
    const own = await machine.readTail(
      `${volumes.podDirectory(pod.metadata.uid ?? '')}/containers/${ended.name}/${ended.restartCount}`,
      terminationMessageBytesMax,
    );
    const text = own === undefined ? '' : Buffer.from(own).toString('utf8');
    if (text !== '' || ended.terminationMessagePolicy !== 'FallbackToLogsOnError' || ended.exitCode === 0) return text;
    const log = await machine.readTail(ended.logPath, fallbackLogBytesMax * 4);
    if (log === undefined) return '';
    const lines = Buffer.from(log)
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .slice(-fallbackLogLinesMax)
      .map((line) => /^\S+ (?:stdout|stderr) ([FP])\S* (.*)$/s.exec(line))
      .map((match) => (match === null ? '' : `${match[2]}${match[1] === 'F' ? '\n' : ''}`));
    return Buffer.from(lines.join('')).subarray(-fallbackLogBytesMax).toString('utf8');
  }

  /** /etc/hosts and the termination message file. */
  async #managedMounts(
    request: StartRequest,
  ): Promise<{ containerPath: string; hostPath: string; readonly: boolean }[]> {
    const { machine, volumes, settings } = this.#options;
    const { pod, container, podIps, restartCount } = request;
    const directory = volumes.podDirectory(pod.metadata.uid ?? '');
    const mounts: { containerPath: string; hostPath: string; readonly: boolean }[] = [];
    const mountsHosts = (container.volumeMounts ?? []).some((one) => one.mountPath === '/etc/hosts');
    if (!mountsHosts) {
      const hostFile = pod.spec.hostNetwork === true ? await machine.readText('/etc/hosts') : undefined;
      const file = `${directory}/etc-hosts`;
      await machine.write(file, hostsFile(pod, podIps, hostFile, podDomain(pod, settings)), 0o644);
      mounts.push({ containerPath: '/etc/hosts', hostPath: file, readonly: false });
    }
    const path = container.terminationMessagePath ?? '/dev/termination-log';
    if (path !== '') {
      await machine.makeDirectory(`${directory}/containers/${container.name}`, 0o750);
      const file = `${directory}/containers/${container.name}/${restartCount}`;
      await machine.write(file, '', 0o666);
      mounts.push({ containerPath: path, hostPath: file, readonly: false });
    }
    return mounts;
  }
}
