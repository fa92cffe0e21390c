// The pulls themselves: how many at once, the credentials in turn, and an end for those that make no progress.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { PodSandboxConfig } from '../cri/messages.ts';
import { type ContainerRuntime, pullErrorText } from '../cri/runtime.ts';
import { parseImageName } from './image-name.ts';
import type { PullCredential } from './keyring.ts';

export interface Pull {
  /** What opened the registry; undefined: nothing was needed. */
  readonly credential: PullCredential | undefined;
  /** Without the wait for its turn. */
  readonly tookMs: number;
}

export interface PullerOptions {
  readonly runtime: Pick<ContainerRuntime, 'pullImage' | 'pullProgress'>;
  readonly clock: Clock;
  /** At once; the others wait their turn. 1: one after the other. */
  readonly pullsMax: number;
  /** A pull that brings nothing for so long is given up. */
  readonly progressDeadlineMs: number;
  /** Before each pull: what the runtime must know of registries (mirrors) is brought up to date. Throws: it is not allowed. */
  readonly prepare: (repository: string) => Promise<void>;
  /** True: the failure told how to do it better, after another `prepare`. */
  readonly learn: (failure: string) => boolean;
}

/** How often the deadline is looked at, in parts of it. */
const looksPerDeadline = 6;
/** Slow disks take long to unpack a large layer, and nothing tells of that. */
const unpackingFactor = 3;

export class Puller {
  readonly #options: PullerOptions;
  readonly #queue: (() => void)[] = [];
  #underWay = 0;

  constructor(options: PullerOptions) {
    this.#options = options;
  }

  /** Throws what the runtime says; all of it when several credentials failed. */
  async pull(
    image: string,
    credentials: readonly PullCredential[],
    sandbox: PodSandboxConfig,
    signal: AbortSignal,
  ): Promise<Pull> {
    await this.#turn(signal);
    try {
      const startedMs = this.#options.clock.monotonicMs();
      for (let tries = 1; ; tries++) {
        const answer = await this.#tryAll(image, credentials, sandbox, signal);
        if ('failure' in answer) {
          if (tries === 1 && !signal.aborted && this.#options.learn(answer.failure)) continue;
          throw new Error(answer.failure);
        }
        return { ...answer, tookMs: this.#options.clock.monotonicMs() - startedMs };
      }
    } finally {
      this.#underWay--;
      this.#queue.shift()?.();
    }
  }

  /** The credentials in turn; without any, one try with none. */
  async #tryAll(
    image: string,
    credentials: readonly PullCredential[],
    sandbox: PodSandboxConfig,
    signal: AbortSignal,
  ): Promise<{ readonly credential: PullCredential | undefined } | { readonly failure: string }> {
    await this.#options.prepare(parseImageName(image).repository);
    const failures = new Set<string>();
    for (const credential of credentials.length === 0 ? [undefined] : credentials) {
      try {
        await this.#watched(image, credential, sandbox, signal);
        return { credential };
      } catch (error) {
        failures.add(pullErrorText(error));
        if (signal.aborted) break;
      }
    }
    const all = [...failures];
    return { failure: all.length === 1 ? all[0]! : `[${all.join(', ')}]` };
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#underWay >= this.#options.pullsMax) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const leave = () => {
        const index = this.#queue.indexOf(resolve);
        if (index >= 0) this.#queue.splice(index, 1);
        resolve();
      };
      this.#queue.push(resolve);
      signal.addEventListener('abort', leave, { once: true });
      await promise;
      signal.removeEventListener('abort', leave);
      if (signal.aborted) {
        // Its turn may have come in the same moment: it is the next one's.
        this.#queue.shift()?.();
        throw new Error('the pull is no longer wanted');
      }
    }
    this.#underWay++;
  }

  async #watched(
    image: string,
    credential: PullCredential | undefined,
    sandbox: PodSandboxConfig,
    signal: AbortSignal,
  ): Promise<void> {
    const { runtime, clock, progressDeadlineMs } = this.#options;
    const stalled = new AbortController();
    const told = () => runtime.pullProgress().catch((): readonly string[] => []);
    // What pulls that broke off left behind tells nothing of this one.
    const old = new Set(await told());
    let [before, sinceMs] = ['', clock.monotonicMs()];
    let [ended, hasBegun] = [false, false];
    const look = async (): Promise<void> => {
      const progress = await told();
      if (ended || progress === undefined) return;
      const now = progress.filter((one) => !old.has(one)).join();
      if (now !== before) [before, sinceMs] = [now, clock.monotonicMs()];
      hasBegun ||= now !== '';
      // Nothing on its way after something was: layers are being unpacked.
      const deadlineMs = progressDeadlineMs * (hasBegun && now === '' ? unpackingFactor : 1);
      if (clock.monotonicMs() - sinceMs >= deadlineMs) stalled.abort();
      else timer = clock.schedule(progressDeadlineMs / looksPerDeadline, () => void look());
    };
    let timer = clock.schedule(progressDeadlineMs / looksPerDeadline, () => void look());
    try {
      await runtime.pullImage(image, credential?.auth, sandbox, AbortSignal.any([signal, stalled.signal]));
    } catch (error) {
      if (stalled.signal.aborted)
        throw new Error(
          `failed to pull image ${JSON.stringify(image)}: the registry sent nothing for ${progressDeadlineMs / 1000} s (${messageOf(error)})`,
          { cause: error },
        );
      throw error;
    } finally {
      ended = true;
      timer.cancel();
    }
  }
}
