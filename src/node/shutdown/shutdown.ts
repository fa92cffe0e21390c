// Graceful shutdown of the machine: systemd-logind is asked to wait, Pods end in the order of their priority, and then it may go on.
// Upstream's nodeshutdown manager.
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Pod } from '#api/generated/types.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import type { ShutdownInhibitor } from '#host/linux/shutdown-inhibitor.ts';
import { graceInGroup, shutdownGroups, type ShutdownGroup, type ShutdownPeriods } from './groups.ts';

export interface NodeShutdownOptions {
  readonly inhibitor: ShutdownInhibitor;
  readonly periods: ShutdownPeriods;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pods: () => readonly Pod[];
  /** It ends now, and is told to have failed; nothing happens to one that has ended. */
  readonly end: (pod: Pod, graceSeconds: number) => void;
  readonly isQuiet: (podUid: string) => boolean;
  /** An event of the Node, whose status says something else from now on. */
  readonly onChange: (message: string) => void;
}

export const shutdownFailure = {
  reason: 'Terminated',
  message: 'Pod was terminated in response to imminent node shutdown.',
  disrupts: true,
} as const;

const lookMs = 200;
const retryMs = 1_000;

export class NodeShutdown {
  readonly #options: NodeShutdownOptions;
  #isShuttingDown = false;
  #lock: Disposable | undefined;

  constructor(options: NodeShutdownOptions) {
    this.#options = options;
  }

  get isShuttingDown(): boolean {
    return this.#isShuttingDown;
  }

  start(scope: Scope): void {
    scope.onClose(() => this.#release());
    scope.spawn('shutdown of the machine', async (signal) => {
      let isTold = false;
      while (!signal.aborted) {
        try {
          await this.#watch(signal);
        } catch (error) {
          if (!signal.aborted && !isTold)
            this.#options.logger.warn(
              'a shutdown of the machine is not noticed, and ends containers without their grace: kubelet.shutdownGracePeriod needs systemd-logind and its D-Bus',
              { error: messageOf(error) },
            );
          isTold = true;
        }
        this.#release();
        await sleep(this.#options.clock, retryMs, signal).catch(() => undefined);
      }
    });
  }

  /** Until the bus ends. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { inhibitor, periods, logger } = this.#options;
    await inhibitor.allowDelay(periods.totalSeconds);
    this.#lock ??= await inhibitor.inhibit();
    let working: Promise<void> = Promise.resolve();
    const look = async () => {
      const preparing = await inhibitor.isPreparing();
      if (preparing === this.#isShuttingDown) return;
      this.#isShuttingDown = preparing;
      const what = preparing ? 'shutdown event' : 'shutdown cancellation';
      logger.info(`the machine: ${what}`);
      this.#options.onChange(`Shutdown manager detected ${what}`);
      if (preparing) await this.#endPods(signal);
      else this.#lock ??= await inhibitor.inhibit();
    };
    await inhibitor.watch(() => {
      working = working
        .then(look)
        .catch((error: unknown) => logger.warn('shutdown of the machine', { error: messageOf(error) }));
    }, signal);
    await working;
  }

  async #endPods(signal: AbortSignal): Promise<void> {
    const { pods, periods, logger } = this.#options;
    try {
      const active = pods().filter((one) => !podIsTerminal(one));
      for (const group of shutdownGroups(active, periods)) await this.#endGroup(group, signal);
      logger.info('Pods have ended: the machine may go down', { pods: active.length });
    } finally {
      this.#release();
    }
  }

  async #endGroup(group: ShutdownGroup, signal: AbortSignal): Promise<void> {
    const { clock, end, isQuiet, pods, logger } = this.#options;
    for (const pod of group.pods) end(pod, graceInGroup(pod, group));
    const untilMs = clock.monotonicMs() + group.seconds * 1000;
    const uids = new Set(group.pods.map((one) => one.metadata.uid ?? ''));
    const left = () =>
      // What the API was told counts, too: nobody tells it later.
      [...uids].filter((uid) => !isQuiet(uid) || pods().some((one) => one.metadata.uid === uid && !podIsTerminal(one)))
        .length;
    while (left() > 0) {
      if (clock.monotonicMs() >= untilMs) {
        logger.warn('not all Pods ended before the shutdown', { pods: left(), seconds: group.seconds });
        return;
      }
      await sleep(clock, lookMs, signal);
    }
  }

  #release(): void {
    this.#lock?.[Symbol.dispose]();
    this.#lock = undefined;
  }
}
