// Images of Pods: pull policies, who may use what others pulled, back-off after failures, and upstream's words for it all.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Container } from '#api/generated/types.ts';
import type { Image, PodSandboxConfig } from '../cri/messages.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import { KeyedBackoff } from '../pod/back-off.ts';
import { normalImageName, withDefaultTag } from './image-name.ts';
import type { PullCredential } from './keyring.ts';
import { type Pull, Puller } from './puller.ts';
import type { PullRecords } from './pull-records.ts';

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
  /** What fits the image now; asked only when it matters. */
  readonly credentials: (image: string) => Promise<readonly PullCredential[]>;
  readonly emit: (event: ImageEvent) => void;
  /** Called when a pull that was under way ended. */
  readonly onSettled: () => void;
}

/** So long the failure itself is shown, then that its next try waits. */
const freshFailureMs = 2_000;
/** What only a change of the Pod or the runtime mends is looked at again after it. */
const otherRetryMs = 10_000;

export const pullPolicy = (container: Container): string =>
  container.imagePullPolicy ?? (normalImageName(container.image ?? '').endsWith(':latest') ? 'Always' : 'IfNotPresent');

interface Failure {
  readonly atMs: number;
  readonly reason: string;
  readonly message: string;
}

export class Images {
  readonly #runtime: ContainerRuntime;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #records: PullRecords;
  readonly #puller: Puller;
  readonly #backoff = new KeyedBackoff();
  readonly #pulls = new Map<string, AbortController>();
  readonly #failures = new Map<string, Failure>();
  /** Pulled for this Pod already: not again until its container starts. */
  readonly #pulled = new Set<string>();
  readonly #onPulled: ((tookMs: number, imageBytes: number) => void) | undefined;

  constructor(options: {
    readonly runtime: ContainerRuntime;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly records: PullRecords;
    readonly puller: Puller;
    /** Hears how long a pull took, with the wait for its turn. */
    readonly onPulled?: (tookMs: number, imageBytes: number) => void;
  }) {
    this.#onPulled = options.onPulled;
    this.#runtime = options.runtime;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#records = options.records;
    this.#puller = options.puller;
  }

  async ensure(request: EnsureImage): Promise<ImageAnswer> {
    const { container, podUid, emit } = request;
    const shown = container.image ?? '';
    const failed = (event: string, reason: string, message: string): ImageAnswer => {
      emit({ type: 'Warning', reason: event, message });
      return { state: 'failed', reason, message, retryInMs: otherRetryMs };
    };
    let name: string;
    try {
      name = withDefaultTag(shown);
    } catch (error) {
      const message = `Failed to apply default image tag ${JSON.stringify(shown)}: ${messageOf(error)}`;
      return failed('InspectFailed', 'InvalidImageName', message);
    }
    const key = `${podUid}_${name}`;
    if (this.#pulls.has(key)) return { state: 'pulling' };
    let image: Image | undefined;
    try {
      image = await this.#runtime.imageStatus(name);
    } catch (error) {
      const message = `Failed to inspect image ${JSON.stringify(shown)}: ${messageOf(error)}`;
      return failed('InspectFailed', 'ImageInspectError', message);
    }
    if (image !== undefined && this.#pulled.delete(key)) return { state: 'present', image };
    const policy = pullPolicy(container);
    const lookUp = () => request.credentials(name);
    if (image !== undefined && policy !== 'Always' && (await this.#records.allows(name, image.id, lookUp))) {
      const message = `Container image ${JSON.stringify(shown)} already present on machine and can be accessed by the pod`;
      emit({ type: 'Normal', reason: 'Pulled', message });
      return { state: 'present', image };
    }
    // The same whether it is missing or not this Pod's to use: a Pod must not learn what others pulled.
    if (policy === 'Never')
      return failed(
        'ErrImageNeverPull',
        'ErrImageNeverPull',
        `Container image ${JSON.stringify(shown)} is not present with pull policy of Never`,
      );
    const waiting = this.#waiting(key, shown, emit);
    if (waiting !== undefined) return waiting;
    // Another worker of the same Pod may have come first while the look-up waited.
    if (!this.#pulls.has(key)) this.#pull(key, name, shown, request, await lookUp());
    return { state: 'pulling' };
  }

  /** What is said while the next try is not due. */
  #waiting(key: string, shown: string, emit: EnsureImage['emit']): ImageAnswer | undefined {
    const failure = this.#failures.get(key);
    if (failure === undefined) return undefined;
    const { atMs, reason, message } = failure;
    const now = this.#clock.now();
    const remainingMs = this.#backoff.remainingMs(key, atMs, now);
    if (remainingMs <= 0) return undefined;
    if (atMs + freshFailureMs > now)
      return { state: 'failed', reason, message, retryInMs: atMs + freshFailureMs - now };
    const text = `Back-off pulling image ${JSON.stringify(shown)}`;
    emit({ type: 'Normal', reason: 'BackOff', message: text });
    return {
      state: 'failed',
      reason: 'ImagePullBackOff',
      message: `${text}: ${reason}: ${message}`,
      retryInMs: remainingMs,
    };
  }

  #pull(key: string, name: string, shown: string, request: EnsureImage, credentials: readonly PullCredential[]): void {
    const { emit, sandbox } = request;
    const abort = new AbortController();
    this.#pulls.set(key, abort);
    emit({ type: 'Normal', reason: 'Pulling', message: `Pulling image ${JSON.stringify(shown)}` });
    const startedMs = this.#clock.monotonicMs();
    const work = async (): Promise<void> => {
      let pulled: Pull;
      let image: Image | undefined;
      await this.#records.begun(name);
      try {
        pulled = await this.#puller.pull(name, credentials, sandbox, abort.signal);
        image = await this.#runtime.imageStatus(name);
        if (image === undefined) throw new Error(`image ${JSON.stringify(name)} is not there after its pull`);
      } catch (error) {
        this.#records.ended(name);
        if (!abort.signal.aborted) this.#fail(key, shown, messageOf(error), emit);
        return;
      }
      this.#records.ended(name, { id: image.id, credential: pulled.credential });
      const inAllMs = this.#clock.monotonicMs() - startedMs;
      const [took, inAll] = [goDuration(pulled.tookMs), goDuration(inAllMs)];
      this.#onPulled?.(inAllMs, image.size);
      emit({
        type: 'Normal',
        reason: 'Pulled',
        message: `Successfully pulled image ${JSON.stringify(shown)} in ${took} (${inAll} including waiting). Image size: ${image.size} bytes.`,
      });
      this.#failures.delete(key);
      this.#pulled.add(key);
    };
    void work()
      .catch((error: unknown) => this.#logger.warn('image pull', { image: name, error: messageOf(error) }))
      .finally(() => {
        this.#pulls.delete(key);
        request.onSettled();
      });
  }

  #fail(key: string, shown: string, why: string, emit: EnsureImage['emit']): void {
    emit({ type: 'Warning', reason: 'Failed', message: `Failed to pull image ${JSON.stringify(shown)}: ${why}` });
    const { reason, message } = pullFailure(shown, why);
    emit({ type: 'Warning', reason: 'Failed', message: `Error: ${reason}` });
    const now = this.#clock.now();
    this.#backoff.next(key, now, now);
    this.#failures.set(key, { atMs: now, reason, message });
  }

  /** The Pod is gone; what is pulled for it no longer needs to be. */
  forget(podUid: string): void {
    const prefix = `${podUid}_`;
    this.#backoff.forget(prefix);
    for (const key of this.#failures.keys()) if (key.startsWith(prefix)) this.#failures.delete(key);
    for (const key of this.#pulled) if (key.startsWith(prefix)) this.#pulled.delete(key);
    for (const [key, abort] of this.#pulls) if (key.startsWith(prefix)) abort.abort();
  }
}

/** Runtimes say these two at the beginning of their message (upstream's kubelet/images errors). */
function pullFailure(image: string, why: string): { readonly reason: string; readonly message: string } {
  for (const [prefix, because] of [
    ['RegistryUnavailable', 'the registry is unavailable'],
    ['SignatureValidationFailed', 'the signature validation failed'],
  ] as const)
    if (why.startsWith(prefix))
      return {
        reason: prefix,
        message: `image pull failed for ${image} because ${because}${why.slice(prefix.length)}`,
      };
  return { reason: 'ErrImagePull', message: why };
}

/** A duration as Go prints it, to the millisecond. */
export function goDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${Number(seconds.toFixed(3))}s`;
  return `${Math.floor(seconds / 60)}m${Number((seconds % 60).toFixed(3))}s`;
}
