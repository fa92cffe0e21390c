// Keeps the kernel's table at what Services, EndpointSlices and the Pods of this node say. The table of an earlier run serves
// until all three are known, is then replaced at once, and stays when this process ends.
import { EndpointSlices, Nodes, Pods, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice } from '#api/generated/types.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Service as ProcessService } from '#base/service.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { Client, EventRecorder, InformerIndex } from '#client/client.ts';
import type { HostChanges } from '#host/changes.ts';
import { createConntrack, type Conntrack } from '#host/linux/conntrack.ts';
import { createNft, type Nft } from '#host/linux/nft.ts';
import { readClients, type RememberedClients } from './affinity.ts';
import { decidePod, decideService, type ProxyContext } from './decide.ts';
import { table as tableName, type RulesetOptions } from './ruleset.ts';
import { decideHealth, ServiceHealth } from './service-health.ts';
import { ProxyTable } from './table.ts';

export interface ServiceProxyOptions extends RulesetOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly changes: HostChanges;
  readonly nodeName: string;
  readonly events?: EventRecorder | undefined;
  /** Names of services that must be ready before this one. */
  readonly dependsOn?: readonly string[] | undefined;
  /** How often the table is looked for: firewall services that start again remove everything. Default 60 s. */
  readonly lookMs?: number | undefined;
  readonly nft?: Nft | undefined;
  readonly conntrack?: Conntrack | undefined;
}

const listedAloneMax = 64;
const zoneLabel = 'topology.kubernetes.io/zone';

const serviceOfSlice = (slice: EndpointSlice): string =>
  `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`;

const slicesByService: InformerIndex<EndpointSlice> = {
  name: 'service',
  keysOf: (slice) => [serviceOfSlice(slice)],
};

export function createServiceProxy(options: ServiceProxyOptions): ProcessService {
  const logger = options.logger.named('service-proxy');
  let problem: string | undefined;
  return {
    name: 'service-proxy',
    dependsOn: options.dependsOn ?? [],
    problems: () => (problem === undefined ? [] : [problem]),
    async start(scope: Scope) {
      const { client, clock } = options;
      const nft = options.nft ?? createNft({ clock });
      scope.onClose(() => nft.close());
      const conntrack = options.conntrack ?? createConntrack();
      const nodes = client.informer(Nodes);
      const zoneHere = () => nodes.get(undefined, options.nodeName)?.metadata.labels?.[zoneLabel] ?? '';
      let context: ProxyContext = { nodeName: options.nodeName, zone: '' };
      const services = client.informer(Services);
      const slices = client.informer(EndpointSlices);
      const pods = client.informer(Pods, { fieldSelector: `spec.nodeName=${options.nodeName}` });
      const table = new ProxyTable(options);
      const health = new ServiceHealth({
        nodeName: options.nodeName,
        logger,
        events: options.events,
        proxyHealthy: () => problem === undefined,
      });
      const dirty = new Set<string>();
      let whole = true;

      const decideDirty = () => {
        for (const key of dirty) {
          const [kind, namespace, name] = key.split('/') as [string, string, string];
          if (kind === 'pod') {
            const pod = pods.get(namespace, name);
            table.set(key, pod && decidePod(pod, context));
          } else {
            const service = services.get(namespace, name);
            const own = service && slices.byIndex(slicesByService, `${namespace}/${name}`);
            table.set(key, service && own && decideService(service, own, context));
            health.set(key, service && own && decideHealth(service, own, options.nodeName));
          }
        }
        dirty.clear();
      };

      /** Clients that connect for the first time between this look and the load, some milliseconds, may draw again. */
      const rememberedClients = async (): Promise<RememberedClients> => {
        const sets = table.affinitySets;
        // All at once takes a second beside 10,000 Services, one alone a few milliseconds.
        const commands =
          sets.length <= listedAloneMax
            ? sets.map((set) => `list set ${tableName} ${set}`)
            : [`list sets table ${tableName}`];
        try {
          const listing: unknown[] = [];
          for (const command of commands) listing.push(...(await nft.list(command)));
          return readClients(listing);
        } catch (error) {
          logger.warn('cannot read which clients the table remembers: they get an endpoint anew', {
            error: messageOf(error),
          });
          return new Map();
        }
      };

      const synchronise = async () => {
        decideDirty();
        if (whole) {
          await nft.load(table.full(await rememberedClients()));
          whole = false;
          // What changed while nobody looked: flows of datagrams to endpoints that are gone.
          if (table.hasDatagramServices)
            for (const flow of table.staleAmong(await conntrack.list('udp'))) await conntrack.remove(flow);
        } else {
          const { transactions, staleFlows } = table.change();
          try {
            for (const line of transactions) await nft.change(line);
          } catch (error) {
            whole = true;
            throw error;
          }
          for (const flow of staleFlows) await conntrack.remove(flow);
        }
        problem = undefined;
        await health.settle();
      };

      const queue = new WorkQueue({
        clock,
        concurrency: 1,
        backoff: { baseMs: 50, maxMs: 30_000 },
        work: synchronise,
        onError(_key, error, retryInMs) {
          problem = `Services may not be reachable: ${messageOf(error)}`;
          logger.error('cannot change the table, loading it anew', { error: messageOf(error), retryInMs });
        },
      });
      scope.onClose(async () => {
        await queue.close();
        await health.close();
      });
      let known = false;
      const changed = (key: string) => {
        dirty.add(key);
        if (known) queue.add('table');
      };
      const keyOf = (
        kind: string,
        object: { metadata: { namespace?: string | undefined; name?: string | undefined } },
      ) => `${kind}/${object.metadata.namespace}/${object.metadata.name}`;

      await Promise.all([nodes, services, slices, pods].map((informer) => informer.whenSynced(scope.signal)));
      context = { ...context, zone: zoneHere() };
      const listening = [
        nodes.onChange(() => {
          const zone = zoneHere();
          if (zone === context.zone) return;
          context = { ...context, zone };
          for (const service of services.list()) changed(keyOf('service', service));
        }),
        services.onChange(({ previous, current }) => changed(keyOf('service', (current ?? previous)!))),
        slices.onChange(({ previous, current }) => {
          if (previous !== undefined) changed(`service/${serviceOfSlice(previous)}`);
          if (current !== undefined) changed(`service/${serviceOfSlice(current)}`);
        }),
        pods.onChange(({ previous, current }) => changed(keyOf('pod', (current ?? previous)!))),
      ];
      scope.onClose(() => listening.forEach((one) => one[Symbol.dispose]()));
      options.changes.record({ type: 'nft-table', table: tableName });
      await synchronise();
      known = true;
      if (dirty.size > 0) queue.add('table');
      const lookLater = () => {
        const timer = clock.schedule(options.lookMs ?? 60_000, () =>
          scope.spawn('look-for-table', async () => {
            try {
              await nft.change(`list chain ${tableName} refuse`);
              if (health.hasFailed) queue.add('table');
            } catch (error) {
              logger.warn('the table is gone, loading it anew', { error: messageOf(error) });
              whole = true;
              queue.add('table');
            }
            if (!scope.closed) lookLater();
          }),
        );
        lookTimer = timer;
      };
      let lookTimer: { cancel(): void } | undefined;
      scope.onClose(() => lookTimer?.cancel());
      lookLater();
      logger.info('ready', { services: services.list().length });
    },
  };
}
