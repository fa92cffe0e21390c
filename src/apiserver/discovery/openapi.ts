// /openapi/v3 with a document a group version, and /openapi/v2. Made when asked for; the generator is loaded then.
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { KindRow } from '#api/kind.ts';
import type { ApiResponse } from '#api/request.ts';
import { parseAccept } from '../content/media-types.ts';
import type { RequestContext } from '../context.ts';
import { jsonContentType, respond, respondText } from '../responses.ts';

interface Document {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

/**
 * Kept packed: several megabytes of text that kubectl reads once in a while. A new table of kinds is a new list, so that
 * documents of the old one are forgotten with it.
 */
const cache = new WeakMap<readonly KindRow[], Map<string, { readonly packed: Uint8Array; readonly etag: string }>>();

async function cached(
  rows: readonly KindRow[],
  key: string,
  make: () => Promise<Document | undefined>,
): Promise<Document | undefined> {
  let entries = cache.get(rows);
  if (entries === undefined) cache.set(rows, (entries = new Map()));
  const entry = entries.get(key);
  if (entry !== undefined) return { bytes: gunzipSync(entry.packed), etag: entry.etag };
  const document = await make();
  if (document !== undefined) entries.set(key, { packed: gzipSync(document.bytes, { level: 6 }), etag: document.etag });
  return document;
}

function jsonDocument(document: object): Document {
  const bytes = Buffer.from(JSON.stringify(document));
  return { bytes, etag: `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"` };
}

/** The same list for the same rows. */
const documentKeys = new WeakMap<KindRow, readonly KindRow[]>();
function documentKey(own: readonly KindRow[]): readonly KindRow[] {
  const first = own[0];
  if (first === undefined) return own;
  const known = documentKeys.get(first);
  if (known?.length === own.length && known.every((row, index) => row === own[index])) return known;
  documentKeys.set(first, own);
  return own;
}

const notThere = (): ApiResponse => respondText('404 page not found\n', 404);

function answer(
  context: RequestContext,
  document: Document,
  { hash = '', contentType = jsonContentType }: { readonly hash?: string; readonly contentType?: string } = {},
): ApiResponse {
  const { headers, query } = context.request;
  const asked = query.get('hash');
  const isPinned = asked !== null && asked === hash;
  const more = {
    etag: document.etag,
    vary: 'Accept',
    ...(isPinned ? { 'cache-control': 'public, immutable', expires: 'Thu, 31 Dec 2037 23:55:55 GMT' } : {}),
  };
  if (headers['if-none-match'] === document.etag) return respond(304, { type: 'none' }, more);
  return respond(200, { type: 'bytes', contentType, parts: [document.bytes] }, more);
}

const protobufContentType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** The type with an @, which is no valid one, is what clients ask for; they get the other name. */
const v2Forms: ReadonlyMap<string, 'json' | 'protobuf'> = new Map([
  [jsonContentType, 'json'],
  ['application/com.github.proto-openapi.spec.v2@v1.0+protobuf', 'protobuf'],
  [protobufContentType, 'protobuf'],
  ['application/*', 'json'],
  ['*/*', 'json'],
]);

/** The form that the client likes best; of equals a named one before a wildcard. Undefined: none that there is. */
function v2FormOf(accept: string | undefined): 'json' | 'protobuf' | undefined {
  const terms = parseAccept(accept === undefined || accept === '' ? '*/*' : accept);
  const wildcards = (type: string): number => type.split('*').length;
  const [best] = terms
    .filter(({ type, quality }) => quality > 0 && v2Forms.has(type))
    .toSorted((a, b) => b.quality - a.quality || wildcards(a.type) - wildcards(b.type));
  return best === undefined ? undefined : v2Forms.get(best.type);
}

async function respondV2(context: RequestContext, rows: readonly KindRow[]): Promise<ApiResponse> {
  const form = v2FormOf(context.request.headers['accept']);
  if (form === undefined) return respond(406, { type: 'none' }, { vary: 'Accept' });
  const { gitVersion } = context.server.options.version;
  const asJson = async (): Promise<Document | undefined> =>
    await cached(rows, `/openapi/v2 ${gitVersion}`, async () => {
      const { openApiV2 } = await import('#api/openapi/v2.ts');
      return jsonDocument(openApiV2(rows, gitVersion));
    });
  if (context.server.apiServices.remotes.size > 0) return respondMergedV2(context, form, await asJson());
  const document =
    form === 'json'
      ? await asJson()
      : await cached(rows, `/openapi/v2 ${gitVersion} ${protobufContentType}`, async () => {
          const json = await asJson();
          if (json === undefined) return undefined;
          const { openApiV2Protobuf } = await import('#api/openapi/v2-protobuf.ts');
          const parsed = JSON.parse(Buffer.from(json.bytes).toString('utf8')) as Readonly<Record<string, unknown>>;
          // Upstream gives both forms one ETag: caches tell them apart by Vary.
          return { bytes: await openApiV2Protobuf(parsed), etag: json.etag };
        });
  if (document === undefined) return notThere();
  return answer(context, document, { contentType: form === 'json' ? jsonContentType : protobufContentType });
}

/** With other servers' paths: made for each reader, which are few, from what is kept of those servers. */
async function respondMergedV2(
  context: RequestContext,
  form: 'json' | 'protobuf',
  own: Document | undefined,
): Promise<ApiResponse> {
  if (own === undefined) return notThere();
  const { withRemotePaths } = await import('../aggregation/remote-openapi.ts');
  const base = JSON.parse(Buffer.from(own.bytes).toString('utf8')) as Readonly<Record<string, unknown>>;
  const merged = await withRemotePaths(context.server, base);
  const json = jsonDocument(merged);
  if (form === 'json') return answer(context, json);
  const { openApiV2Protobuf } = await import('#api/openapi/v2-protobuf.ts');
  return answer(
    context,
    { bytes: await openApiV2Protobuf(merged), etag: json.etag },
    { contentType: protobufContentType },
  );
}

export async function respondOpenApi(context: RequestContext, path: string): Promise<ApiResponse> {
  const { rows } = context.server.kinds;
  if (path === '/openapi/v2') return await respondV2(context, rows);
  const { openApiV3, openApiV3Index } = await import('#api/openapi/v3.ts');
  const index = openApiV3Index(rows);
  const { apiServices } = context.server;
  if (apiServices.remotes.size > 0) {
    if (path === '/openapi/v3') {
      const { remoteV3Paths } = await import('../aggregation/remote-openapi.ts');
      const own = Object.entries(index.paths).filter(([key]) => !apiServices.remotes.has(key.replace(/^apis?\//, '')));
      const paths = { ...Object.fromEntries(own), ...(await remoteV3Paths(context.server)) };
      return answer(context, jsonDocument({ paths }));
    }
    const remote = context.server.aggregation.remoteOfPath(path.slice('/openapi/v3'.length));
    if (remote !== undefined) {
      const { proxyToServer } = await import('../aggregation/proxy.ts');
      return proxyToServer(context, remote);
    }
  }
  if (path === '/openapi/v3') {
    const document = await cached(rows, path, async () => jsonDocument(index));
    return document === undefined ? notThere() : answer(context, document);
  }
  const place = path.slice('/openapi/v3/'.length);
  const known = Object.hasOwn(index.paths, place) ? index.paths[place] : undefined;
  if (known === undefined) return notThere();
  const hash = new URLSearchParams(known.serverRelativeURL.split('?')[1] ?? '').get('hash') ?? '';
  const parts = place.split('/');
  // `api/v1`, `apis/apps/v1`; what is above a version (`apis/apps`) has no kinds.
  const [group, version] = parts[0] === 'api' ? ['', parts[1] ?? ''] : [parts[1] ?? '', parts[2] ?? ''];
  const own = rows.filter((row) => row.group === group && row.version === version);
  // A document depends on its own kinds only: built-in ones stay when custom ones change.
  const document = await cached(documentKey(own), path, async () => {
    const made = openApiV3(group, version, own);
    return made === undefined ? undefined : jsonDocument(made);
  });
  return document === undefined ? notThere() : answer(context, document, { hash });
}
