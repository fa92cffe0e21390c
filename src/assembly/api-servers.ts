// Which API servers are on one etcd, for the endpoints of the Service `kubernetes`: each keeps a key with its address, as upstream's
// servers do (masterleases), which ends by itself when the server does.
import type { Endpoints } from '#api/generated/types.ts';
import type { Clock, Timer } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Store } from '#storage/store.ts';
import type { NodeAddress } from './node-address.ts';

const prefix = '/registry/masterleases/';
/** Upstream's. */
const secondsToLive = 15;
const renewMs = 5_000;

export interface ApiServersOptions {
  readonly store: Pick<Store, 'get' | 'list' | 'watch' | 'write' | 'revision'>;
  readonly address: Pick<NodeAddress, 'current' | 'onChange'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ApiServers {
  readonly #options: ApiServersOptions;
  readonly #listeners = new Set<() => void>();
  readonly #disposables: Disposable[] = [];
  #watching: Disposable | undefined;
  #timer: Timer | undefined;
  #isClosed = false;
  #last = '';
  #writing: Promise<void> = Promise.resolve();

  constructor(options: ApiServersOptions) {
    this.#options = options;
  }
  /** Their addresses, in order; this one's among them. */
  get addresses(): readonly string[] {
    const { store, address } = this.#options;
    const others = store.list(prefix).items.map(({ key }) => key.slice(prefix.length));
    return [...new Set([...others, address.current])].toSorted();
  }
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  /** Resolves when this one is among them. */
  async start(): Promise<void> {
    const { address } = this.#options;
    let before = address.current;
    this.#disposables.push(
      address.onChange(() => {
        const old = before;
        before = address.current;
        this.#writing = this.#writing.then(() => this.#remove(old)).then(() => this.#announce());
      }),
    );
    this.#watch();
    await this.#announce();
    this.#schedule();
  }
  /** The others are told that this one ends. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#watching?.[Symbol.dispose]();
    for (const one of this.#disposables) one[Symbol.dispose]();
    await this.#writing;
    await this.#remove(this.#options.address.current);
  }
  #schedule(): void {
    this.#timer = this.#options.clock.schedule(renewMs, () => {
      this.#writing = this.#writing
        .then(() => this.#announce())
        .finally(() => {
          if (!this.#isClosed) this.#schedule();
        });
    });
  }
  #watch(): void {
    const { store } = this.#options;
    this.#tell();
    const watching = store.watch(prefix, store.revision, {
      onEvents: () => this.#tell(),
      onEnd: (reason) => {
        if (reason === 'compacted' && !this.#isClosed) this.#watch();
      },
    });
    this.#watching = watching;
  }
  #tell(): void {
    const now = this.addresses.join();
    if (now === this.#last || this.#isClosed) return;
    this.#last = now;
    for (const listener of this.#listeners) listener();
  }
  async #announce(): Promise<void> {
    const { address, store, logger } = this.#options;
    const ip = address.current;
    const key = prefix + ip;
    const about: Endpoints = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: ip },
      subsets: [{ addresses: [{ ip }] }],
    };
    try {
      await store.write({
        key,
        expectedRevision: store.get(key)?.revision ?? 0,
        object: about,
        durability: 'durable',
        timeToLiveSeconds: secondsToLive,
      });
    } catch (error) {
      logger.debug('this API server was not announced', { error: messageOf(error) });
    }
  }
  async #remove(ip: string): Promise<void> {
    const { store } = this.#options;
    const key = prefix + ip;
    const revision = store.get(key)?.revision;
    if (revision === undefined) return;
    await store
      .write({ key, expectedRevision: revision, object: undefined, durability: 'durable' })
      // It ends by itself.
      .catch(() => {});
  }
}
