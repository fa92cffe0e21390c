// WATCH: from a revision, or the current state first. An event is encoded once for all watchers of its kind. Limits on what
// a slow reader may leave behind are the sink's (https-front.ts, in-process client).
import { fraction } from '#base/random.ts';
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import { apiVersionOf } from '#api/kinds.ts';
import type { ApiResponse, WatchEvent, WatchSink } from '#api/request.ts';
import { ApiError, expiredError } from '#api/status.ts';
import { nothingOfRow } from '../content/nothing.ts';
import { watchLine } from '#storage/encode.ts';
import type { Store, StoredObject, StoreEvent } from '#storage/store.ts';
import { isStoredForm } from '../content/conversion.ts';
import { streamTypeOf } from '../content/media-types.ts';
import type { Encoding } from '../content/media-types.ts';
import { mediaTypeOfForm, negotiateOutput, streamOf } from '../content/negotiate.ts';
import type { OutputForm } from '../content/negotiate.ts';
import { objectOf, partialOf } from '../content/present.ts';
import { listOptions, parseResourceVersion } from '../content/request-options.ts';
import { selectionOf, visibleOnly } from '../content/selection.ts';
import type { Selection } from '../content/selection.ts';
import { tableOf } from '../content/table.ts';
import { prefixOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { respond } from '../responses.ts';
import { ConvertedInOrder } from './converted-in-order.ts';
import { waitForRevision } from './wait-for-revision.ts';

const bookmarkIntervalMs = 60_000;
/** Upstream's --min-request-timeout: a watch without a timeout ends after this to twice this. */
const timeoutSecondsMin = 1_800;
const initialEventsEnd = 'k8s.io/initial-events-end';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** Of an event with its object, in one encoding. */
type EncodeEvent = (type: WatchEvent['type'], object: KubernetesObject) => Uint8Array;

const jsonLine: EncodeEvent = (type, object) => Buffer.from(`{"type":"${type}","object":${JSON.stringify(object)}}\n`);

/** Loaded before the watch begins: events are encoded where nothing can be awaited. */
async function encodeEventOf({ encoding }: OutputForm): Promise<EncodeEvent> {
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

/** Shared while somebody writes them out; then the collector takes the encoded lines back. */
type PlainEvents = Partial<Record<`${ChangeType} ${Encoding}`, WatchEvent>>;
const plainEvents = new WeakMap<StoredObject, WeakRef<PlainEvents>>();

interface PlainEvent extends WatchEvent {
  /** Keeps the shared record alive as long as one of its events is. */
  readonly record: PlainEvents;
}

function plainEvent(type: ChangeType, stored: StoredObject, form: OutputForm, encode: EncodeEvent): WatchEvent {
  let record = plainEvents.get(stored)?.deref();
  if (record === undefined) plainEvents.set(stored, new WeakRef((record = {})));
  const there = record[`${type} ${form.encoding}`];
  if (there !== undefined) return there;
  let line: Uint8Array | undefined;
  const made: PlainEvent = {
    type,
    record,
    object: () => stored.object(),
    bytes: () => (line ??= form.encoding === 'json' ? watchLine(type, stored) : encode(type, stored.object())),
  };
  record[`${type} ${form.encoding}`] = made;
  return made;
}

/** Makes events in the form that the client asked for. */
class EventMaker {
  #row: KindRow;
  readonly #current: () => KindRow | undefined;
  readonly #form: OutputForm;
  readonly encode: EncodeEvent;
  readonly #query: URLSearchParams;
  readonly #now: () => number;
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
    const isPlain = this.#form.transform === 'none' && isStoredForm(this.#row, stored);
    if (isPlain && revision === stored.revision) return plainEvent(type, stored, this.#form, this.encode);
    const object = (): KubernetesObject => {
      const there = objectOf(this.#row, stored);
      return revision === stored.revision
        ? there
        : { ...there, metadata: { ...there.metadata, resourceVersion: String(revision) } };
    };
    return event(type, () => this.#transform(object()), this.encode);
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
    if (this.#form.transform === 'table')
      return event('BOOKMARK', () => this.#table([], { resourceVersion: String(revision) }), this.encode);
    return event(
      'BOOKMARK',
      () => (this.#form.transform === 'partial' ? partialOf(object, this.#form.metaVersion) : object),
      this.encode,
    );
  }
  #transform(object: KubernetesObject): KubernetesObject {
    if (this.#form.transform === 'partial') return partialOf(object, this.#form.metaVersion);
    return this.#form.transform === 'table' ? this.#table([object], undefined) : object;
  }
  #table(objects: readonly KubernetesObject[], metadata: { resourceVersion: string } | undefined): KubernetesObject {
    const table = tableOf(this.#row, objects, metadata, this.#form, this.#query, this.#now(), !this.#columnsSent);
    this.#columnsSent = true;
    return table as unknown as KubernetesObject;
  }
}

const errorEvent = (error: ApiError, encode: EncodeEvent): WatchEvent =>
  event('ERROR', () => error.toStatus() as unknown as KubernetesObject, encode);

function typeOf(selection: Selection, change: StoreEvent): ChangeType | undefined {
  const { previous, stored } = change;
  if (change.type === 'delete') return selection.matches(stored) ? 'DELETED' : undefined;
  const matched = previous !== undefined && selection.matches(previous);
  if (selection.matches(stored)) return matched ? 'MODIFIED' : 'ADDED';
  return matched ? 'DELETED' : undefined;
}

/** Where who watches sees some objects only, and that may change without a change of the object. */
export interface WatchMembers {
  typeOf(change: StoreEvent): ChangeType | undefined;
  /** From now on; `emit` sends what comes or goes for another reason. */
  start(emit: (type: ChangeType, stored: StoredObject, revision: number) => void): Disposable;
}

interface WatchPlan {
  readonly members: WatchMembers | undefined;
  readonly request: ResourceRequest;
  readonly selection: Selection;
  readonly events: EventMaker;
  /** Undefined: the current state comes first. */
  readonly from: number | undefined;
  /** Nothing up to this is told: a version that was not there yet when the watch began, else 0. */
  readonly silentUntil: number;
  readonly bookmarks: boolean;
  readonly marksInitialEnd: boolean;
  readonly timeoutMs: number | undefined;
}

function openWatch(plan: WatchPlan, sink: WatchSink): Disposable {
  const { selection, events } = plan;
  const { server } = plan.request.context;
  const { store, clock } = server.options;
  const { signal } = plan.request.context.request;
  const { row } = plan.request;
  const prefix = prefixOf(plan.request);
  let subscription: Disposable | undefined;
  let membership: Disposable | undefined;
  let kindChanges: Disposable | undefined;
  let ended = false;
  let sentRevision = plan.silentUntil;
  const timers: Disposable[] = [];

  const stop = (): void => {
    ended = true;
    subscription?.[Symbol.dispose]();
    membership?.[Symbol.dispose]();
    for (const timer of timers) timer[Symbol.dispose]();
    signal.removeEventListener('abort', stop);
    kindChanges?.[Symbol.dispose]();
    server.closing.removeEventListener('abort', onClosing);
  };
  const end = (error?: ApiError): void => {
    if (ended) return;
    stop();
    if (error instanceof ApiError) sink.onEvent(errorEvent(error, events.encode));
    sink.onEnd();
  };
  function onClosing(): void {
    end();
  }
  const after = (delayMs: number, run: () => void): void => {
    const timer = clock.schedule(delayMs, run);
    timers.push({ [Symbol.dispose]: () => timer.cancel() });
  };

  const inOrder = new ConvertedInOrder(
    server,
    () => [events.row, ...(events.row === row ? [] : [row])],
    (error) => end(error ?? tooOld(store, sentRevision)),
  );
  const onEvents = (changes: readonly StoreEvent[]): void => {
    if (row.custom === undefined) return send(changes);
    const items = changes.flatMap(({ stored, previous }) =>
      previous === undefined || selection.empty ? [stored] : [stored, previous],
    );
    inOrder.run(items, () => send(changes));
  };
  const send = (changes: readonly StoreEvent[]): void => {
    for (const change of changes) {
      if (ended) return;
      if (change.revision <= plan.silentUntil) continue;
      const type = plan.members === undefined ? typeOf(selection, change) : plan.members.typeOf(change);
      if (type === undefined) continue;
      const leaves = type === 'DELETED' && change.type === 'put';
      sentRevision = change.revision;
      sink.onEvent(events.change(type, leaves ? change.previous! : change.stored, change.revision));
    }
  };
  const start = (from: number): void => {
    membership = plan.members?.start((type, stored, revision) => {
      if (!ended) sink.onEvent(events.change(type, stored, revision));
    });
    const opened = store.watch(prefix, from, {
      onEvents,
      onEnd: (reason) => end(reason === 'compacted' ? tooOld(store, from) : undefined),
    });
    if (opened === undefined) end(tooOld(store, from));
    else if (ended) opened[Symbol.dispose]();
    else subscription = opened;
  };

  if (row.custom !== undefined)
    kindChanges = server.kinds.onChange(() => {
      // A watch outlives every change of its definition but its end.
      if (server.kinds.find(row.group, row.version, row.resource) === undefined) end();
      else events.renew();
    });
  signal.addEventListener('abort', stop, { once: true });
  server.closing.addEventListener('abort', onClosing, { once: true });
  if (signal.aborted) stop();
  else if (plan.from === undefined) {
    const page = store.list(prefix);
    const sendState = (): void => {
      for (const stored of page.items)
        if (selection.matches(stored)) sink.onEvent(events.change('ADDED', stored, stored.revision));
      if (plan.marksInitialEnd) sink.onEvent(events.bookmark(page.revision, true));
    };
    if (row.custom === undefined) sendState();
    else inOrder.run(page.items, sendState);
    if (!ended) start(page.revision);
  } else start(plan.from);

  if (!ended && plan.timeoutMs !== undefined) after(plan.timeoutMs, () => end());
  if (!ended && plan.bookmarks) {
    const mark = (): void => {
      if (ended) return;
      const { revision } = store;
      if (revision > sentRevision && !inOrder.isWaiting) {
        sentRevision = revision;
        sink.onEvent(events.bookmark(revision, false));
      }
      timers.length = Math.min(timers.length, plan.timeoutMs === undefined ? 0 : 1);
      after(bookmarkIntervalMs, mark);
    };
    after(bookmarkIntervalMs, mark);
  }
  return { [Symbol.dispose]: stop };
}

const tooOld = (store: Store, from: number): ApiError =>
  expiredError(`too old resource version: ${from} (${store.compactedRevision})`);

export async function watch(
  request: ResourceRequest,
  membersOf?: (selection: Selection) => WatchMembers,
): Promise<ApiResponse> {
  const { context, row } = request;
  const { clock, random } = context.server.options;
  const form = negotiateOutput(context.request, streamOf(row));
  const current = () => context.server.kinds.find(row.group, row.version, row.resource);
  const options = listOptions(context.request, true);
  const selected = selectionOf(row, options.labelSelector, options.fieldSelector, request.name);
  const selection = visibleOnly(selected, request.visible);
  const revision = parseResourceVersion(options.resourceVersion);
  const isInProcess = context.request.identity !== undefined;
  const seconds =
    options.timeoutSeconds ?? (isInProcess ? undefined : Math.floor(timeoutSecondsMin * (1 + fraction(random))));
  const startsWithState = options.sendInitialEvents ?? revision === 0;
  // A state must be there; changes may be waited for, as long as the watch lasts.
  await waitForRevision(context, startsWithState ? revision : 0);
  const now = context.server.options.store.revision;
  const encode = await encodeEventOf(form);
  const plan: WatchPlan = {
    request,
    selection,
    members: membersOf?.(selected),
    events: new EventMaker(row, current, form, encode, context.request.query, () => clock.now()),
    from: startsWithState ? undefined : revision === 0 ? now : Math.min(revision, now),
    silentUntil: !startsWithState && revision > now ? revision : 0,
    bookmarks: options.allowWatchBookmarks,
    marksInitialEnd: options.sendInitialEvents === true && options.allowWatchBookmarks,
    timeoutMs: seconds === undefined || seconds <= 0 ? undefined : seconds * 1000,
  };
  return respond(200, {
    type: 'watch',
    contentType: form.encoding === 'json' ? mediaTypeOfForm(form) : streamTypeOf(form.encoding),
    open: (sink) => openWatch(plan, sink),
    failure: (error) => errorEvent(error, encode),
  });
}
