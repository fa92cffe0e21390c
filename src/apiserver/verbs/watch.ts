// WATCH: from a revision, or the current state first. How an event looks: watch-events.ts. Limits on what a slow reader may leave
// behind are the sink's (https-front.ts, in-process client).
import { fraction } from '#base/random.ts';
import type { ApiResponse, WatchSink } from '#api/request.ts';
import { ApiError, expiredError } from '#api/status.ts';
import type { Store, StoredObject, StoreEvent } from '#storage/store.ts';
import { streamTypeOf } from '../content/media-types.ts';
import { mediaTypeOfForm, negotiateOutput, streamOf } from '../content/negotiate.ts';
import { listOptions, parseResourceVersion } from '../content/request-options.ts';
import { selectionOf, visibleOnly } from '../content/selection.ts';
import type { Selection } from '../content/selection.ts';
import { prefixOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { respond } from '../responses.ts';
import { ConvertedInOrder } from './converted-in-order.ts';
import { encodeEventOf, errorEvent, EventMaker, type ChangeType } from './watch-events.ts';
import { inOneTurn, inTurns, Slice, type Slices } from './in-turns.ts';
import { candidatesOf } from './list.ts';
import { waitForRevision } from './wait-for-revision.ts';

const bookmarkIntervalMs = 60_000;
/** Upstream's --min-request-timeout: a watch without a timeout ends after this to twice this. */
const timeoutSecondsMin = 1_800;
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
    const known = candidatesOf(plan.request, selection);
    const page = known === undefined ? store.list(prefix) : { items: known, revision: store.revision };
    const state = function* (): Slices<void> {
      const slice = new Slice();
      for (const stored of page.items) {
        if (slice.isFull()) yield;
        if (ended) return;
        if (slice.selects(selection, stored)) sink.onEvent(events.change('ADDED', stored, stored.revision));
      }
      if (plan.marksInitialEnd) sink.onEvent(events.bookmark(page.revision, true));
      // Changes since then come from the history.
      if (!ended) start(page.revision);
    };
    const sendState = (): void => {
      // Rights, and what a webhook has converted, hold for one turn.
      if (plan.members !== undefined || row.custom?.conversion !== undefined) return inOneTurn(state());
      const sent = inTurns(state(), () => sink.room?.());
      if (sent instanceof Promise) sent.catch((error: unknown) => end(error instanceof ApiError ? error : undefined));
    };
    if (row.custom === undefined) sendState();
    else inOrder.run(page.items, sendState);
  } else start(plan.from);

  if (!ended && plan.timeoutMs !== undefined) after(plan.timeoutMs, () => end());
  if (!ended && plan.bookmarks) {
    const mark = (): void => {
      if (ended) return;
      const { revision } = store;
      // Before the whole state it would be ahead of what was sent.
      if (subscription !== undefined && revision > sentRevision && !inOrder.isWaiting) {
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
