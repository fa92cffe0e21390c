// What a client of the API sees: a watcher gets every change of a Pod once and in order, over cuts and restarts; what was
// acknowledged is stored.
import { Pods } from '#api/generated/kind-references.ts';
import { storagePrefix } from '#api/kinds.ts';
import { isGone } from '#api/status.ts';
import type { StoreEvent } from '#storage/store.ts';
import type { Cluster } from '../world/cluster.ts';

const podPrefix = storagePrefix(Pods);
const retryMs = 1_000;

export class WatchRules {
  readonly #cluster: Cluster;
  /** Revisions of Pods, in order. */
  readonly #revisions: number[] = [];
  /** How many of them the watcher has seen or was told of by a list. */
  #seen = 0;
  #last = 0;
  /** Events that came over the watch. */
  received = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }
  onEvent({ stored, revision }: StoreEvent): void {
    if (stored.key.startsWith(podPrefix)) this.#revisions.push(revision);
  }
  /** An answer said that this was written. */
  onAcknowledged(revision: number, what: string): void {
    if (revision > this.#cluster.store.revision)
      this.#cluster.journal.violate('what is acknowledged is stored', `${what} at ${revision}`);
  }
  /** Begins with what is there now. */
  watch(): void {
    const { timeline, user } = this.#cluster;
    const again = (): void => void timeline.schedule(retryMs, () => this.watch());
    const list = async (): Promise<void> => {
      if (this.#last === 0) this.#skipTo(Number((await user.resource(Pods).list()).metadata.resourceVersion));
      user.resource(Pods).watch(
        { resourceVersion: String(this.#last) },
        {
          onEvent: ({ object }) => this.#onWatched(Number(object.metadata.resourceVersion)),
          onEnd: (error) => {
            if (isGone(error)) this.#last = 0;
            again();
          },
        },
      );
    };
    list().catch(again);
  }
  #skipTo(revision: number): void {
    while (this.#seen < this.#revisions.length && this.#revisions[this.#seen]! <= revision) this.#seen++;
    this.#last = revision;
  }
  #onWatched(revision: number): void {
    this.received++;
    const expected = this.#revisions[this.#seen];
    if (revision !== expected)
      this.#cluster.journal.violate('a watcher sees everything in order', `${revision} came instead of ${expected}`);
    this.#skipTo(revision);
  }
  /** At rest: it has seen all. */
  finish(): void {
    if (this.#seen < this.#revisions.length)
      this.#cluster.journal.violate(
        'a watcher sees everything in order',
        `it stayed behind ${this.#revisions[this.#seen]} of ${this.#revisions.at(-1)}`,
      );
  }
}
