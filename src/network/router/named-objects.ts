// Single objects that Routes or the configuration name, such as the Secret of a certificate: each read with a watch of its own,
// because the router may read these and no others. Those that nobody names any more are let go.
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { isGone, isReason } from '#api/status.ts';
import type { Clock, Timer } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/client.ts';

export interface ObjectName {
  readonly kind: KindReference;
  readonly namespace: string;
  readonly name: string;
}

/** Forbidden: the router may not do that; failed: it could not be asked. */
export type Found =
  | { readonly state: 'present'; readonly object: KubernetesObject }
  | { readonly state: 'absent' }
  | { readonly state: 'forbidden'; readonly verb: 'list' | 'watch' }
  | { readonly state: 'failed'; readonly message: string };

/** After a failure or refusal: nobody tells when rights come. */
const againMs = 5_000;

export class NamedObjects implements Disposable {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  readonly #followed = new Map<string, Followed>();

  constructor(options: { client: Client; clock: Clock; logger: Logger; onChange: () => void }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#onChange = options.onChange;
  }

  /** Follows these and no others; resolves when each has been looked for once. */
  async follow(names: readonly ObjectName[]): Promise<void> {
    const wanted = new Map(names.map((one) => [textOf(one), one]));
    for (const [text, followed] of this.#followed)
      if (!wanted.has(text)) {
        followed.stop();
        this.#followed.delete(text);
      }
    for (const [text, name] of wanted)
      if (!this.#followed.has(text))
        this.#followed.set(text, new Followed(name, this.#client, this.#clock, this.#logger, this.#onChange));
    await Promise.all([...this.#followed.values()].map((one) => one.first));
  }

  get(name: ObjectName): Found {
    return this.#followed.get(textOf(name))?.found ?? { state: 'absent' };
  }

  [Symbol.dispose](): void {
    for (const one of this.#followed.values()) one.stop();
    this.#followed.clear();
  }
}

const textOf = ({ kind, namespace, name }: ObjectName): string => `${kind.resource} ${namespace}/${name}`;

class Followed {
  found: Found = { state: 'absent' };
  readonly first: Promise<void>;
  readonly #name: ObjectName;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  #watch: Disposable | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(name: ObjectName, client: Client, clock: Clock, logger: Logger, onChange: () => void) {
    this.#name = name;
    this.#client = client;
    this.#clock = clock;
    this.#logger = logger;
    this.#onChange = onChange;
    this.first = this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#watch?.[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    const { kind, namespace, name } = this.#name;
    const restriction = { namespace, fieldSelector: `metadata.name=${name}` };
    try {
      const { items, metadata } = await this.#client.resource(kind).list(restriction);
      if (this.#stopped) return;
      this.#set(items[0] === undefined ? { state: 'absent' } : { state: 'present', object: items[0] });
      this.#watch = this.#client.resource(kind).watch(
        { ...restriction, resourceVersion: metadata.resourceVersion ?? '0' },
        {
          onEvent: ({ type, object }) => {
            if (type === 'BOOKMARK') return;
            this.#set(type === 'DELETED' ? { state: 'absent' } : { state: 'present', object });
          },
          onEnd: (error) => this.#ended(error),
        },
      );
    } catch (error) {
      this.#fail('list', error);
    }
  }

  #ended(error: unknown): void {
    this.#watch = undefined;
    if (this.#stopped) return;
    if (error === undefined || isGone(error)) void this.#look();
    else this.#fail('watch', error);
  }

  #fail(verb: 'list' | 'watch', error: unknown): void {
    if (this.#stopped) return;
    if (isReason(error, 'Forbidden')) this.#set({ state: 'forbidden', verb });
    else {
      this.#logger.warn('cannot read what the router needs', { object: textOf(this.#name), error: messageOf(error) });
      // What was read before stays good while the server does not answer.
      if (this.found.state !== 'present') this.#set({ state: 'failed', message: messageOf(error) });
    }
    this.#timer = this.#clock.schedule(againMs, () => void this.#look());
  }

  #set(found: Found): void {
    const before = this.found;
    this.found = found;
    const same =
      before.state === 'present' && found.state === 'present'
        ? before.object === found.object
        : before.state === found.state;
    if (!same) this.#onChange();
  }
}
