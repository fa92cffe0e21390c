// What the servers behind APIServices serve, as they say in their own discovery: asked when they become available and once a
// minute, kept to be shown with this server's. Loaded with the first such APIService.
import { apiVersionOf } from '#api/kinds.ts';
import { messageOf } from '#base/errors.ts';
import type { AggregationParts } from './parts.ts';
import type { RemoteApiService } from './api-services.ts';
import type { RemoteVersion } from './served.ts';
import { askServer, groupVersionPath, targetOf, type Asked } from './ask-server.ts';

export interface RemoteDiscovery {
  /** By apiVersion; one that was never asked is absent. */
  readonly versions: ReadonlyMap<string, RemoteVersion>;
  /** Asks when that is due. */
  refresh(remote: RemoteApiService, isWell: boolean): Promise<void>;
  /** Forgets those that are not among `names`. */
  keepOnly(names: ReadonlySet<string>): void;
}

const refreshMs = 60_000;
const timeoutMs = 5_000;
const answerBytesMax = 8 * 1024 * 1024;
const aggregatedType = (version: string) =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
const objects = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Old clients fall over resources without it. */
const withKind = (resource: Json): Json => ({
  ...resource,
  responseKind: isObject(resource['responseKind']) ? resource['responseKind'] : { group: '', version: '', kind: '' },
});

/** By apiVersion. */
export function readAggregated(document: unknown): ReadonlyMap<string, readonly object[]> {
  const found = new Map<string, readonly object[]>();
  for (const group of objects(isObject(document) ? document['items'] : undefined)) {
    const name = isObject(group['metadata']) ? text(group['metadata']['name']) : '';
    for (const version of objects(group['versions']))
      found.set(
        apiVersionOf({ group: name, version: text(version['version']) }),
        objects(version['resources']).map((one) => ({
          ...withKind(one),
          ...(one['subresources'] === undefined ? {} : { subresources: objects(one['subresources']).map(withKind) }),
        })),
      );
  }
  return found;
}

/** The resources of an APIResourceList. Subresources of what is not listed get a resource without verbs, as upstream. */
export function readLegacy(document: unknown): readonly object[] {
  const byName = new Map<string, Record<string, unknown> & { subresources?: object[] }>();
  for (const one of objects(isObject(document) ? document['resources'] : undefined)) {
    const [name = '', subresource] = text(one['name']).split('/');
    const kind = { group: text(one['group']), version: text(one['version']), kind: text(one['kind']) };
    const scope = one['namespaced'] === true ? 'Namespaced' : 'Cluster';
    const known = byName.get(name) ?? {
      resource: name,
      scope,
      responseKind: { group: '', version: '', kind: '' },
      verbs: [],
    };
    byName.set(name, known);
    if (subresource !== undefined) {
      known.subresources ??= [];
      known.subresources.push({ subresource, responseKind: kind, verbs: one['verbs'] ?? [] });
      continue;
    }
    Object.assign(known, {
      responseKind: kind,
      scope,
      singularResource: text(one['singularName']),
      verbs: one['verbs'] ?? [],
    });
    for (const list of ['shortNames', 'categories']) if (Array.isArray(one[list])) known[list] = one[list];
  }
  return [...byName.values()];
}

interface Cached {
  readonly etag: string;
  readonly versions: ReadonlyMap<string, readonly object[]>;
}

export function createRemoteDiscovery(server: AggregationParts, onChange: () => void): RemoteDiscovery {
  const { clock, logger } = server.options;
  const versions = new Map<string, RemoteVersion>();
  const cache = new Map<string, Cached>();
  const asked = new Map<string, { readonly of: string; readonly at: number; readonly well: boolean }>();
  const serviceKey = ({ service }: RemoteApiService) => `${service.namespace}/${service.name}:${service.port}`;

  const set = (remote: RemoteApiService, next: RemoteVersion): void => {
    const key = apiVersionOf(remote);
    if (JSON.stringify(versions.get(key)) === JSON.stringify(next)) return;
    versions.set(key, next);
    onChange();
  };
  const jsonOf = ({ bytes }: Asked): unknown => JSON.parse(Buffer.from(bytes).toString('utf8'));

  async function fetchResources(remote: RemoteApiService): Promise<readonly object[]> {
    const key = serviceKey(remote);
    const known = cache.get(key);
    const ask = (path: string, headers: Readonly<Record<string, string>>) =>
      askServer(server, targetOf(server, remote), { path, headers, timeoutMs, bytesMax: answerBytesMax });
    const answer = await ask('/apis', {
      accept: `${aggregatedType('v2')},${aggregatedType('v2beta1')}`,
      ...(known === undefined || known.etag === '' ? {} : { 'if-none-match': known.etag }),
    });
    if (answer.status === 304 && known !== undefined) return known.versions.get(apiVersionOf(remote)) ?? [];
    if (answer.status === 503) throw new Error(`service ${key} returned non-success response code: 503`);
    if (answer.status === 200 && /as=APIGroupDiscoveryList/.test(answer.headers['content-type'] ?? '')) {
      const next = { etag: answer.headers['etag'] ?? '', versions: readAggregated(jsonOf(answer)) };
      cache.set(key, next);
      return next.versions.get(apiVersionOf(remote)) ?? [];
    }
    const path = groupVersionPath(remote);
    const legacy = await ask(path, { accept: 'application/json' });
    if (legacy.status !== 200) throw new Error(`failed to download legacy discovery for ${path}: ${legacy.status}`);
    return readLegacy(jsonOf(legacy));
  }

  return {
    versions,
    async refresh(remote, isWell) {
      const last = asked.get(remote.name);
      const of = JSON.stringify([remote.service, remote.authorities, remote.insecure]);
      const now = clock.monotonicMs();
      if (last?.of === of && last.well === isWell && now - last.at < refreshMs) return;
      asked.set(remote.name, { of, at: now, well: isWell });
      if (!isWell) {
        set(remote, { resources: [], freshness: 'Stale' });
        return;
      }
      try {
        const resources = await fetchResources(remote);
        if (asked.has(remote.name)) set(remote, { resources, freshness: 'Current' });
      } catch (error) {
        logger.info('the discovery of an aggregated API server failed', { name: remote.name, error: messageOf(error) });
        asked.delete(remote.name);
        set(remote, { resources: versions.get(apiVersionOf(remote))?.resources ?? [], freshness: 'Stale' });
      }
    },
    keepOnly(names) {
      for (const name of asked.keys()) if (!names.has(name)) asked.delete(name);
      for (const key of versions.keys()) if (!server.apiServices.remotes.has(key)) versions.delete(key);
      const services = new Set([...server.apiServices.remotes.values()].map(serviceKey));
      for (const key of cache.keys()) if (!services.has(key)) cache.delete(key);
    },
  };
}
