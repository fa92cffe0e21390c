// Images: pull policies, one pull an image at a time, back-off after failures, and removal of unused ones.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Container } from '#api/generated/types.ts';
import type { AuthConfig, Image, PodSandboxConfig } from './cri/messages.ts';
import type { ContainerRuntime } from './cri/runtime.ts';
import { KeyedBackoff } from './pod/back-off.ts';

export interface ImageEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export type ImageAnswer =
  | { readonly state: 'present'; readonly image: Image }
  | { readonly state: 'pulling' }
  | { readonly state: 'failed'; readonly reason: string; readonly message: string; readonly retryInMs: number };

export interface EnsureImage {
  readonly podUid: string;
  readonly container: Container;
  readonly sandbox: PodSandboxConfig;
  /** Tried in order, then without. */
  readonly credentials: readonly AuthConfig[];
  readonly emit: (event: ImageEvent) => void;
  /** Called when a pull that was under way ended. */
  readonly onSettled: () => void;
}

/** So long the failure itself is shown, then that its next try waits. */
const freshFailureMs = 2_000;

/** As the runtimes expect it: with a registry and a tag. */
export function normalImageName(image: string): string {
  const [name, digest] = image.split('@');
  const slash = name!.indexOf('/');
  const first = slash < 0 ? '' : name!.slice(0, slash);
  const hasRegistry = first.includes('.') || first.includes(':') || first === 'localhost';
  const full = hasRegistry ? name! : `docker.io/${slash < 0 ? 'library/' : ''}${name}`;
  if (digest !== undefined) return `${full}@${digest}`;
  return full.lastIndexOf(':') > full.lastIndexOf('/') ? full : `${full}:latest`;
}

export const pullPolicy = (container: Container): string =>
  container.imagePullPolicy ?? (normalImageName(container.image ?? '').endsWith(':latest') ? 'Always' : 'IfNotPresent');

export class Images {
  readonly #runtime: ContainerRuntime;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #backoff = new KeyedBackoff();
  readonly #pulls = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, { readonly atMs: number; readonly message: string }>();
  /** Pulled for this Pod by `Always` already: not again until its container starts. */
  readonly #pulled = new Set<string>();

  constructor(options: { readonly runtime: ContainerRuntime; readonly clock: Clock; readonly logger: Logger }) {
    this.#runtime = options.runtime;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  async ensure(request: EnsureImage): Promise<ImageAnswer> {
    const { container, podUid, emit } = request;
    const shown = container.image ?? '';
    const name = normalImageName(shown);
    const key = `${podUid}_${name}`;
    if (this.#pulls.has(key)) return { state: 'pulling' };
    let image: Image | undefined;
    try {
      image = await this.#runtime.imageStatus(name);
    } catch (error) {
      const message = `Failed to inspect image ${JSON.stringify(shown)}: ${messageOf(error)}`;
      emit({ type: 'Warning', reason: 'InspectFailed', message });
      return { state: 'failed', reason: 'ImageInspectError', message, retryInMs: 10_000 };
    }
    const policy = pullPolicy(container);
    if (image !== undefined && this.#pulled.delete(key)) return { state: 'present', image };
    if (image !== undefined && policy !== 'Always') {
      emit({
        type: 'Normal',
        reason: 'Pulled',
        message: `Container image ${JSON.stringify(shown)} already present on machine and can be accessed by the pod`,
      });
      return { state: 'present', image };
    }
    if (policy === 'Never') {
      const message = `Container image ${JSON.stringify(shown)} is not present with pull policy of Never`;
      emit({ type: 'Warning', reason: 'ErrImageNeverPull', message });
      return { state: 'failed', reason: 'ErrImageNeverPull', message, retryInMs: 10_000 };
    }
    const failure = this.#failures.get(key);
    if (failure !== undefined) {
      const remainingMs = this.#backoff.remainingMs(key, failure.atMs, this.#clock.now());
      if (remainingMs > 0) {
        const freshMs = failure.atMs + freshFailureMs - this.#clock.now();
        if (freshMs > 0)
          return { state: 'failed', reason: 'ErrImagePull', message: failure.message, retryInMs: freshMs };
        const message = `Back-off pulling image ${JSON.stringify(shown)}`;
        emit({ type: 'Normal', reason: 'BackOff', message });
        return {
          state: 'failed',
          reason: 'ImagePullBackOff',
          message: `${message}: ErrImagePull: ${failure.message}`,
          retryInMs: remainingMs,
        };
      }
    }
    this.#pull(key, name, shown, request);
    return { state: 'pulling' };
  }

  #pull(key: string, name: string, shown: string, request: EnsureImage): void {
    const { emit, credentials, sandbox } = request;
    emit({ type: 'Normal', reason: 'Pulling', message: `Pulling image ${JSON.stringify(shown)}` });
    const startedMs = this.#clock.monotonicMs();
    const work = async (): Promise<void> => {
      let failure: unknown;
      for (const auth of [...credentials, undefined]) {
        try {
          await this.#runtime.pullImage(name, auth, sandbox);
          failure = undefined;
          break;
        } catch (error) {
          failure = error;
        }
      }
      if (failure === undefined) {
        const image = await this.#runtime.imageStatus(name);
        const took = goDuration(this.#clock.monotonicMs() - startedMs);
        emit({
          type: 'Normal',
          reason: 'Pulled',
          message: `Successfully pulled image ${JSON.stringify(shown)} in ${took} (${took} including waiting). Image size: ${image?.size ?? 0} bytes.`,
        });
        this.#failures.delete(key);
        this.#pulled.add(key);
        return;
      }
      const message = messageOf(failure);
      emit({
        type: 'Warning',
        reason: 'Failed',
        message: `Failed to pull image ${JSON.stringify(shown)}: ${message}`,
      });
      emit({ type: 'Warning', reason: 'Failed', message: 'Error: ErrImagePull' });
      const now = this.#clock.now();
      this.#backoff.next(key, now, now);
      this.#failures.set(key, { atMs: now, message });
    };
    const running = work()
      .catch((error: unknown) => this.#logger.warn('image pull', { image: name, error: messageOf(error) }))
      .finally(() => {
        this.#pulls.delete(key);
        request.onSettled();
      });
    this.#pulls.set(key, running);
  }

  forget(podUid: string): void {
    this.#backoff.forget(`${podUid}_`);
    for (const key of this.#failures.keys()) if (key.startsWith(`${podUid}_`)) this.#failures.delete(key);
    for (const key of this.#pulled) if (key.startsWith(`${podUid}_`)) this.#pulled.delete(key);
  }
}

/** A duration as Go prints it, to the millisecond. */
export function goDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${Number(seconds.toFixed(3))}s`;
  return `${Math.floor(seconds / 60)}m${Number((seconds % 60).toFixed(3))}s`;
}
