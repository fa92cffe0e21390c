// Takes part in the election of a leader through a Lease, and does the leader's work while this process is it. decide.ts has the rules.
import { Leases } from '#api/generated/kind-references.ts';
import { isNotFound } from '#api/status.ts';
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { fraction, type Random } from '#base/random.ts';
import { Scope } from '#base/scope.ts';
import type { Client } from '#client/client.ts';
import {
  type Candidate,
  claim,
  holderOf,
  observe,
  type ObservedLease,
  release,
  renewDeadlineMs,
  retryJitter,
  retryMs,
} from './decide.ts';

export interface ElectorOptions {
  /** Of the Lease, in kube-system. */
  readonly name: string;
  /** Another one in each process, also in the next life of this one. */
  readonly identity: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Called each time this process becomes leader. Everything begun belongs to the scope, which is closed when it is leader no more. */
  readonly lead: (scope: Scope) => Promise<void>;
  /** At once when it is leader no more, before the scope is closed: nothing may be written from now on. */
  readonly fence: () => void;
  readonly onChange?: ((isLeader: boolean, observed: ObservedLease) => void) | undefined;
}

const namespace = 'kube-system';

export class Elector {
  readonly #options: ElectorOptions;
  #observed: ObservedLease | undefined;
  #isLeader = false;
  #asking: Promise<boolean> = Promise.resolve(false);
  #toldOf: string | undefined;

  constructor(options: ElectorOptions) {
    this.#options = options;
  }
  get isLeader(): boolean {
    return this.#isLeader;
  }
  /** Empty: nobody, or not known. */
  get holder(): string {
    return holderOf(this.#observed);
  }
  /** Until `signal`; then the Lease is given back. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#acquire(signal);
      if (!signal.aborted || this.#isLeader) await this.#lead(signal);
    }
  }
  async #acquire(signal: AbortSignal): Promise<void> {
    const { clock, random, identity, name, logger } = this.#options;
    while (!signal.aborted) {
      if (await this.#try()) {
        this.#isLeader = true;
        logger.info('leads', { lease: name, identity });
        return;
      }
      if (this.holder !== '' && this.holder !== this.#toldOf && this.holder !== identity)
        logger.info('another process leads', { lease: name, holder: this.holder });
      this.#toldOf = this.holder;
      const waitMs = retryMs * (1 + fraction(random) * retryJitter);
      await sleep(clock, waitMs, signal).catch(() => {});
    }
  }
  async #lead(signal: AbortSignal): Promise<void> {
    const { clock, logger, name, lead, fence, onChange } = this.#options;
    const failure = Promise.withResolvers<string>();
    const term = new Scope(name, (task, error) => failure.resolve(`${task} failed: ${messageOf(error)}`));
    onChange?.(true, this.#observed!);
    term.spawn('the work of the leader', () => lead(term));
    const reason = await Promise.race([this.#renew(signal), failure.promise]);
    this.#isLeader = false;
    this.#toldOf = undefined;
    if (!signal.aborted) {
      logger.warn('leads no more', { lease: name, reason });
      fence();
    }
    onChange?.(false, this.#observed!);
    await term.close().catch((error: unknown) => logger.warn('did not stop in order', { error: messageOf(error) }));
    await this.#release();
    // What failed is not tried again without a pause.
    if (!signal.aborted) await sleep(clock, retryMs, signal).catch(() => {});
  }
  /** Resolves with the reason for which it leads no more. */
  async #renew(signal: AbortSignal): Promise<string> {
    const { clock } = this.#options;
    let renewedMs = clock.monotonicMs();
    for (;;) {
      const untilMs = renewedMs + renewDeadlineMs - clock.monotonicMs();
      await sleep(clock, Math.min(retryMs, untilMs), signal).catch(() => {});
      if (signal.aborted) return 'this process ends';
      const askedMs = clock.monotonicMs();
      // Also when the process itself has slept.
      const leftMs = renewedMs + renewDeadlineMs - askedMs;
      if (leftMs <= 0) return 'the Lease was not renewed in time';
      const inTime = new AbortController();
      const isRenewed = await Promise.race([
        this.#try(),
        sleep(clock, leftMs, inTime.signal).then(
          () => false,
          () => false,
        ),
      ]);
      inTime.abort();
      if (isRenewed) renewedMs = askedMs;
      else if (this.holder !== this.#options.identity) return `${this.holder} holds the Lease`;
    }
  }
  /** One attempt to become leader or stay it; never two side by side. */
  #try(): Promise<boolean> {
    this.#asking = this.#asking.then(() =>
      this.#attempt().catch((error: unknown) => {
        this.#options.logger.debug('the Lease was not written', {
          lease: this.#options.name,
          error: messageOf(error),
        });
        return false;
      }),
    );
    return this.#asking;
  }
  async #attempt(): Promise<boolean> {
    const { identity, name } = this.#options;
    // A leader knows the Lease: it has written it last. If that is not so any more, the write fails and it looks.
    if (this.#isLeader && this.holder === identity && (await this.#write(this.#observed).catch(() => false)))
      return true;
    const resource = this.#options.client.resource(Leases);
    try {
      const lease = await resource.get({ namespace, name });
      this.#observed = observe(lease, this.#observed, this.#options.clock.monotonicMs());
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#observed = undefined;
    }
    return this.#write(this.#observed);
  }
  async #write(observed: ObservedLease | undefined): Promise<boolean> {
    const spec = claim(observed, this.#candidate());
    if (spec === undefined) return false;
    const resource = this.#options.client.resource(Leases);
    const lease =
      observed === undefined
        ? await resource.create({ metadata: { namespace, name: this.#options.name }, spec })
        : await resource.update({ ...observed.lease, spec });
    this.#observed = observe(lease, observed, this.#options.clock.monotonicMs());
    return true;
  }
  async #release(): Promise<void> {
    const { client, clock, logger, name } = this.#options;
    let isOver = false;
    // One that is under way decides first.
    const writing = this.#asking.then(async () => {
      const observed = this.#observed;
      const spec = release(observed, this.#candidate());
      if (isOver || observed === undefined || spec === undefined) return;
      const lease = await client.resource(Leases).update({ ...observed.lease, spec });
      this.#observed = observe(lease, observed, clock.monotonicMs());
    });
    this.#asking = writing.then(
      () => false,
      () => false,
    );
    try {
      await Promise.race([writing, sleep(clock, retryMs)]);
    } catch (error) {
      logger.debug('the Lease was not given back: it ends by itself', { lease: name, error: messageOf(error) });
    }
    isOver = true;
  }
  #candidate(): Candidate {
    const { identity, clock } = this.#options;
    return { identity, nowMs: clock.now(), monotonicMs: clock.monotonicMs() };
  }
}
