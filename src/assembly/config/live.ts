// The configuration while the process runs: what holds now, and who wants to know when a part of it changes. Who reads a
// key that may change live asks here, not in the configuration of the start.
import { isDeepStrictEqual } from 'node:util';
import type { Configuration } from './configuration.ts';

export type ConfigurationPart<T> = (configuration: Configuration) => T;

export interface LiveConfiguration {
  readonly current: Configuration;
  /**
   * Calls `listener` whenever the part is another by value than before, with the new and the old one; not for the value of
   * now. A listener that throws is logged and does not keep others from being told.
   */
  onChange<T>(part: ConfigurationPart<T>, listener: (now: T, before: T) => void): Disposable;
}

/** The one who reloads has it; everybody else has the interface above. */
export class ChangeableConfiguration implements LiveConfiguration {
  #current: Configuration;
  readonly #tell = new Set<(now: Configuration, before: Configuration) => void>();
  readonly #onError: (error: unknown) => void;

  constructor(configuration: Configuration, onError: (error: unknown) => void) {
    this.#current = configuration;
    this.#onError = onError;
  }
  get current(): Configuration {
    return this.#current;
  }
  onChange<T>(part: ConfigurationPart<T>, listener: (now: T, before: T) => void): Disposable {
    const tell = (now: Configuration, before: Configuration): void => {
      const [next, last] = [part(now), part(before)];
      if (!isDeepStrictEqual(next, last)) listener(next, last);
    };
    this.#tell.add(tell);
    return { [Symbol.dispose]: () => void this.#tell.delete(tell) };
  }
  replace(next: Configuration): void {
    const before = this.#current;
    this.#current = next;
    for (const tell of this.#tell)
      try {
        tell(next, before);
      } catch (error) {
        this.#onError(error);
      }
  }
}
