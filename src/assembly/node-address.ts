// The address of this node while it runs: as configured, or followed where it was found at the start.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Configuration } from './config/configuration.ts';

/** The kernel tells address changes by netlink only, which Node does not have; looking costs 0.1 ms. */
const lookMs = 10_000;

export class NodeAddress {
  #current: string;
  readonly #listeners = new Set<() => void>();
  #stop: () => void = () => {};

  constructor(
    { nodeIp, nodeIpDetected }: Pick<Configuration, 'nodeIp' | 'nodeIpDetected'>,
    detect: () => string,
    clock: Clock,
    logger: Logger,
  ) {
    this.#current = nodeIp;
    if (!nodeIpDetected) return;
    const look = (): void => {
      const found = detect();
      // A link that is down for a moment takes its address along: the one before stays until there is another.
      if (found !== this.#current && !found.startsWith('127.')) {
        logger.info('the address of this node changed', { before: this.#current, now: found });
        this.#current = found;
        for (const listener of this.#listeners) listener();
      }
      schedule();
    };
    const schedule = (): void => {
      const timer = clock.schedule(lookMs, look);
      this.#stop = () => timer.cancel();
    };
    schedule();
  }

  get current(): string {
    return this.#current;
  }
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  [Symbol.dispose](): void {
    this.#stop();
  }
}
