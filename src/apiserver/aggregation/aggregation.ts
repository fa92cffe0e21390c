// What this server and the servers behind APIServices serve together, and the watching over the latter: begins with the first
// APIService that names a Service, and costs nothing before.
import { apiVersionOf } from '#api/kinds.ts';
import { messageOf } from '#base/errors.ts';
import type { Client } from '#client/client.ts';
import type { AggregationParts } from './parts.ts';
import { orderGroups } from './group-order.ts';
import type { RemoteDiscovery } from './remote-discovery.ts';
import type { Aggregation, RemoteVersion, Served } from './served.ts';

const neverAsked: RemoteVersion = { resources: [], freshness: 'Stale' };

export function createAggregation(server: AggregationParts, client: Client): Aggregation {
  const { kinds, apiServices } = server;
  let served: Served | undefined;
  let discovery: RemoteDiscovery | undefined;
  let availability: Disposable | undefined;
  let isLoading = false;
  let isClosed = false;
  const forget = (): void => void (served = undefined);

  const load = async (): Promise<void> => {
    const [{ createRemoteDiscovery }, { watchAvailability }] = await Promise.all([
      import('./remote-discovery.ts'),
      import('./availability.ts'),
    ]);
    if (isClosed) return;
    const made = createRemoteDiscovery(server, forget);
    discovery = made;
    availability = watchAvailability(server, client, (remote, isWell) => {
      made.refresh(remote, isWell).catch((error: unknown) => {
        server.options.logger.error('discovery of an aggregated API server', { error: messageOf(error) });
      });
    });
  };
  const onService = (): void => {
    forget();
    if (discovery !== undefined) discovery.keepOnly(new Set([...apiServices.remotes.values()].map((one) => one.name)));
    if (apiServices.remotes.size === 0 || isLoading) return;
    isLoading = true;
    load().catch((error: unknown) => {
      isLoading = false;
      server.options.logger.error('aggregated API servers are not looked after', { error: messageOf(error) });
    });
  };
  const changes = [kinds.onChange(forget), apiServices.onChange(onService)];
  onService();

  const make = (): Served => {
    const { rows } = kinds;
    const there = new Set(rows.map(apiVersionOf));
    const groups = orderGroups(
      kinds.groups,
      (group, version) => there.has(apiVersionOf({ group, version })),
      apiServices.all.values(),
    );
    const remotes = new Map(
      [...apiServices.remotes.keys()].map((key) => [key, discovery?.versions.get(key) ?? neverAsked]),
    );
    return { rows, groups, remotes };
  };
  return {
    served: () => (served ??= make()),
    remoteOfPath(path) {
      if (apiServices.remotes.size === 0) return undefined;
      const [prefix, first = '', second = ''] = path.split('/').filter((part) => part !== '');
      return prefix === 'apis'
        ? apiServices.remotes.get(`${first}/${second}`)
        : prefix === 'api'
          ? apiServices.remotes.get(first)
          : undefined;
    },
    [Symbol.dispose]() {
      isClosed = true;
      availability?.[Symbol.dispose]();
      for (const one of changes) one[Symbol.dispose]();
    },
  };
}
