// /openapi/v3 with a document a group version, and /openapi/v2. Made when asked for; the generator is loaded then.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { ApiResponse } from '#api/request.ts';
import type { RequestContext } from '../context.ts';
import { respond, respondText } from '../responses.ts';
import { servedRows } from './documents.ts';

interface Document {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

/** Kept packed: several megabytes of text that kubectl reads once in a while. */
const cache = new Map<string, { readonly packed: Uint8Array; readonly etag: string }>();

async function cached(key: string, make: () => Promise<unknown>): Promise<Document | undefined> {
  let entry = cache.get(key);
  if (entry === undefined) {
    const document = await make();
    if (document === undefined) return undefined;
    const bytes = Buffer.from(JSON.stringify(document));
    entry = {
      packed: gzipSync(bytes, { level: 6 }),
      etag: `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"`,
    };
    cache.set(key, entry);
    return { bytes, etag: entry.etag };
  }
  const { gunzipSync } = await import('node:zlib');
  return { bytes: gunzipSync(entry.packed), etag: entry.etag };
}

const notThere = (): ApiResponse => respondText('404 page not found\n', 404);

function answer(context: RequestContext, document: Document, hash: string): ApiResponse {
  const { headers, query } = context.request;
  const asked = query.get('hash');
  const isPinned = asked !== null && asked === hash;
  const more = {
    etag: document.etag,
    vary: 'Accept',
    ...(isPinned ? { 'cache-control': 'public, immutable', expires: 'Thu, 31 Dec 2037 23:55:55 GMT' } : {}),
  };
  if (headers['if-none-match'] === document.etag) return respond(304, { type: 'none' }, more);
  return respond(200, { type: 'bytes', contentType: 'application/json', parts: [document.bytes] }, more);
}

export async function respondOpenApi(context: RequestContext, path: string): Promise<ApiResponse> {
  const rows = servedRows();
  if (path === '/openapi/v2') {
    const { openApiV2 } = await import('#api/openapi/v2.ts');
    const document = await cached(path, async () => openApiV2(rows, context.server.options.version.gitVersion));
    return document === undefined ? notThere() : answer(context, document, '');
  }
  const { openApiV3, openApiV3Index } = await import('#api/openapi/v3.ts');
  const index = openApiV3Index(rows);
  if (path === '/openapi/v3') {
    const document = await cached(path, async () => index);
    return document === undefined ? notThere() : answer(context, document, '');
  }
  const place = path.slice('/openapi/v3/'.length);
  const known = Object.hasOwn(index.paths, place) ? index.paths[place] : undefined;
  if (known === undefined) return notThere();
  const hash = new URLSearchParams(known.serverRelativeURL.split('?')[1] ?? '').get('hash') ?? '';
  const parts = place.split('/');
  // `api/v1`, `apis/apps/v1`; what is above a version (`apis/apps`) has no kinds.
  const [group, version] = parts[0] === 'api' ? ['', parts[1] ?? ''] : [parts[1] ?? '', parts[2] ?? ''];
  const document = await cached(path, async () => openApiV3(group, version, rows));
  return document === undefined ? notThere() : answer(context, document, hash);
}
