// Events of watches in the form that each client asked for. An event is made and encoded once for all who want it in the same form,
// whatever they watch: its bytes are shared.
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import { apiVersionOf } from '#api/kinds.ts';
import type { WatchEvent } from '#api/request.ts';
import type { ApiError } from '#api/status.ts';
import { watchLine } from '#storage/encode.ts';
import type { StoredObject } from '#storage/store.ts';
import { isStoredForm } from '../content/conversion.ts';
import type { OutputForm } from '../content/negotiate.ts';
import { nothingOfRow } from '../content/nothing.ts';
import { objectOf, partialOf } from '../content/present.ts';
import { tableOf } from '../content/table.ts';

const initialEventsEnd = 'k8s.io/initial-events-end';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** Of an event with its object, in one encoding. */
export type EncodeEvent = (type: WatchEvent['type'], object: KubernetesObject) => Uint8Array;

const jsonLine: EncodeEvent = (type, object) => Buffer.from(`{"type":"${type}","object":${JSON.stringify(object)}}\n`);

/** Loaded before the watch begins: events are encoded where nothing can be awaited. */
export async function encodeEventOf({ encoding }: OutputForm): Promise<EncodeEvent> {
  if (encoding === 'protobuf') return (await import('../content/encode-protobuf.ts')).eventFrame;
  return encoding === 'cbor' ? (await import('#api/cbor/encode.ts')).encodeCborEvent : jsonLine;
}

/** An event whose object and bytes are made when the first reader wants them. */
function event(type: WatchEvent['type'], object: () => KubernetesObject, encode: EncodeEvent): WatchEvent {
  let made: KubernetesObject | undefined;
  let line: Uint8Array | undefined;
  const get = (): KubernetesObject => (made ??= object());
  return { type, object: get, bytes: () => (line ??= encode(type, get())) };
}

/** Shared while somebody writes them out; then the collector takes the encoded lines back. By how they look. */
type SharedEvents = Map<string, WatchEvent>;
const sharedEvents = new WeakMap<StoredObject, WeakRef<SharedEvents>>();
function sharedEventsOf(stored: StoredObject): SharedEvents {
  let record = sharedEvents.get(stored)?.deref();
  if (record === undefined) sharedEvents.set(stored, new WeakRef((record = new Map())));
  return record;
}

/** One of a record, which it keeps alive. */
class SharedEvent implements WatchEvent {
  readonly type: ChangeType;
  readonly record: SharedEvents;
  readonly #show: () => KubernetesObject;
  readonly #encode: (event: WatchEvent) => Uint8Array;
  #object: KubernetesObject | undefined;
  #bytes: Uint8Array | undefined;
  constructor(
    type: ChangeType,
    record: SharedEvents,
    show: () => KubernetesObject,
    encode: (event: WatchEvent) => Uint8Array,
  ) {
    this.type = type;
    this.record = record;
    this.#show = show;
    this.#encode = encode;
  }
  object(): KubernetesObject {
    return (this.#object ??= this.#show());
  }
  bytes(): Uint8Array {
    return (this.#bytes ??= this.#encode(this));
  }
}

/** Of an object as it is stored. Only who wants its bytes looks for those that others have; readers in this process never do. */
class StoredEvent implements WatchEvent {
  readonly type: ChangeType;
  readonly #stored: StoredObject;
  readonly #key: string;
  /** Undefined: its JSON. */
  readonly #encode: ((event: WatchEvent) => Uint8Array) | undefined;
  #shared: WatchEvent | undefined;
  constructor(
    type: ChangeType,
    stored: StoredObject,
    key: string,
    encode: ((event: WatchEvent) => Uint8Array) | undefined,
  ) {
    this.type = type;
    this.#stored = stored;
    this.#key = key;
    this.#encode = encode;
  }
  object(): KubernetesObject {
    return this.#stored.object();
  }
  bytes(): Uint8Array {
    return (this.#shared ??= this.#share()).bytes();
  }
  #share(): WatchEvent {
    const stored = this.#stored;
    const record = sharedEventsOf(stored);
    const there = record.get(this.#key);
    if (there !== undefined) return there;
    const encode = this.#encode ?? (() => watchLine(this.type, stored));
    const event = new SharedEvent(this.type, record, () => stored.object(), encode);
    record.set(this.#key, event);
    return event;
  }
}

/** Rules of a custom resource change with its row: what one row shows is not what another does. */
const rowNumbers = new WeakMap<KindRow, number>();
let rowsNumbered = 0;
function numberOf(row: KindRow): number {
  let number = rowNumbers.get(row);
  if (number === undefined) rowNumbers.set(row, (number = ++rowsNumbered));
  return number;
}

/** Makes events in the form that the client asked for. */
export class EventMaker {
  #row: KindRow;
  readonly #current: () => KindRow | undefined;
  readonly #form: OutputForm;
  readonly encode: EncodeEvent;
  readonly #query: URLSearchParams;
  readonly #now: () => number;
  /** All that decides how the stored object looks in an event; of a form that is made for the client, its row and options too. */
  readonly #plainKeys: Readonly<Record<ChangeType, string>>;
  readonly #encodeObject: (event: WatchEvent) => Uint8Array;
  /** Undefined: stored bytes are what is wanted. */
  readonly #encodeStored: ((event: WatchEvent) => Uint8Array) | undefined;
  #columnsSent = false;
  constructor(
    row: KindRow,
    current: () => KindRow | undefined,
    form: OutputForm,
    encode: EncodeEvent,
    query: URLSearchParams,
    now: () => number,
  ) {
    this.#row = row;
    this.#current = current;
    this.#form = form;
    this.encode = encode;
    this.#query = query;
    this.#now = now;
    this.#encodeObject = (event) => encode(event.type, event.object());
    this.#encodeStored = form.encoding === 'json' ? undefined : this.#encodeObject;
    const key = (type: ChangeType): string => `${type} ${form.encoding}`;
    this.#plainKeys = { ADDED: key('ADDED'), MODIFIED: key('MODIFIED'), DELETED: key('DELETED') };
  }
  get row(): KindRow {
    return this.#row;
  }
  /** The rules of a custom resource may change while it is watched. */
  renew(): void {
    this.#row = this.#current() ?? this.#row;
  }
  /** `revision` differs from the stored one when an object leaves the selection: its last state then, at the new revision. */
  change(type: ChangeType, stored: StoredObject, revision: number): WatchEvent {
    const isStored = this.#form.transform === 'none' && revision === stored.revision && isStoredForm(this.#row, stored);
    if (isStored) return new StoredEvent(type, stored, this.#plainKeys[type], this.#encodeStored);
    const record = sharedEventsOf(stored);
    const key = this.#madeKey(type, revision);
    let event = record.get(key);
    if (event === undefined) record.set(key, (event = this.#made(type, record, stored, revision)));
    this.#columnsSent = true;
    return event;
  }
  /** Cells tell ages: who is told a second later is told others. */
  #madeKey(type: ChangeType, revision: number): string {
    const { encoding, transform, metaVersion } = this.#form;
    const key = `${type} ${encoding} ${revision} ${numberOf(this.#row)} ${transform} ${metaVersion}`;
    return transform === 'table'
      ? `${key} ${this.#columnsSent} ${Math.floor(this.#now() / 1000)} ${this.#query.get('includeObject')}`
      : key;
  }
  #made(type: ChangeType, record: SharedEvents, stored: StoredObject, revision: number): WatchEvent {
    const row = this.#row;
    const form = this.#form;
    const query = this.#query;
    const now = this.#now();
    const withColumns = !this.#columnsSent;
    const object = (): KubernetesObject => {
      const there = objectOf(row, stored);
      const told =
        revision === stored.revision
          ? there
          : { ...there, metadata: { ...there.metadata, resourceVersion: String(revision) } };
      if (form.transform === 'partial') return partialOf(told, form.metaVersion);
      return form.transform === 'table'
        ? (tableOf(row, [told], undefined, form, query, now, withColumns) as unknown as KubernetesObject)
        : told;
    };
    return new SharedEvent(type, record, object, this.#encodeObject);
  }
  bookmark(revision: number, endsInitialEvents: boolean): WatchEvent {
    // Go shows an object that has nothing but a revision.
    const nothing = nothingOfRow(this.#row);
    const annotations = {
      ...(nothing.metadata?.['annotations'] as Readonly<Record<string, string>> | undefined),
      ...(endsInitialEvents ? { [initialEventsEnd]: 'true' } : {}),
    };
    const object: KubernetesObject = {
      ...nothing,
      kind: this.#row.kind,
      apiVersion: apiVersionOf(this.#row),
      metadata: {
        resourceVersion: String(revision),
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      },
    };
    const form = this.#form;
    if (form.transform !== 'table')
      return event(
        'BOOKMARK',
        () => (form.transform === 'partial' ? partialOf(object, form.metaVersion) : object),
        this.encode,
      );
    const withColumns = !this.#columnsSent;
    this.#columnsSent = true;
    const metadata = { resourceVersion: String(revision) };
    const table = () => tableOf(this.#row, [], metadata, form, this.#query, this.#now(), withColumns);
    return event('BOOKMARK', () => table() as unknown as KubernetesObject, this.encode);
  }
}

export const errorEvent = (error: ApiError, encode: EncodeEvent): WatchEvent =>
  event('ERROR', () => error.toStatus() as unknown as KubernetesObject, encode);
