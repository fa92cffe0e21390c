// The address of this node while it runs: as configured, or followed where it was found at the start.
import type { Logger } from '#base/log.ts';
import type { Configuration } from './config/configuration.ts';

export interface Changes {
  onChange(listener: () => void): Disposable;
}

export class NodeAddress {
  #current: string;
  readonly #listeners = new Set<() => void>();
  readonly #listening: Disposable | undefined;

  constructor(
    { nodeIp, nodeIpDetected }: Pick<Configuration, 'nodeIp' | 'nodeIpDetected'>,
    detect: () => string,
    changes: Changes,
    logger: Logger,
  ) {
    this.#current = nodeIp;
    if (!nodeIpDetected) return;
    this.#listening = changes.onChange(() => {
      const found = detect();
      // A link that is down for a moment takes its address along: the one before stays until there is another.
      if (found === this.#current || found.startsWith('127.')) return;
      logger.info('the address of this node changed', { before: this.#current, now: found });
      this.#current = found;
      for (const listener of this.#listeners) listener();
    });
  }

  get current(): string {
    return this.#current;
  }
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  [Symbol.dispose](): void {
    this.#listening?.[Symbol.dispose]();
  }
}
