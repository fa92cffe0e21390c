// The address of this node while it runs: as configured, or followed where it was found at the start.
import type { Logger } from '#base/log.ts';
import type { Configuration } from './config/configuration.ts';

export interface Changes {
  onChange(listener: () => void): Disposable;
}

export class NodeAddress {
  #current: string;
  #ipv6: string | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #listening: Disposable | undefined;

  constructor(
    { nodeIp, nodeIpDetected, nodeIpv6 }: Pick<Configuration, 'nodeIp' | 'nodeIpDetected' | 'nodeIpv6'>,
    detect: () => string,
    /** Given the one before, which stays while the machine has it. Undefined: it has none. */
    detectIpv6: (before: string | undefined) => string | undefined,
    changes: Changes,
    logger: Logger,
  ) {
    this.#current = nodeIp;
    this.#ipv6 = nodeIpv6 ?? detectIpv6(undefined);
    this.#listening = changes.onChange(() => {
      // A link that is down for a moment takes its address along: the one before stays until there is another.
      const found = nodeIpDetected ? detect() : this.#current;
      const foundIpv6 = nodeIpv6 ?? detectIpv6(this.#ipv6) ?? this.#ipv6;
      const isNew = found !== this.#current && !found.startsWith('127.');
      if (!isNew && foundIpv6 === this.#ipv6) return;
      if (isNew) logger.info('the address of this node changed', { before: this.#current, now: found });
      if (isNew) this.#current = found;
      this.#ipv6 = foundIpv6;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Of IPv6, for clusters with both families. */
  get ipv6(): string | undefined {
    return this.#ipv6;
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
