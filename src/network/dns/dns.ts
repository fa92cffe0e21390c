// The cluster's DNS server, on this host's own copy of the cluster DNS address (so that each node serves its Pods itself).
// In process: an answer from informers costs tens of microseconds. The chain is in order.ts, the names in records.ts.
import { EndpointSlices, Namespaces, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice, Service } from '#api/generated/types.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import type { Scope } from '#base/scope.ts';
import type { Service as ProcessService } from '#base/service.ts';
import type { Client, InformerIndex } from '#client/client.ts';
import type { HostChanges } from '#host/changes.ts';
import { createDnsTransport, type DnsTransport } from '#host/dns-sockets.ts';
import { ensureAddress } from '#host/linux/links.ts';
import { decodeQuery, emptyResponse, encodeRefusal, encodeResponse, responseCode } from '#wire/dns-message.ts';
import type { HostsTable } from './hosts.ts';
import { dnsChain, type Resolve } from './order.ts';
import { canonicalAddress, type ClusterSnapshot } from './records.ts';
import { rangeTest } from '../address-range.ts';

export interface DnsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly changes: HostChanges;
  /** The cluster DNS address, such as 10.43.0.10: given to the loopback device of this host. */
  readonly address: string;
  readonly port?: number | undefined;
  /** Such as `cluster.local`. */
  readonly domain: string;
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
  /** Names of a file that come before all others; asked for each question. */
  readonly hosts?: (() => HostsTable | undefined) | undefined;
  readonly dependsOn?: readonly string[] | undefined;
  /** Names the resolvers for names outside. Default /etc/resolv.conf. */
  readonly resolvConf?: string | undefined;
  readonly transport?: DnsTransport | undefined;
}

const serviceName = 'kubernetes.io/service-name';
const slicesByService: InformerIndex<EndpointSlice> = {
  name: 'service',
  keysOf: (slice) => [`${slice.metadata.namespace}/${slice.metadata.labels?.[serviceName] ?? ''}`],
};
const slicesByAddress: InformerIndex<EndpointSlice> = {
  name: 'address',
  keysOf: (slice) => (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses.map(canonicalAddress)),
};
const servicesByAddress: InformerIndex<Service> = {
  name: 'cluster-address',
  keysOf: (service) => (service.spec.clusterIPs ?? []).filter((ip) => ip !== 'None').map(canonicalAddress),
};

export function createDns(options: DnsOptions): ProcessService {
  const logger = options.logger.named('dns');
  let problem: string | undefined;
  return {
    name: 'dns',
    dependsOn: options.dependsOn ?? [],
    problems: () => (problem === undefined ? [] : [problem]),
    async start(scope: Scope) {
      const { client, clock } = options;
      const transport = options.transport ?? createDnsTransport(clock, options.resolvConf);
      const namespaces = client.informer(Namespaces);
      const services = client.informer(Services);
      const slices = client.informer(EndpointSlices);
      const snapshot: ClusterSnapshot = {
        namespaceExists: (namespace) => namespaces.get(undefined, namespace) !== undefined,
        service: (namespace, name) => services.get(namespace, name),
        slices: (namespace, service) => slices.byIndex(slicesByService, `${namespace}/${service}`),
        serviceByAddress: (ip) => services.byIndex(servicesByAddress, ip)[0],
        slicesByAddress: (ip) => slices.byIndex(slicesByAddress, ip),
      };
      // Asked for now, so that their watches start; answers before they are synced are failures, never wrong.
      const informers = [namespaces, services, slices];
      const sync = Promise.all(informers.map((informer) => informer.whenSynced(scope.signal)));
      const inCluster = rangeTest([...options.podRanges, ...options.serviceRanges]);
      const resolve = dnsChain({
        hosts: options.hosts ?? (() => undefined),
        kubernetes: {
          zone: { domain: options.domain.toLowerCase(), address: options.address, isClusterAddress: inCluster },
          snapshot,
          isSynced: () => informers.every((informer) => informer.synced),
        },
        cache: { clock },
        forward: {
          transport,
          ownAddresses: [options.address],
          randomId: () => Buffer.from(systemRandom.bytes(2)).readUInt16BE(),
        },
      });
      const prefix = options.address.includes(':') ? 128 : 32;
      await ensureAddress('lo', options.address, prefix, options.changes);
      const port = options.port ?? 53;
      const listener = await transport
        .listen(options.address, port, (message, overTcp) =>
          answerMessage(message, overTcp, resolve, (error) => {
            problem = `DNS questions fail: ${messageOf(error)}`;
            logger.error('cannot answer', { error: messageOf(error) });
          }),
        )
        .catch((error: unknown) => {
          throw new OperatorError(
            `the cluster DNS cannot listen on ${options.address} port ${port}: ${messageOf(error)}`,
            `another DNS server listens on all addresses of this host; let it listen on its own only (look with: ss -lnup sport = :${port})`,
            { cause: error },
          );
        });
      scope.onClose(() => listener.close());
      await sync;
      logger.info('ready', { address: options.address, port: listener.port });
    },
  };
}

const tcpSizeMax = 65_535;

export async function answerMessage(
  message: Uint8Array,
  overTcp: boolean,
  resolve: Resolve,
  onError: (error: unknown) => void,
): Promise<Uint8Array | undefined> {
  const query = decodeQuery(message);
  if (query === undefined) return undefined;
  if ('code' in query) return encodeRefusal(query.id, query.code);
  const sizeMax = overTcp ? tcpSizeMax : query.sizeMax;
  try {
    return encodeResponse(query, await resolve(query.question), sizeMax);
  } catch (error) {
    onError(error);
    return encodeResponse(query, emptyResponse(responseCode.serverFailure), sizeMax);
  }
}
