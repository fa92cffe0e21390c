// Follows one resource, session after session: from a list, from where the last session ended, or with the state sent first.
import { setTimeout as sleep } from 'node:timers/promises';
import { fraction } from '#base/random.ts';
import type { Random } from '#base/random.ts';
import type { Half, Version, WatchEvent } from './history.ts';
import type { Recorder } from './recorder.ts';
import { collectionPath, isOurs, keyOf, type RecordingClient, selectorOf, versionOf } from './recording-client.ts';
import type { Json, Transport } from './transport.ts';

export interface WatcherOptions {
  readonly watcher: number;
  readonly resource: string;
  readonly transport: Transport;
  readonly client: RecordingClient;
  readonly recorder: Recorder;
  readonly random: Random;
  /** Streams the state (sendInitialEvents) instead of listing it. */
  readonly streamsState: boolean;
  /** Only these. */
  readonly selects?: Half | undefined;
  /** How long a session lasts at most. */
  readonly sessionMs: number;
  readonly stop: AbortSignal;
}

export class Watcher {
  readonly #options: WatcherOptions;
  /** Everything up to here was seen; undefined: the state must be read anew. */
  #revision: number | undefined;
  readonly ended: Promise<void>;
  constructor(options: WatcherOptions) {
    this.#options = options;
    this.ended = this.#follow();
  }
  get name(): string {
    return `watcher ${this.#options.watcher} of ${this.resource}`;
  }
  get resource(): string {
    return this.#options.resource;
  }
  isToldOf(half: Half): boolean {
    return (this.#options.selects ?? half) === half;
  }
  get revision(): number {
    return this.#revision ?? 0;
  }

  async #follow(): Promise<void> {
    const { stop } = this.#options;
    while (!stop.aborted) {
      const status = await this.#session();
      await sleep(status === 200 ? 1 : 50);
    }
  }
  async #session(): Promise<number> {
    const { client, resource, streamsState, selects } = this.#options;
    if (this.#revision !== undefined) return this.#watch(this.#revision, undefined);
    if (streamsState) return this.#watch(undefined, undefined);
    const list = await client.list(resource, { selects });
    return list === undefined ? 0 : this.#watch(list.revision, list.items);
  }
  /** `from` undefined: the state comes first. */
  async #watch(from: number | undefined, listed: ReadonlyMap<string, Version> | undefined): Promise<number> {
    const { transport, recorder, watcher, resource, selects, random, sessionMs, stop } = this.#options;
    const query = new URLSearchParams({ watch: 'true', allowWatchBookmarks: 'true' });
    if (selects !== undefined) query.set('labelSelector', selectorOf(selects));
    if (from === undefined) {
      query.set('sendInitialEvents', 'true');
      query.set('resourceVersionMatch', 'NotOlderThan');
    } else query.set('resourceVersion', String(from));
    // Those are ended by the server.
    if (fraction(random) < 0.3) query.set('timeoutSeconds', '1');
    let events: WatchEvent[] | undefined;
    const begin = (revision: number, state: ReadonlyMap<string, Version> | undefined): void => {
      events = [];
      this.#revision = revision;
      recorder.session({ watcher, resource, selects, from: revision, listed: state, events });
    };
    const call = recorder.now();
    const first = new Map<string, Version>();
    const onEvent = ({ type, object }: { type: string; object: Json }): void => {
      if (type === 'ERROR') {
        if (object.code === 410) this.#revision = undefined;
        else recorder.oddities.push(`watcher ${watcher} was told ${JSON.stringify(object).slice(0, 300)}`);
        return;
      }
      const at = recorder.now();
      if (type === 'BOOKMARK') {
        const revision = Number(object.metadata.resourceVersion);
        if (events !== undefined) {
          events.push({ type, revision, at });
          this.#revision = Math.max(revision, this.#revision ?? 0);
        } else if (object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true') {
          recorder.list({ resource, selects, revision, items: first, isConsistent: true, call, end: at });
          begin(revision, first);
        }
        return;
      }
      if (!isOurs(object.metadata.name)) return;
      const [key, version] = [keyOf(resource, object), versionOf(object)];
      if (events === undefined) {
        if (type !== 'ADDED' || first.has(key))
          recorder.oddities.push(`${type} of ${key} in the state that comes first`);
        first.set(key, version);
        return;
      }
      if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') throw new Error(`an event of type ${type}`);
      events.push({ type, key, version, at });
      this.#revision = version.revision;
    };
    if (from !== undefined) begin(from, listed);
    const open = transport.watch(`${collectionPath(resource)}?${query.toString()}`, onEvent);
    // Some last long enough for bookmarks.
    const lasts = sessionMs * (0.5 + fraction(random)) * (fraction(random) < 0.3 ? 5 : 1);
    const ending = setTimeout(() => open.close(), lasts);
    stop.addEventListener('abort', open.close, { once: true });
    const status = await open.ended;
    clearTimeout(ending);
    stop.removeEventListener('abort', open.close);
    if (status === 410) this.#revision = undefined;
    else if (status !== 200 && status !== 0 && status !== 429 && status < 500)
      recorder.oddities.push(`watcher ${watcher} was answered with ${status}`);
    return status;
  }
}
