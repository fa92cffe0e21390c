// Makes this host ready for Pods: forwarding, the bridge, routes, and the CNI configuration that lets the runtime start them.
// The node's own Pod range comes from its Node object. Pods on other nodes are reached through their node's address.
import path from 'node:path';
import { Nodes } from '#api/generated/kind-references.ts';
import type { Node } from '#api/generated/types.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Service as ProcessService } from '#base/service.ts';
import type { Client, Informer } from '#client/client.ts';
import { recordEmptyDirectory, recordMissingParents, type HostChanges } from '#host/changes.ts';
import { systemFiles, type Files } from '#host/files.ts';
import { ensureAddress, ensureBridge, ensureRoute, removeRoute } from '#host/linux/links.ts';
import { ensureBridgeNetfilter, setSysctl } from '#host/linux/sysctl.ts';
import { addressAt } from '../address-range.ts';
import { conflistFile, renderConflist } from './conflist.ts';

export interface PodNetworkOptions {
  readonly client: Client;
  readonly logger: Logger;
  readonly changes: HostChanges;
  readonly nodeName: string;
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
  /** Default `cni0`. */
  readonly bridge?: string | undefined;
  readonly mtu?: number | undefined;
  /** Where the runtime looks for configuration, such as /etc/cni/net.d. */
  readonly confDirectory: string;
  /** Emptied by a reboot, such as /run/microshift/cni. */
  readonly leaseDirectory: string;
  readonly dependsOn?: readonly string[] | undefined;
  readonly files?: Files | undefined;
}

/** After every route that anything else may make for the range, and before no route at all. */
const lastMetric = '4278198272';

export interface NodeRoute {
  readonly cidr: string;
  readonly via: string;
}

/** Routes to the Pods of the other nodes: pure. */
export function decideNodeRoutes(nodes: readonly Node[], nodeName: string): readonly NodeRoute[] {
  return nodes
    .filter((node) => node.metadata.name !== nodeName)
    .flatMap((node) =>
      (node.spec?.podCIDRs ?? (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR])).flatMap((cidr) => {
        const via = (node.status?.addresses ?? []).find(
          (one) => one.type === 'InternalIP' && one.address.includes(':') === cidr.includes(':'),
        );
        return via === undefined ? [] : [{ cidr, via: via.address }];
      }),
    );
}

export const podCidrsOf = (node: Node | undefined): readonly string[] =>
  node?.spec?.podCIDRs ?? (node?.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR]);

/** A family of the cluster's Pods of which this node has no range: it had its ranges before the cluster had that family. */
export const missingFamily = (podCidrs: readonly string[], podRanges: readonly string[]): 'IPv4' | 'IPv6' | undefined =>
  (['IPv4', 'IPv6'] as const).find((family) => {
    const isOf = (cidr: string) => cidr.includes(':') === (family === 'IPv6');
    return podRanges.some(isOf) && !podCidrs.some(isOf);
  });

export function createPodNetwork(options: PodNetworkOptions): ProcessService {
  const logger = options.logger.named('pod-network');
  const bridge = options.bridge ?? 'cni0';
  const { changes } = options;
  const problems = new Set<string>();

  const prepareHost = async (): Promise<void> => {
    const families = new Set(options.podRanges.map((range) => (range.includes(':') ? '6' : '4')));
    if (families.has('4')) setSysctl('net/ipv4/ip_forward', '1', changes);
    if (families.has('6')) setSysctl('net/ipv6/conf/all/forwarding', '1', changes);
    if (await ensureBridgeNetfilter()) {
      setSysctl('net/bridge/bridge-nf-call-iptables', '1', changes);
      if (families.has('6')) setSysctl('net/bridge/bridge-nf-call-ip6tables', '1', changes);
    } else
      problems.add(
        'the kernel module br_netfilter is not there: a Pod cannot reach a Service whose Pod is on the same node; run: modprobe br_netfilter',
      );
    await ensureBridge(bridge, changes);
    for (const range of [...options.podRanges, ...options.serviceRanges])
      await ensureRoute(range.includes(':') ? '6' : '4', ['unreachable', range, 'metric', lastMetric], changes);
  };

  const attachRange = async (podCidrs: readonly string[]): Promise<void> => {
    const missing = missingFamily(podCidrs, options.podRanges);
    if (missing !== undefined)
      problems.add(
        `Pods of this node have no ${missing}: its Node got its ranges (${podCidrs.join()}) before the cluster had ${missing}; delete the Node ${options.nodeName} and start again`,
      );
    for (const cidr of podCidrs) {
      const six = cidr.includes(':');
      const gateway = addressAt(cidr, 1);
      await ensureAddress(bridge, gateway, Number(cidr.split('/')[1]), changes);
      // A local client of a Service needs a route before destination NAT; its packets then look like the gateway's.
      for (const range of options.serviceRanges)
        if (range.includes(':') === six)
          await ensureRoute(six ? '6' : '4', [range, 'dev', bridge, 'src', gateway], changes);
    }
    const file = path.join(options.confDirectory, conflistFile);
    const content = renderConflist({ bridge, podCidrs, leaseDirectory: options.leaseDirectory, mtu: options.mtu });
    const files = options.files ?? systemFiles;
    const before = await files.readText(file);
    if (before === content) return;
    recordMissingParents(changes, file);
    changes.record({ type: 'file', file, before: before ?? null });
    changes.record({ type: 'tree', path: options.leaseDirectory });
    // What the plugins' library remembers of each Pod, and forgets when the Pod goes.
    recordEmptyDirectory(changes, '/var/lib/cni/results');
    await files.writeAtomic(file, content, 0o644);
    logger.info('network configuration written', { file, podCidrs: podCidrs.join() });
  };

  return {
    name: 'pod-network',
    dependsOn: options.dependsOn ?? [],
    problems: () => [...problems],
    async start(scope: Scope) {
      const nodes = options.client.informer(Nodes);
      await prepareHost();
      await nodes.whenSynced(scope.signal);
      // The Node may not be registered yet, and its range comes from a controller: neither holds the start of the rest.
      scope.spawn('pod-range', async () => {
        const podCidrs = await whenKnown(nodes, options.nodeName, scope);
        if (podCidrs.length > 0) await attachRange(podCidrs);
      });
      followNodes(nodes, scope);
    },
  };

  function followNodes(nodes: Informer<Node>, scope: Scope): void {
    const made = new Map<string, string>();
    let work: Promise<void> = Promise.resolve();
    const follow = async () => {
      const wanted = new Map(decideNodeRoutes(nodes.list(), options.nodeName).map(({ cidr, via }) => [cidr, via]));
      for (const [cidr, via] of wanted)
        if (made.get(cidr) !== via) {
          await ensureRoute(cidr.includes(':') ? '6' : '4', [cidr, 'via', via], changes);
          made.set(cidr, via);
        }
      for (const [cidr, via] of made)
        if (!wanted.has(cidr)) {
          await removeRoute(cidr.includes(':') ? '6' : '4', [cidr, 'via', via]);
          made.delete(cidr);
        }
    };
    const listening = nodes.onChange(() => {
      work = work.then(follow).catch((error: unknown) => {
        logger.warn('cannot make a route to another node', { error: messageOf(error) });
      });
    });
    scope.onClose(async () => {
      listening[Symbol.dispose]();
      await work;
    });
  }
}

/** Resolves with the node's own ranges; empty: the scope closed first. */
function whenKnown(nodes: Informer<Node>, nodeName: string, scope: Scope): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const done = new AbortController();
    const look = () => {
      const podCidrs = podCidrsOf(nodes.get(undefined, nodeName));
      if (podCidrs.length === 0 && !scope.closed) return;
      done.abort();
      resolve(podCidrs);
    };
    const listening = nodes.onChange(look);
    const stop = () => listening[Symbol.dispose]();
    if (done.signal.aborted) return stop();
    done.signal.addEventListener('abort', stop, { once: true });
    scope.signal.addEventListener('abort', look, { once: true, signal: done.signal });
    look();
  });
}
