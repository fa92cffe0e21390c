// LIST: pages over a stable revision with upstream's continue tokens, resourceVersion semantics, selectors.
import { badRequestError, expiredError, ApiError } from '#api/status.ts';
import type { KindRow } from '#api/kind.ts';
import type { ListMetadata } from '#api/request.ts';
import { storagePrefix } from '#api/kinds.ts';
import { syntaxErrorOf } from '#wire/json.ts';
import type { ListPage, StoredObject } from '#storage/store.ts';
import type { Answered } from '../context.ts';
import { collectionOf, negotiateOutput } from '../content/negotiate.ts';
import { respondList } from '../content/present.ts';
import { listOptions, parseListVersion } from '../content/request-options.ts';
import type { ListOptions } from '../content/request-options.ts';
import { selectionOf, visibleOnly } from '../content/selection.ts';
import type { Selection } from '../content/selection.ts';
import { keyOf, prefixOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { convertAhead, reading } from '../custom-resources/conversion.ts';
import { inOneTurn, inTurns, Slice, type Slices } from './in-turns.ts';
import { waitForRevision } from './wait-for-revision.ts';

const tokenVersion = 'meta.k8s.io/v1';
const inconsistentRevision = -1;

interface Start {
  /** Undefined: the newest state. */
  readonly at: number | undefined;
  readonly startAfter: string | undefined;
}

function encodeToken(revision: number, lastKey: string, prefix: string): string {
  const start = `${lastKey.slice(prefix.length)}\0`;
  return Buffer.from(JSON.stringify({ v: tokenVersion, rv: revision, start })).toString('base64url');
}

function decodeToken(token: string, prefix: string): { revision: number; startAfter: string } {
  const invalidKey = (detail: string) =>
    badRequestError(`invalid continue token: continue key is not valid: ${detail}`);
  let parsed: { v?: unknown; rv?: unknown; start?: unknown } | null;
  try {
    parsed = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as typeof parsed;
  } catch {
    throw invalidKey(syntaxErrorOf(Buffer.from(token, 'base64url').toString('utf8')));
  }
  if (parsed !== null && typeof parsed !== 'object') throw invalidKey('it is no token of this server');
  const version = typeof parsed?.v === 'string' ? parsed.v : '';
  if (version !== tokenVersion) throw invalidKey(`server does not recognize this encoded version ${version}`);
  const { rv, start } = parsed!;
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0)
    throw invalidKey('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof start !== 'string' || start === '') throw invalidKey('encoded start key empty (version meta.k8s.io/v1)');
  if (start.split('/').some((part) => part === '..' || part === '.' || part === '')) throw invalidKey(start);
  // The token says where to go on from; the store wants the last key that was seen.
  return { revision: rv, startAfter: prefix + start.replace(/\0$/, '') };
}

function startOf(options: ListOptions, prefix: string): Start {
  if (options.continue !== '') {
    const { revision, startAfter } = decodeToken(options.continue, prefix);
    if (options.resourceVersion !== '' && options.resourceVersion !== '0')
      throw badRequestError('specifying resource version is not allowed when using continue');
    return { at: revision === inconsistentRevision ? undefined : revision, startAfter };
  }
  const revision = parseListVersion(options.resourceVersion);
  const isExact =
    options.resourceVersionMatch === 'Exact' ||
    (options.resourceVersionMatch === '' && options.limit > 0 && revision > 0);
  return { at: isExact ? revision : undefined, startAfter: undefined };
}

/** 410 with a token that goes on over the newest state, as upstream offers. */
function expired(options: ListOptions, prefix: string, startAfter: string | undefined): ApiError {
  if (options.continue === '' || startAfter === undefined)
    return expiredError('The resourceVersion for the provided list is too old.');
  const token = Buffer.from(
    JSON.stringify({ v: tokenVersion, rv: inconsistentRevision, start: `${startAfter.slice(prefix.length)}\0` }),
  ).toString('base64url');
  return new ExpiredContinueError(token);
}

/** Its Status carries the token in metadata.continue. */
class ExpiredContinueError extends ApiError {
  readonly #token: string;
  constructor(token: string) {
    super(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    );
    this.#token = token;
  }
  override toStatus() {
    return { ...super.toStatus(), metadata: { continue: this.#token } };
  }
}

interface Page {
  readonly items: readonly StoredObject[];
  readonly revision: number;
  /** Undefined: nothing follows. */
  readonly lastKey: string | undefined;
  readonly remaining: number | undefined;
}

/** In slices; what it looks at is of one revision and does not change. */
function* readPage(
  request: ResourceRequest,
  options: ListOptions,
  selection: Selection,
  { at, startAfter }: Start,
): Slices<Page | undefined> {
  const { store } = request.context.server.options;
  const prefix = prefixOf(request);
  const read = (after: string | undefined, limit: number | undefined): ListPage | undefined => {
    const page = { ...(after === undefined ? {} : { startAfter: after }), ...(limit === undefined ? {} : { limit }) };
    return at === undefined ? store.list(prefix, page) : store.listAt(prefix, at, page);
  };
  if (selection.empty) {
    const page = read(startAfter, options.limit === 0 ? undefined : options.limit);
    if (page === undefined) return undefined;
    return {
      items: page.items,
      revision: page.revision,
      lastKey: page.remaining > 0 ? page.items.at(-1)?.key : undefined,
      remaining: page.remaining > 0 ? page.remaining : undefined,
    };
  }
  if (at === undefined && selection.name !== undefined && (request.namespace !== '' || !request.row.namespaced)) {
    const stored = store.get(keyOf(request, selection.name));
    const isThere =
      stored !== undefined && (startAfter === undefined || stored.key > startAfter) && selection.matches(stored);
    return { items: isThere ? [stored] : [], revision: store.revision, lastKey: undefined, remaining: undefined };
  }
  // One pass over the rest: a page of matches, and whether anything follows, which upstream does not look at before it is asked for.
  const known = at === undefined ? candidatesOf(request, selection) : undefined;
  const rest =
    known === undefined
      ? read(startAfter, undefined)
      : {
          items: startAfter === undefined ? known : known.filter(({ key }) => key > startAfter),
          revision: store.revision,
        };
  if (rest === undefined) return undefined;
  const { revision } = rest;
  const items: StoredObject[] = [];
  const slice = new Slice();
  for (const stored of rest.items) {
    if (options.limit > 0 && items.length === options.limit)
      return { items, revision, lastKey: items.at(-1)!.key, remaining: undefined };
    if (slice.isFull()) yield;
    if (slice.selects(selection, stored)) items.push(stored);
  }
  return { items, revision, lastKey: undefined, remaining: undefined };
}

/** All that the selection may select, in key order. Undefined: every object may be. */
export const candidatesOf = (
  { context, row, namespace }: Pick<ResourceRequest, 'context' | 'row' | 'namespace'>,
  { facts }: Selection,
): readonly StoredObject[] | undefined =>
  facts.length === 0
    ? undefined
    : context.server.selectionIndex.candidates(storagePrefix(row), storagePrefix(row, namespace), facts);

/** As `readPage`, with everything in the row's version that selecting and sending it needs. */
function pageOf(
  request: ResourceRequest,
  options: ListOptions,
  selection: Selection,
  start: Start,
): Page | undefined | Promise<Page | undefined> {
  if (request.row.custom?.conversion !== undefined) return convertedPage(request, options, selection, start);
  return inTurns(readPage(request, options, selection, start));
}

async function convertedPage(
  request: ResourceRequest,
  options: ListOptions,
  selection: Selection,
  start: Start,
): Promise<Page | undefined> {
  const { row, context } = request;
  const { store } = context.server.options;
  const all = () =>
    (start.at === undefined ? store.list(prefixOf(request)) : store.listAt(prefixOf(request), start.at))?.items ?? [];
  const page = await reading(context.server, row, selection.empty ? () => [] : all, () =>
    inOneTurn(readPage(request, options, selection, start)),
  );
  await convertAhead(context.server, row, page?.items ?? []);
  return page;
}

/** Upstream keeps Events in its database alone. */
export const isCached = (row: KindRow): boolean => row.storage?.kind !== 'Event';

export function list(request: ResourceRequest): Answered {
  const form = negotiateOutput(request.context.request, collectionOf(request.row));
  const page = askedPage(request);
  const respond = (found: Page): Answered =>
    respondList(request.context, request.row, found.items, metadataOf(request, found), form);
  return page instanceof Promise ? page.then(respond) : respond(page);
}

/** What the request's options choose. Throws or rejects with an ApiError. */
function askedPage(request: ResourceRequest): Page | Promise<Page> {
  const { context, row } = request;
  const asked = listOptions(context.request, false);
  // Version 0 takes what is at hand, all of it: upstream's cache has no pages.
  const options = asked.resourceVersion === '0' && isCached(row) ? { ...asked, limit: 0 } : asked;
  const selection = visibleOnly(selectionOf(row, options.labelSelector, options.fieldSelector), request.visible);
  const prefix = storagePrefix(row, request.namespace);
  const start = startOf(options, prefix);
  const found = (page: Page | undefined): Page => {
    if (page === undefined) throw expired(options, prefix, start.startAfter);
    return page;
  };
  const read = (): Page | Promise<Page> => {
    const page = pageOf(request, options, selection, start);
    return page instanceof Promise ? page.then(found) : found(page);
  };
  const pending =
    start.at === undefined
      ? waitForRevision(context, parseListVersion(options.resourceVersion), true)
      : waitForRevision(context, start.at, false);
  return pending === undefined ? read() : pending.then(read);
}

function metadataOf({ row, namespace }: ResourceRequest, page: Page): ListMetadata {
  const prefix = storagePrefix(row, namespace);
  return {
    resourceVersion: String(page.revision),
    ...(page.lastKey === undefined ? {} : { continue: encodeToken(page.revision, page.lastKey, prefix) }),
    ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
  };
}

/** What a deletecollection means: what a list with its options would show. */
export async function selectedObjects(
  request: ResourceRequest,
): Promise<{ readonly items: readonly StoredObject[]; readonly metadata: ListMetadata }> {
  const page = await askedPage(request);
  return { items: page.items, metadata: metadataOf(request, page) };
}
