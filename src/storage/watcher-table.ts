// Who watches what. Watchers of one prefix share one array of events a commit; a key finds its prefixes by its slashes, so
// the cost of a commit does not grow with the number of watchers elsewhere.
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Revision, StoreEvent, StoreWatcher } from './store.ts';

interface Registration {
  readonly watcher: StoreWatcher;
  /** What the watcher has seen, or does not want to see. */
  after: Revision;
  ended: boolean;
}

export class WatcherTable {
  readonly #byPrefix = new Map<string, Set<Registration>>();
  readonly #logger: Logger;
  readonly #waiting: (readonly StoreEvent[])[] = [];
  #notifying = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }
  /** `replay` goes to the watcher first; later it sees what is above both its end and `after`. */
  add(
    prefix: string,
    after: Revision,
    replay: readonly StoreEvent[],
    seen: Revision,
    watcher: StoreWatcher,
  ): Disposable {
    const registration: Registration = { watcher, after: Math.max(after, seen), ended: false };
    let set = this.#byPrefix.get(prefix);
    if (set === undefined) this.#byPrefix.set(prefix, (set = new Set()));
    set.add(registration);
    if (replay.length > 0) this.#call(prefix, registration, replay);
    return {
      [Symbol.dispose]: () => {
        registration.ended = true;
        this.#remove(prefix, registration);
      },
    };
  }
  /** A commit made by a watcher while it is being told waits until everybody was told of the one before. */
  notify(events: readonly StoreEvent[]): void {
    if (this.#byPrefix.size === 0) return;
    this.#waiting.push(events);
    if (this.#notifying) return;
    this.#notifying = true;
    try {
      for (let batch = this.#waiting.shift(); batch !== undefined; batch = this.#waiting.shift()) this.#tell(batch);
    } finally {
      this.#notifying = false;
    }
  }
  end(reason: 'closed' | 'compacted'): void {
    const all = [...this.#byPrefix.values()].flatMap((set) => [...set]);
    this.#byPrefix.clear();
    this.#waiting.length = 0;
    for (const registration of all) this.#end(registration, reason);
  }
  #tell(events: readonly StoreEvent[]): void {
    const byPrefix = new Map<string, StoreEvent[]>();
    for (const event of events) {
      const { key } = event.stored;
      for (let slash = key.indexOf('/', 1); slash >= 0; slash = key.indexOf('/', slash + 1)) {
        const prefix = key.slice(0, slash + 1);
        if (!this.#byPrefix.has(prefix)) continue;
        const list = byPrefix.get(prefix);
        if (list === undefined) byPrefix.set(prefix, [event]);
        else list.push(event);
      }
    }
    for (const [prefix, list] of byPrefix)
      for (const registration of this.#byPrefix.get(prefix) ?? []) this.#call(prefix, registration, list, true);
  }
  #call(prefix: string, registration: Registration, events: readonly StoreEvent[], filter = false): void {
    if (registration.ended) return;
    const wanted =
      filter && events[0]!.revision <= registration.after
        ? events.filter((event) => event.revision > registration.after)
        : events;
    if (wanted.length === 0) return;
    try {
      registration.watcher.onEvents(wanted);
    } catch (error) {
      // It has lost events; it must start again from a list. The others must not suffer.
      this.#logger.error('a watcher failed and was ended', { prefix, error: messageOf(error) });
      this.#remove(prefix, registration);
      this.#end(registration, 'compacted');
    }
  }
  #remove(prefix: string, registration: Registration): void {
    const set = this.#byPrefix.get(prefix);
    set?.delete(registration);
    if (set?.size === 0) this.#byPrefix.delete(prefix);
  }
  #end(registration: Registration, reason: 'closed' | 'compacted'): void {
    if (registration.ended) return;
    registration.ended = true;
    try {
      registration.watcher.onEnd(reason);
    } catch (error) {
      this.#logger.error('a watcher failed at its end', { error: messageOf(error) });
    }
  }
}
