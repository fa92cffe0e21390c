// Writes Events about objects: in order, one at a time, in the background. Never throws and never holds up its caller; what
// cannot be written is dropped.
import { Events } from '#api/generated/kind-references.ts';
import type { Event } from '#api/generated/types.ts';
import { ApiError, isAlreadyExists, isNotFound } from '#api/status.ts';
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { eventQueueMax } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import { fraction, type Random, systemRandom } from '#base/random.ts';
import type { Client, EventRecorder } from './client.ts';
import { type Correlated, EventCorrelation } from './event-correlation.ts';

export interface EventRecorderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: Random | undefined;
  /** Such as `default-scheduler` or `kubelet`. */
  readonly component: string;
  /** The node's name, where the component is of a node. */
  readonly host?: string | undefined;
}

export interface ClosableEventRecorder extends EventRecorder {
  /** Resolves when nothing waits to be written. */
  whenIdle(): Promise<void>;
  /** Drops what waits. */
  close(): Promise<void>;
}

/** As client-go. */
const triesMax = 12;
const retryMs = 10_000;

export function createEventRecorder(options: EventRecorderOptions): ClosableEventRecorder {
  return new QueuedEventRecorder(options);
}

class QueuedEventRecorder implements ClosableEventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlation = new EventCorrelation();
  readonly #end = new AbortController();
  #queue: Event[] = [];
  #writing: Promise<void> | undefined;
  #dropped = 0;
  #lastNanoseconds = 0n;
  /** Within the millisecond. */
  readonly #offset: bigint;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    let hash = 0;
    for (const character of `${options.component} ${options.host ?? ''}`)
      hash = (hash * 31 + character.charCodeAt(0)) % 990_000;
    this.#offset = BigInt(hash);
  }
  event(...[about, type, reason, message, fieldPath, annotations]: Parameters<EventRecorder['event']>): void {
    if (this.#end.signal.aborted) return;
    const { kind, apiVersion, metadata } = about;
    const { logger, component, host } = this.#options;
    if (kind === undefined || apiVersion === undefined || metadata.name === undefined) {
      logger.error('an event about something without kind or name was dropped', { reason, message });
      return;
    }
    if (this.#queue.length >= eventQueueMax) {
      if (this.#dropped++ === 0) logger.warn('events are dropped: too many wait to be written', { component });
      return;
    }
    const now = this.#options.clock.now();
    const timestamp = `${new Date(now).toISOString().slice(0, 19)}Z`;
    const { name, namespace, uid, resourceVersion } = metadata;
    this.#queue.push({
      kind: 'Event',
      apiVersion: 'v1',
      metadata: {
        name: `${name}.${this.#uniqueNanoseconds(now).toString(16)}`,
        namespace: namespace ?? 'default',
        ...(annotations === undefined ? {} : { annotations }),
      },
      involvedObject: {
        kind,
        ...(namespace === undefined ? {} : { namespace }),
        name,
        ...(uid === undefined ? {} : { uid }),
        apiVersion,
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      reason,
      message,
      source: { component, ...(host === undefined ? {} : { host }) },
      firstTimestamp: timestamp,
      lastTimestamp: timestamp,
      count: 1,
      type,
      reportingComponent: component,
      reportingInstance: host ?? '',
    });
    this.#start();
  }
  async whenIdle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }
  async close(): Promise<void> {
    this.#queue = [];
    this.#end.abort(new Error('the event recorder is closed'));
    await this.#writing;
  }
  /**
   * Upstream names events by the time in nanoseconds. Two in one millisecond must differ, also those of two components about objects of
   * one name, such as a Deployment and its autoscaler.
   */
  #uniqueNanoseconds(nowMs: number): bigint {
    const now = BigInt(Math.floor(nowMs)) * 1_000_000n + this.#offset;
    this.#lastNanoseconds = now > this.#lastNanoseconds ? now : this.#lastNanoseconds + 1n;
    return this.#lastNanoseconds;
  }
  #start(): void {
    if (this.#queue.length === 0) return;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      this.#start();
    });
  }
  async #writeAll(): Promise<void> {
    // The caller goes on first; its own writes are more important.
    await Promise.resolve();
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      const correlated = this.#correlation.correlate(event, this.#options.clock.now());
      if (correlated !== undefined) await this.#writeOne(correlated);
    }
    if (this.#dropped > 0) this.#options.logger.warn('events were dropped', { dropped: this.#dropped });
    this.#dropped = 0;
  }
  async #writeOne({ event, repeats }: Correlated): Promise<void> {
    const { clock, logger, random } = this.#options;
    const about = { name: event.involvedObject.name, reason: event.reason, message: event.message };
    for (let tries = 1; !this.#end.signal.aborted; tries++) {
      try {
        this.#correlation.written(repeats ? await this.#raise(event) : await this.#create(event));
        return;
      } catch (error) {
        if (isRefusal(error) || tries >= triesMax) {
          const fields = { ...about, error: messageOf(error) };
          // Not found is the namespace: it went before what was in it could be told of.
          if (isAlreadyExists(error) || isTerminating(error) || isNotFound(error))
            logger.debug('an event was refused', fields);
          else logger.error('an event was not written', fields);
          return;
        }
        // The first pause is random: recorders have lost the same server at the same moment.
        const pauseMs = tries === 1 ? retryMs * fraction(random ?? systemRandom) : retryMs;
        await sleep(clock, pauseMs, this.#end.signal).catch(() => {});
      }
    }
  }
  #create(event: Event): Promise<Event> {
    return this.#options.client.resource(Events).create(event);
  }
  async #raise(event: Event): Promise<Event> {
    const { namespace, name = '' } = event.metadata;
    const { count, lastTimestamp, message } = event;
    try {
      return await this.#options.client
        .resource(Events)
        .patch({ namespace, name }, { type: 'strategic', value: { count, lastTimestamp, message } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // Its time was over.
      return this.#create(event);
    }
  }
}

/** The server has decided; asking again would not help. */
const isRefusal = (error: unknown): boolean =>
  !(error instanceof ApiError) || (error.code >= 400 && error.code < 500 && error.code !== 429);
const isTerminating = (error: unknown): boolean =>
  error instanceof ApiError && error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true;
