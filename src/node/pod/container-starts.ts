// Starts containers of a Pod that has its sandbox: back-off after failures, restart counts, and the restart of all at once.
import type { Container, EphemeralContainer, Pod } from '#api/generated/types.ts';
import type { PullCredential } from '../images/keyring.ts';
import { goSeconds, type KeyedBackoff } from './back-off.ts';
import { ContainerWaits } from './containers.ts';
import { restartAllTrigger } from './decide.ts';
import type { PodsOptions } from './options.ts';
import type { Removal } from './removal.ts';
import type { RuntimeCache } from './runtime-cache.ts';
import { newestContainer, type PodRuntimeStatus, podIps } from './runtime-status.ts';
import type { Sandboxes } from './sandboxes.ts';
import { noteStarted } from './resize-actuation.ts';
import { containerList, fieldPath } from './spec-containers.ts';
import { comeBack, type PodState } from './state.ts';
import type { Stopping } from './stopping.ts';
import { setUpVolumes } from './volume-setup.ts';

export interface ContainerStartsParts {
  readonly cache: RuntimeCache;
  readonly backoff: KeyedBackoff;
  readonly removal: Removal;
  readonly sandboxes: Sandboxes;
  readonly stopping: Stopping;
  readonly enqueue: (podUid: string) => void;
}

/** As metrics name them. */
const containerTypes = {
  containers: 'container',
  initContainers: 'init_container',
  ephemeralContainers: 'ephemeral_container',
} as const;

export class ContainerStarts {
  readonly #options: PodsOptions;
  readonly #parts: ContainerStartsParts;

  constructor(options: PodsOptions, parts: ContainerStartsParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** True: it was started (or its start failed for good this time and the state changed). */
  async start(
    pod: Pod,
    state: PodState,
    runtime: PodRuntimeStatus,
    sandboxId: string,
    sandboxAttempt: number,
    container: Container | EphemeralContainer,
  ): Promise<boolean> {
    const { clock, starter, sources, events, metrics } = this.#options;
    const uid = pod.metadata.uid ?? '';
    const last = newestContainer(runtime, container.name);
    const podName = `${pod.metadata.name}_${pod.metadata.namespace}(${uid})`;
    const key = `${uid}_${container.name}`;
    const path = fieldPath(pod, container);
    const type = containerTypes[containerList(pod, container)];
    const restarting = last !== undefined && state.resources?.restarting.includes(last.id) === true;
    if (last?.state === 'exited' && !restarting) {
      const now = clock.now();
      const remainingMs = this.#parts.backoff.remainingMs(key, last.finishedAtMs, now);
      if (remainingMs > 0) {
        events.event(
          pod,
          'Warning',
          'BackOff',
          `Back-off restarting failed container ${container.name} in pod ${podName}`,
          path,
        );
        state.waiting.set(container.name, {
          reason: 'CrashLoopBackOff',
          message: `back-off ${goSeconds(this.#parts.backoff.delayMs(key))} restarting failed container=${container.name} pod=${podName}`,
        });
        comeBack(state, remainingMs);
        return false;
      }
    }
    if (last?.state === 'created') await this.#parts.removal.container(last.id);
    const ips = podIps(pod, runtime, this.#options.nodeIps());
    if (ips.join() !== state.ips.join()) {
      // Downward API volumes may show addresses.
      state.ips = ips;
      if (!(await setUpVolumes(this.#options, pod, state))) return false;
    }
    const restartCount =
      last === undefined
        ? (state.restarts.get(container.name) ?? previousRestarts(pod, container) ?? 0)
        : last.state === 'created'
          ? last.restartCount
          : last.restartCount + 1;
    const targetName = 'targetContainerName' in container ? container.targetContainerName : undefined;
    try {
      const { handler, users, config } = await this.#parts.sandboxes.context(pod, state, sandboxAttempt);
      await starter.start({
        pod,
        container,
        sandboxId,
        sandbox: config,
        users,
        recursiveReadOnlyMounts: handler.recursiveReadOnlyMounts,
        target:
          targetName === undefined || targetName === ''
            ? undefined
            : { name: targetName, id: newestContainer(runtime, targetName)?.id },
        restartCount,
        podIps: ips,
        mountedVolumes: state.mounted ?? new Map(),
        sources: sources.environment(pod, ips),
        credentials: (image) => this.#pullCredentials(pod, image),
        emit: (type, reason, message) => events.event(pod, type, reason, message, path),
        onImageSettled: () => this.#parts.enqueue(uid),
        onCreated: (id) => {
          this.#parts.cache.addContainer(uid, id, sandboxId);
          noteStarted(state, container.name, last?.id);
        },
      });
    } catch (error) {
      if (!(error instanceof ContainerWaits)) throw error;
      if (error.outcomeUnknown) {
        this.#parts.cache.invalidate(uid);
        // It was tried: a hook that always fails backs off like a crash.
        if (last?.state === 'exited') this.#parts.backoff.next(key, last.finishedAtMs, clock.now());
      }
      // Without a reason its image is on its way: nothing was to begin yet.
      if (error.reason !== '') metrics.containerBegan(type, error.reason);
      if (error.reason === '') state.waiting.delete(container.name);
      else state.waiting.set(container.name, { reason: error.reason, message: error.message });
      if (error.retryInMs !== undefined) comeBack(state, error.retryInMs);
      return false;
    }
    metrics.containerBegan(type);
    if (last?.state === 'exited' && !restarting) this.#parts.backoff.next(key, last.finishedAtMs, clock.now());
    state.waiting.delete(container.name);
    return true;
  }

  /** Tells of what is missing: the pull is tried all the same, as upstream does. */
  async #pullCredentials(pod: Pod, image: string): Promise<readonly PullCredential[]> {
    const { sources, events } = this.#options;
    const { credentials, missingSecrets, problems } = await sources.pullCredentials(pod, image);
    const tell = (message: string) => events.event(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
    if (missingSecrets.length > 0)
      tell(
        `Unable to retrieve some image pull secrets (${missingSecrets.join(', ')}); attempting to pull the image may not succeed.`,
      );
    for (const problem of problems) tell(`Unable to use some registry logins: ${problem}`);
    return credentials;
  }

  /** True: all are removed, begin again. */
  async restartAll(pod: Pod, state: PodState, runtime: PodRuntimeStatus): Promise<boolean> {
    const trigger = restartAllTrigger(pod, runtime);
    if (trigger === undefined) return false;
    const ephemeral = new Set((pod.spec.ephemeralContainers ?? []).map((one) => one.name));
    const own = runtime.containers.filter((one) => !ephemeral.has(one.name));
    const alive = own.filter((one) => one.state === 'running');
    for (const one of alive) this.#parts.stopping.container(pod, state, one, undefined, 'killing', 0);
    if (alive.length > 0) return false;
    const key = `${pod.metadata.uid}_${trigger.name}`;
    const remainingMs = this.#parts.backoff.remainingMs(key, trigger.finishedAtMs, this.#options.clock.now());
    if (remainingMs > 0) {
      comeBack(state, remainingMs);
      return false;
    }
    this.#parts.backoff.next(key, trigger.finishedAtMs, this.#options.clock.now());
    for (const one of own)
      state.restarts.set(one.name, Math.max(state.restarts.get(one.name) ?? 0, one.restartCount + 1));
    for (const one of own.toReversed()) if (one.state === 'exited') state.removed.set(one.name, one);
    // The one that asked goes last: it is what tells that the work is not done.
    for (const one of [...own.filter((other) => other !== trigger), trigger])
      await this.#parts.removal.container(one.id);
    return true;
  }
}

/** The runtime forgot the container (host rebooted, images reset): the count goes on. */
function previousRestarts(pod: Pod, container: Container): number | undefined {
  const before = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
    (one) => one.name === container.name,
  );
  if (before === undefined) return undefined;
  return before.state?.running !== undefined || before.state?.terminated !== undefined
    ? before.restartCount + 1
    : before.restartCount;
}
