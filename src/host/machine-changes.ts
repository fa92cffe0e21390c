// Tells that this machine may have another address or host name now. Who listens looks at what interests him.
import { hostname } from 'node:os';
import type { Clock, Timer } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { onNetworkChange } from './linux/network-changes.ts';
import { watchPaths } from './watched-paths.ts';

/** A change of network comes as several messages. */
const settleMs = 200;
/** Nothing tells of sethostname(2) without a change of /etc/hostname: the name is compared, which costs a microsecond. */
const hostnameLookMs = 60_000;
/** Where the kernel does not tell of addresses. */
const blindLookMs = 10_000;

export class MachineChanges implements Disposable {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  readonly #sources: Disposable[] = [];
  #settling: Timer | undefined;
  #looking: Timer | undefined;
  #hostname = hostname();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    let lookMs = hostnameLookMs;
    const changed = () => this.#settle();
    try {
      this.#sources.push(onNetworkChange(changed));
    } catch (error) {
      lookMs = blindLookMs;
      logger.warn('the kernel does not tell of changed addresses: they are looked at every 10 seconds', {
        error: messageOf(error),
      });
    }
    this.#sources.push(
      watchPaths(['/etc/hostname'], clock, changed, (error) =>
        logger.debug('/etc/hostname is not watched', { error: messageOf(error) }),
      ),
    );
    const look = () => {
      if (lookMs === blindLookMs || hostname() !== this.#hostname) this.#tell();
      this.#looking = clock.schedule(lookMs, look);
    };
    this.#looking = clock.schedule(lookMs, look);
  }
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  #settle(): void {
    this.#settling ??= this.#clock.schedule(settleMs, () => {
      this.#settling = undefined;
      this.#tell();
    });
  }
  #tell(): void {
    this.#hostname = hostname();
    for (const listener of this.#listeners) listener();
  }
  [Symbol.dispose](): void {
    for (const one of this.#sources) one[Symbol.dispose]();
    this.#settling?.cancel();
    this.#looking?.cancel();
    this.#listeners.clear();
  }
}
