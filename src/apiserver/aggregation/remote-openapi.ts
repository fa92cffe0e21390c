// What the servers behind APIServices say of their own API: asked when somebody wants to know, kept for a minute, and merged with
// this server's. Loaded with the first such APIService.
import { escapedJson } from '#api/openapi/go-json.ts';
import { messageOf } from '#base/errors.ts';
import type { AggregationParts } from './parts.ts';
import type { RemoteApiService } from './api-services.ts';
import { etagOf, urlOf } from '../discovery/openapi-documents.ts';
import { askServer, groupVersionPath, targetOf } from './ask-server.ts';
import { convertToV3 } from './convert-openapi.ts';
import { isObject, mergeOpenApi, onlyPaths, type OpenApi } from './merge-openapi.ts';

interface Fetched {
  readonly at: number;
  readonly etag: string;
  readonly document: OpenApi | undefined;
  /** The server says that it has none. */
  readonly isAbsent: boolean;
}

const keptMs = 60_000;
const timeoutMs = 5_000;
const documentBytesMax = 32 * 1024 * 1024;
const known = new WeakMap<object, Map<string, Fetched>>();

async function fetchDocument(
  server: AggregationParts,
  remote: RemoteApiService,
  path: '/openapi/v2' | '/openapi/v3',
): Promise<Fetched> {
  const { clock, logger } = server.options;
  let entries = known.get(server.apiServices);
  if (entries === undefined) known.set(server.apiServices, (entries = new Map()));
  const { service } = remote;
  const key = JSON.stringify([service, remote.authorities, path]);
  const before = entries.get(key);
  const now = clock.monotonicMs();
  if (before !== undefined && now - before.at < keptMs) return before;
  try {
    const answer = await askServer(server, targetOf(server, remote), {
      path,
      headers: {
        accept: 'application/json',
        ...(before === undefined || before.etag === '' ? {} : { 'if-none-match': before.etag }),
      },
      timeoutMs,
      bytesMax: documentBytesMax,
    });
    if (answer.status === 304 && before !== undefined) {
      const same = { ...before, at: now };
      entries.set(key, same);
      return same;
    }
    const parsed: unknown = answer.status === 200 ? JSON.parse(Buffer.from(answer.bytes).toString('utf8')) : undefined;
    const document = isObject(parsed) ? parsed : undefined;
    const fetched = { at: now, etag: answer.headers['etag'] ?? '', document, isAbsent: answer.status === 404 };
    entries.set(key, fetched);
    return fetched;
  } catch (error) {
    logger.info('the OpenAPI document of an aggregated API server could not be read', {
      name: remote.name,
      error: messageOf(error),
    });
    // Not asked again for every reader.
    const kept = { etag: '', document: undefined, isAbsent: false, ...before, at: now };
    entries.set(key, kept);
    return kept;
  }
}

const reachable = ({ apiServices }: AggregationParts): readonly RemoteApiService[] =>
  [...apiServices.remotes.values()].filter((one) => one.available);

/** The base with the paths of every server that can be asked. */
export async function withRemotePaths(server: AggregationParts, base: OpenApi): Promise<OpenApi> {
  const parts = await Promise.all(
    reachable(server).map(async (remote) => {
      const { document } = await fetchDocument(server, remote, '/openapi/v2');
      return document === undefined ? [] : [onlyPaths(document, [`${groupVersionPath(remote)}/`])];
    }),
  );
  return mergeOpenApi(base, parts.flat());
}

type V3Paths = Readonly<Record<string, { readonly serverRelativeURL: string }>>;

/** Group versions of other servers that have OpenAPI v3 documents: entries of the index. */
export async function remoteV3Paths(server: AggregationParts): Promise<V3Paths> {
  const entries = await Promise.all(
    reachable(server).map(async (remote): Promise<[string, { serverRelativeURL: string }][]> => {
      const { document, isAbsent } = await fetchDocument(server, remote, '/openapi/v3');
      const place = groupVersionPath(remote).slice(1);
      if (isAbsent) {
        const converted = await convertedV3(server, remote);
        return converted === undefined ? [] : [[place, { serverRelativeURL: urlOf(place, converted.etag) }]];
      }
      const paths = document?.['paths'];
      const entry = isObject(paths) ? paths[place] : undefined;
      const url = isObject(entry) ? entry['serverRelativeURL'] : undefined;
      return typeof url === 'string' && url.startsWith(`/openapi/v3/${place}`)
        ? [[place, { serverRelativeURL: url }]]
        : [];
    }),
  );
  return Object.fromEntries(entries.flat());
}

/** Of a document that was converted before. */
const conversions = new WeakMap<OpenApi, Map<string, { readonly bytes: Uint8Array; readonly etag: string }>>();

/** The v3 document of a server that has only v2; undefined: it has its own, or none at all. */
export async function convertedV3(
  server: AggregationParts,
  remote: RemoteApiService,
): Promise<{ readonly bytes: Uint8Array; readonly etag: string } | undefined> {
  const { isAbsent } = await fetchDocument(server, remote, '/openapi/v3');
  if (!isAbsent) return undefined;
  const { document } = await fetchDocument(server, remote, '/openapi/v2');
  if (document === undefined) return undefined;
  const prefix = `${groupVersionPath(remote)}/`;
  let known = conversions.get(document);
  if (known === undefined) conversions.set(document, (known = new Map()));
  let converted = known.get(prefix);
  if (converted === undefined) {
    const part = onlyPaths(document, [prefix]);
    if (Object.keys(part.paths).length === 0) return undefined;
    const bytes = Buffer.from(escapedJson(convertToV3(document, part)));
    converted = { bytes, etag: etagOf(bytes) };
    known.set(prefix, converted);
  }
  return converted;
}
