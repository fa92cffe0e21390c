// Lets etcd forget what is older than five minutes, as upstream's API servers do it (apiserver storage/etcd3/compact.go), with
// their key: several servers, upstream's among them, agree that one of them does it, and that no revision goes before its time.
import type { Clock, Timer } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { etcdCompactIntervalMs } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import type { EtcdClient } from './client.ts';

/** How often it was written is the time of this protocol; its value is the revision up to which all is forgotten. */
const compactRevisionKey = 'compact_rev_key';

export class Compactor implements Disposable {
  readonly #options: { readonly client: EtcdClient; readonly clock: Clock; readonly logger: Logger };
  #timer: Timer | undefined;
  #isClosed = false;
  #version = 0;
  /** Etcd's revision when somebody compacted last: five minutes old at the next turn. */
  #revision = 0;

  constructor(options: { readonly client: EtcdClient; readonly clock: Clock; readonly logger: Logger }) {
    this.#options = options;
    this.#schedule();
  }
  /** One turn: whoever is the first to write the key compacts; the others note the time. */
  async turn(): Promise<void> {
    const { client } = this.#options;
    const value = Buffer.from(String(this.#revision));
    const { succeeded, version, revision } = await client.putAtVersion(compactRevisionKey, this.#version, value);
    const due = this.#revision;
    this.#version = version;
    this.#revision = revision;
    // A server that has just started does not know yet what is old.
    if (succeeded && due !== 0) await client.compact(due);
  }
  #schedule(): void {
    const { clock, logger } = this.#options;
    this.#timer = clock.schedule(etcdCompactIntervalMs, () => {
      this.turn()
        .catch((error: unknown) => {
          if (!this.#isClosed) logger.warn('etcd was not compacted', { error: messageOf(error) });
        })
        .finally(() => {
          if (!this.#isClosed) this.#schedule();
        });
    });
  }
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }
}
