// What the servers behind APIServices say of their own API: asked when somebody wants to know, kept for a minute, and merged with
// this server's. Loaded with the first such APIService.
import { messageOf } from '#base/errors.ts';
import type { AggregationParts } from './parts.ts';
import type { RemoteApiService } from './api-services.ts';
import { askServer, groupVersionPath, targetOf } from './ask-server.ts';
import { isObject, mergeOpenApi, onlyPaths, type OpenApi } from './merge-openapi.ts';

interface Fetched {
  readonly at: number;
  readonly etag: string;
  /** Undefined: the server has none. */
  readonly document: OpenApi | undefined;
}

const keptMs = 60_000;
const timeoutMs = 5_000;
const documentBytesMax = 32 * 1024 * 1024;
const known = new WeakMap<object, Map<string, Fetched>>();

async function fetchDocument(
  server: AggregationParts,
  remote: RemoteApiService,
  path: '/openapi/v2' | '/openapi/v3',
): Promise<OpenApi | undefined> {
  const { clock, logger } = server.options;
  let entries = known.get(server.apiServices);
  if (entries === undefined) known.set(server.apiServices, (entries = new Map()));
  const { service } = remote;
  const key = JSON.stringify([service, remote.authorities, path]);
  const before = entries.get(key);
  const now = clock.monotonicMs();
  if (before !== undefined && now - before.at < keptMs) return before.document;
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
      entries.set(key, { ...before, at: now });
      return before.document;
    }
    const parsed: unknown = answer.status === 200 ? JSON.parse(Buffer.from(answer.bytes).toString('utf8')) : undefined;
    const document = isObject(parsed) ? parsed : undefined;
    entries.set(key, { at: now, etag: answer.headers['etag'] ?? '', document });
    return document;
  } catch (error) {
    logger.info('the OpenAPI document of an aggregated API server could not be read', {
      name: remote.name,
      error: messageOf(error),
    });
    // Not asked again for every reader.
    entries.set(key, { at: now, etag: before?.etag ?? '', document: before?.document });
    return before?.document;
  }
}

const reachable = ({ apiServices }: AggregationParts): readonly RemoteApiService[] =>
  [...apiServices.remotes.values()].filter((one) => one.available);

/** The base with the paths of every server that can be asked. */
export async function withRemotePaths(server: AggregationParts, base: OpenApi): Promise<OpenApi> {
  const parts = await Promise.all(
    reachable(server).map(async (remote) => {
      const document = await fetchDocument(server, remote, '/openapi/v2');
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
      const document = await fetchDocument(server, remote, '/openapi/v3');
      const place = groupVersionPath(remote).slice(1);
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
