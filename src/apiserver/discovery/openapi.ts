// /openapi/v2, and /openapi/v3 with a document a group version.
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { parseAccept } from '../content/media-types.ts';
import type { RequestContext } from '../context.ts';
import { jsonContentType, respond, respondText } from '../responses.ts';
import {
  asProtobuf,
  etagOf,
  openApiV2Document,
  openApiV3Document,
  openApiV3Hashes,
  urlOf,
  type OpenApiDocument,
  type OpenApiForm,
} from './openapi-documents.ts';
import { serveContent } from './serve-content.ts';

const protobufType = (version: 'v2' | 'v3'): string =>
  `application/com.github.proto-openapi.spec.${version}.v1.0+protobuf`;
const contentTypes: Readonly<Record<'v2' | 'v3', Readonly<Record<OpenApiForm, string>>>> = {
  v2: { json: jsonContentType, protobuf: protobufType('v2') },
  v3: { json: jsonContentType, protobuf: protobufType('v3') },
};

/** The form that the client likes best; of equals a named one before a wildcard. Undefined: none that there is. */
function formOf(version: 'v2' | 'v3', { headers }: ApiRequest): OpenApiForm | undefined {
  const accept = headers['accept'];
  const protobuf = protobufType(version);
  // The type with an @, which is no valid one, is what clients ask for; they get the other name.
  const forms = new Map<string, OpenApiForm>([
    [jsonContentType, 'json'],
    [protobuf.replace(`${version}.v1`, `${version}@v1`), 'protobuf'],
    [protobuf, 'protobuf'],
    ['application/*', 'json'],
    ['*/*', 'json'],
  ]);
  const terms = parseAccept(accept === undefined || accept === '' ? '*/*' : accept);
  const wildcards = (type: string): number => type.split('*').length;
  const [best] = terms
    .filter(({ type, quality }) => quality > 0 && forms.has(type))
    .toSorted((a, b) => b.quality - a.quality || wildcards(a.type) - wildcards(b.type));
  return best === undefined ? undefined : forms.get(best.type);
}

const notThere = (): ApiResponse => respondText('404 page not found\n', 404);

async function respondV2({ request, server }: RequestContext): Promise<ApiResponse> {
  const vary = 'Accept-Encoding, Accept';
  const form = formOf('v2', request);
  if (form === undefined) return respond(406, { type: 'none' }, { vary });
  const { clock } = server.options;
  const { rows } = server.kinds;
  const isMerged = server.apiServices.remotes.size > 0;
  const own = await openApiV2Document(rows, isMerged ? 'json' : form, clock);
  const document = isMerged ? await merged(server, own, form) : own;
  return serveContent(request, { ...document, contentType: contentTypes.v2[form] }, { vary });
}

/** With other servers' paths: made for each reader, which are few, from what is kept of those servers. */
async function merged(
  server: RequestContext['server'],
  own: OpenApiDocument,
  form: OpenApiForm,
): Promise<OpenApiDocument> {
  const { withRemotePaths } = await import('../aggregation/remote-openapi.ts');
  const base = JSON.parse(Buffer.from(own.bytes).toString('utf8')) as Readonly<Record<string, unknown>>;
  const bytes = Buffer.from(JSON.stringify(await withRemotePaths(server, base)));
  const etag = etagOf(bytes);
  const modifiedAtMs = server.options.clock.now();
  return { bytes: form === 'json' ? bytes : (await asProtobuf('v2', bytes)).bytes, etag, modifiedAtMs };
}

async function respondIndex({ request, server }: RequestContext): Promise<ApiResponse> {
  const { clock } = server.options;
  const { rows } = server.kinds;
  const hashes = await openApiV3Hashes(rows, clock);
  const { remotes } = server.apiServices;
  const entries = new Map([...hashes].map(([place, hash]) => [place, { serverRelativeURL: urlOf(place, hash) }]));
  if (remotes.size > 0) {
    for (const place of entries.keys()) if (remotes.has(place.replace(/^apis?\//, ''))) entries.delete(place);
    const { remoteV3Paths } = await import('../aggregation/remote-openapi.ts');
    for (const [place, entry] of Object.entries(await remoteV3Paths(server))) entries.set(place, entry);
  }
  const paths = Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return serveContent(request, {
    bytes: Buffer.from(JSON.stringify({ paths })),
    // As upstream's aggregator, which says no type.
    contentType: 'text/plain; charset=utf-8',
    etag: '',
    modifiedAtMs: clock.now(),
    // What aggregated servers tell may change at any time.
    sameSinceMs: remotes.size > 0 ? Infinity : indexMadeAt(rows, clock.now()),
  });
}

/** An index is as old as the table of kinds. */
const madeAt = new WeakMap<object, number>();
function indexMadeAt(rows: object, now: number): number {
  const known = madeAt.get(rows) ?? now;
  madeAt.set(rows, known);
  return known;
}

/** One year, as caches are told at most. */
const yearMs = 365 * 24 * 60 * 60 * 1000;

async function respondV3(context: RequestContext, place: string): Promise<ApiResponse> {
  const { server } = context;
  const { clock } = server.options;
  const { rows } = server.kinds;
  const remote = server.apiServices.remotes.size > 0 ? server.aggregation.remoteOfPath(`/${place}`) : undefined;
  if (remote !== undefined) {
    const { convertedV3 } = await import('../aggregation/remote-openapi.ts');
    const converted = await convertedV3(server, remote);
    if (converted === undefined) {
      const { proxyToServer } = await import('../aggregation/proxy.ts');
      return proxyToServer(context, remote);
    }
    const modifiedAtMs = clock.now();
    return respondDocument(context, place, async (form) =>
      form === 'json'
        ? { ...converted, modifiedAtMs }
        : { ...(await asProtobuf('v3', converted.bytes)), etag: converted.etag, modifiedAtMs },
    );
  }
  if (!(await openApiV3Hashes(rows, clock)).has(place)) return respond(404, { type: 'none' });
  return respondDocument(context, place, async (form) => openApiV3Document(rows, place, form, clock));
}

async function respondDocument(
  { request, server }: RequestContext,
  place: string,
  make: (form: OpenApiForm) => Promise<OpenApiDocument | undefined>,
): Promise<ApiResponse> {
  const { clock } = server.options;
  const form = formOf('v3', request);
  const vary = 'Accept';
  if (form === undefined) return respond(406, { type: 'none' }, { vary });
  const document = await make(form);
  if (document === undefined) return respond(404, { type: 'none' });
  const asked = request.query.get('hash') ?? '';
  if (asked !== '' && asked !== document.etag) {
    const headers = { vary, etag: JSON.stringify(document.etag), location: urlOf(place, document.etag) };
    return respond(301, { type: 'bytes', contentType: contentTypes.v3[form], parts: [] }, headers);
  }
  const expires = new Date(clock.now() + yearMs).toUTCString();
  const pinned: Readonly<Record<string, string>> =
    asked === '' ? {} : { 'cache-control': 'public, immutable', expires };
  return serveContent(request, { ...document, contentType: contentTypes.v3[form] }, { vary, ...pinned });
}

export async function respondOpenApi(context: RequestContext, path: string): Promise<ApiResponse> {
  if (path === '/openapi/v2') return respondV2(context);
  if (path === '/openapi/v3') return respondIndex(context);
  return path.startsWith('/openapi/v3/') ? respondV3(context, path.slice('/openapi/v3/'.length)) : notThere();
}
