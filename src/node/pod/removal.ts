// Removes containers and sandboxes from the runtime, and what the node knows of them.
import type { PodsOptions } from './options.ts';
import type { RuntimeCache } from './runtime-cache.ts';
import type { PodRuntimeStatus } from './runtime-status.ts';
import type { PodState } from './state.ts';

export class Removal {
  readonly #options: Pick<PodsOptions, 'runtime' | 'machine'>;
  readonly #cache: RuntimeCache;

  constructor(options: Pick<PodsOptions, 'runtime' | 'machine'>, cache: RuntimeCache) {
    this.#options = options;
    this.#cache = cache;
  }

  async container(id: string): Promise<void> {
    await this.#options.runtime.removeContainer(id);
    this.#cache.removed(id);
  }

  async sandbox(uid: string, id: string): Promise<void> {
    await this.#options.runtime.stopPodSandbox(id);
    await this.#options.runtime.removePodSandbox(id);
    this.#cache.removed(id);
    // The runtime removes what is left of its containers with it.
    this.#cache.invalidate(uid);
  }

  /** Keeps the current and the one before of each name, as upstream's default. */
  async oldContainers(uid: string, state: PodState, runtime: PodRuntimeStatus): Promise<void> {
    const seen = new Map<string, number>();
    for (const one of runtime.containers) {
      const count = (seen.get(one.name) ?? 0) + 1;
      seen.set(one.name, count);
      if (count <= 2 || one.state !== 'exited') continue;
      await this.container(one.id);
      await this.#options.machine.remove(one.logPath);
      state.messages.delete(one.id);
    }
    for (const sandbox of runtime.sandboxes.slice(1))
      if (!sandbox.ready && !runtime.containers.some((one) => one.sandboxId === sandbox.id))
        await this.sandbox(uid, sandbox.id);
  }
}
