// Stops containers and whole Pods within their grace. A stop goes on beside the work on the Pod, which is called again
// when it is done.
import { messageOf } from '#base/errors.ts';
import type { Container, Pod } from '#api/generated/types.ts';
import { isSidecar, type KillContainer } from './decide.ts';
import type { PodsOptions } from './options.ts';
import type { Removal } from './removal.ts';
import type { RuntimeCache } from './runtime-cache.ts';
import type { PodRuntimeStatus, RuntimeContainer } from './runtime-status.ts';
import { allContainers, fieldPath } from './spec-containers.ts';
import type { PodState } from './state.ts';

export class Stopping {
  readonly #options: PodsOptions;
  readonly #cache: RuntimeCache;
  readonly #removal: Removal;
  readonly #enqueue: (podUid: string) => void;

  constructor(options: PodsOptions, cache: RuntimeCache, removal: Removal, enqueue: (podUid: string) => void) {
    this.#options = options;
    this.#cache = cache;
    this.#removal = removal;
    this.#enqueue = enqueue;
  }

  /** What decide() asked for; probes may have a grace of their own. */
  kill(pod: Pod, state: PodState, { container, message, reason }: KillContainer): void {
    const spec = allContainers(pod).find((one) => one.name === container.name);
    const ofProbe =
      reason === 'liveness'
        ? spec?.livenessProbe?.terminationGracePeriodSeconds
        : reason === 'startup'
          ? spec?.startupProbe?.terminationGracePeriodSeconds
          : undefined;
    this.container(pod, state, container, spec, message, ofProbe ?? pod.spec.terminationGracePeriodSeconds ?? 30);
  }

  /** Without a spec no hook runs, and events name no container. */
  container(
    pod: Pod | undefined,
    state: PodState,
    container: RuntimeContainer,
    spec: Container | undefined,
    message: string,
    graceSeconds: number,
  ): void {
    const { clock, scope, starter, events, probes, logger } = this.#options;
    const untilMs = clock.monotonicMs() + graceSeconds * 1000;
    const already = state.stopping.get(container.id);
    // Asked again with a shorter grace (a second delete): stop sooner.
    if (already !== undefined && already.untilMs <= untilMs + 500) return;
    const mark = { untilMs };
    state.stopping.set(container.id, mark);
    probes.remove(container.id);
    const emit = (type: 'Normal' | 'Warning', reason: string, text: string) => {
      if (pod !== undefined)
        events.event(pod, type, reason, text, spec === undefined ? undefined : fieldPath(pod, spec));
    };
    if (already === undefined) emit('Normal', 'Killing', message);
    const uid = this.#cache.owner(container.id) ?? pod?.metadata.uid ?? '';
    // When the agent ends, the grace goes on without it: the next one looks at what is still there.
    scope.spawn(`stop ${container.name}`, async (signal) => {
      try {
        await starter.stop(
          container.id,
          already === undefined ? spec : undefined,
          state.ips[0] ?? '',
          graceSeconds,
          emit,
          signal,
        );
      } catch (error) {
        if (!signal.aborted)
          logger.warn('stopping a container failed', { container: container.id, error: messageOf(error) });
      } finally {
        if (state.stopping.get(container.id) === mark) state.stopping.delete(container.id);
        this.#cache.changed(container.id);
        this.#enqueue(uid);
      }
    });
  }

  /** Containers first, sidecars after the others, then sandboxes. True: look again. */
  async pod(pod: Pod | undefined, state: PodState, runtime: PodRuntimeStatus): Promise<boolean> {
    const alive = runtime.containers.filter((one) => one.state === 'running');
    if (alive.length > 0) {
      const specs = new Map(
        (pod === undefined ? [] : allContainers(pod)).map((one): [string, Container] => [one.name, one]),
      );
      const graceOf = (one: RuntimeContainer) =>
        Math.max(
          state.graceSeconds ??
            pod?.metadata.deletionGracePeriodSeconds ??
            pod?.spec.terminationGracePeriodSeconds ??
            one.graceSeconds,
          1,
        );
      const isLate = (one: RuntimeContainer) => {
        const spec = specs.get(one.name);
        return spec !== undefined && isSidecar(spec);
      };
      const first = alive.filter((one) => !isLate(one));
      for (const one of first.length > 0 ? first : alive)
        this.container(pod, state, one, specs.get(one.name), `Stopping container ${one.name}`, graceOf(one));
      return false;
    }
    const ready = runtime.sandboxes.filter((one) => one.ready);
    for (const sandbox of ready) {
      await this.#options.runtime.stopPodSandbox(sandbox.id);
      this.#cache.changed(sandbox.id);
    }
    for (const one of runtime.containers) if (one.state === 'created') await this.#removal.container(one.id);
    return ready.length > 0 || runtime.containers.some((one) => one.state === 'created');
  }
}
