// The OpenAPI documents of this server's own kinds: made when somebody reads them, in pieces between which others get their turn,
// and kept packed. What makes them is loaded then.
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { gunzip, gzip } from 'node:zlib';
import { promisify } from 'node:util';
import type { Clock } from '#base/clock.ts';
import type { KindRow } from '#api/kind.ts';

export type OpenApiForm = 'json' | 'protobuf';

export interface OpenApiDocument {
  readonly bytes: Uint8Array;
  /** Of the JSON form, whichever this is: caches tell them apart by Vary. */
  readonly etag: string;
  readonly modifiedAtMs: number;
}

interface Packed {
  readonly packed: Uint8Array;
  readonly etag: string;
  readonly modifiedAtMs: number;
}

const pack = promisify(gzip);
const unpack = promisify(gunzip);
/** Several megabytes of text that are read once in a while. */
const packLevel = 6;
/** Text that is made before others get their turn. */
const turnCharacters = 64 * 1024;

/** Where a document is. */
export const urlOf = (place: string, etag: string): string => `/openapi/v3/${place}?hash=${etag}`;

export const etagOf = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex').toUpperCase();

async function joined(pieces: Iterable<string>): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let waiting = '';
  for (const piece of pieces) {
    waiting += piece;
    if (waiting.length < turnCharacters) continue;
    parts.push(Buffer.from(waiting));
    waiting = '';
    await setImmediate();
  }
  parts.push(Buffer.from(waiting));
  return Buffer.concat(parts);
}

const pause = async (): Promise<void> => {
  await setImmediate();
};

/**
 * By the rows that a document is made of: a new table of kinds has other lists, so that what an older state said is forgotten with it;
 * lists with the same rows are taken for the same.
 */
const kept = new WeakMap<readonly KindRow[], Map<string, Promise<Packed>>>();
const sameLists = new WeakMap<KindRow, readonly KindRow[]>();
const serverRows: readonly KindRow[] = [];

function listOf(rows: readonly KindRow[]): readonly KindRow[] {
  const [first] = rows;
  if (first === undefined) return serverRows;
  const known = sameLists.get(first);
  if (known?.length === rows.length && known.every((row, index) => row === rows[index])) return known;
  sameLists.set(first, rows);
  return rows;
}

async function document(
  rows: readonly KindRow[],
  key: string,
  clock: Clock,
  make: () => Promise<{ readonly bytes: Uint8Array; readonly etag?: string }>,
): Promise<OpenApiDocument> {
  const list = listOf(rows);
  let entries = kept.get(list);
  if (entries === undefined) kept.set(list, (entries = new Map()));
  let entry = entries.get(key);
  if (entry === undefined) {
    entry = (async (): Promise<Packed> => {
      const { bytes, etag } = await make();
      const packed = await pack(bytes, { level: packLevel });
      return { packed, etag: etag ?? etagOf(bytes), modifiedAtMs: clock.now() };
    })();
    entries.set(key, entry);
    entry.catch(() => entries.delete(key));
  }
  const { packed, etag, modifiedAtMs } = await entry;
  return { bytes: await unpack(packed), etag, modifiedAtMs };
}

const parsed = (bytes: Uint8Array) =>
  JSON.parse(Buffer.from(bytes).toString('utf8')) as Readonly<Record<string, unknown>>;

export async function openApiV2Document(
  rows: readonly KindRow[],
  form: OpenApiForm,
  clock: Clock,
): Promise<OpenApiDocument> {
  const { openApiV2 } = await import('#api/openapi/v2.ts');
  const json = async () => document(rows, 'v2', clock, async () => ({ bytes: await joined(openApiV2(rows)) }));
  if (form === 'json') return json();
  return document(rows, 'v2 protobuf', clock, async () => ({
    ...(await asProtobuf('v2', (await json()).bytes)),
    etag: (await json()).etag,
  }));
}

/** A JSON document in the other form. */
export async function asProtobuf(version: 'v2' | 'v3', json: Uint8Array): Promise<{ readonly bytes: Uint8Array }> {
  if (version === 'v2') {
    const { openApiV2Protobuf } = await import('#api/openapi/v2-protobuf.ts');
    return { bytes: await openApiV2Protobuf(parsed(json), pause) };
  }
  const { openApiV3Protobuf } = await import('#api/openapi/v3-protobuf.ts');
  return { bytes: await openApiV3Protobuf(parsed(json), pause) };
}

/** Undefined: there is no document of this place, such as `apis/apps/v1`. */
export async function openApiV3Document(
  rows: readonly KindRow[],
  place: string,
  form: OpenApiForm,
  clock: Clock,
): Promise<OpenApiDocument | undefined> {
  const [{ openApiV3 }, { documentSources }] = await Promise.all([
    import('#api/openapi/v3.ts'),
    import('#api/openapi/items.ts'),
  ]);
  const source = documentSources(rows).get(place);
  if (source === undefined) return undefined;
  const json = async () =>
    document(source.rows, place, clock, async () => ({ bytes: await joined(openApiV3(source)) }));
  if (form === 'json') return json();
  return document(source.rows, `${place} protobuf`, clock, async () => ({
    ...(await asProtobuf('v3', (await json()).bytes)),
    etag: (await json()).etag,
  }));
}

/** Place -> hash of its document, which tells clients whether what they keep of it is what there is. */
export async function openApiV3Hashes(rows: readonly KindRow[], clock: Clock): Promise<ReadonlyMap<string, string>> {
  const [{ documentSources }, { hashOfBuiltIn }] = await Promise.all([
    import('#api/openapi/items.ts'),
    import('#api/openapi/hashes.ts'),
  ]);
  const hashes = new Map<string, string>();
  for (const [place, source] of documentSources(rows)) {
    const known = hashOfBuiltIn(place, source.rows);
    if (known !== undefined) hashes.set(place, known);
    else hashes.set(place, (await openApiV3Document(rows, place, 'json', clock))!.etag);
  }
  return hashes;
}
