// How fast nodes that fell silent lose their Pods: upstream's rates, by zone and by how much of a zone is down. Many at once are
// more often a network that is cut than machines that are gone.
import type { Node } from '#api/generated/types.ts';
import { findCondition } from '#api/meta/conditions.ts';

/** Nodes per second: --node-eviction-rate and --secondary-node-eviction-rate. */
const evictionsPerSecond = 0.1;
const secondaryEvictionsPerSecond = 0.01;
/** --unhealthy-zone-threshold: the share from which a zone counts as disrupted, and how many nodes at least. */
const unhealthyShare = 0.55;
const unhealthyNodesMin = 3;
/** --large-cluster-size-threshold: a disrupted zone of at most so many nodes evicts nobody. */
const largeZoneNodes = 50;
/** Nodes that wait ask again after so long at most; upstream's --node-monitor-period. */
export const pollMs = 5000;
/** Who is not the first of its zone asks no sooner. */
const queuedMs = 1000;
/** For so long the states of zones are taken as they were found. */
const statesMaxAgeMs = 1000;

const exclusionLabel = 'node.kubernetes.io/exclude-disruption';
export const countsForZone = ({ metadata }: Node): boolean => metadata.labels?.[exclusionLabel] === undefined;
export const isDown = ({ status }: Node): boolean => findCondition(status?.conditions, 'Ready')?.status !== 'True';

/** Upstream's key of a zone; '' where nothing says it. */
export function zoneOf({ metadata: { labels } }: Node): string {
  const region = labels?.['topology.kubernetes.io/region'] ?? '';
  const zone = labels?.['topology.kubernetes.io/zone'] ?? '';
  return region === '' && zone === '' ? '' : `${region}:\0:${zone}`;
}

/** Nodes per second that a zone of these nodes may lose. */
export function rateOf(nodes: readonly Node[]): number {
  const down = nodes.filter(isDown).length;
  // All of one zone, while others are up: it is gone, and its Pods are wanted elsewhere.
  if (down === nodes.length) return evictionsPerSecond;
  const isDisrupted = down >= unhealthyNodesMin && down / nodes.length >= unhealthyShare;
  if (!isDisrupted) return evictionsPerSecond;
  return nodes.length > largeZoneNodes ? secondaryEvictionsPerSecond : 0;
}

/** A bucket of one token for each zone, and who waits for it, in the order of asking. */
interface Zone {
  perSecond: number;
  tokens: number;
  atMs: number;
  readonly waiting: Set<string>;
}

export class EvictionPace {
  readonly #zones = new Map<string, Zone>();
  /** Node -> zone in which it waits or was allowed. */
  readonly #asked = new Map<string, string>();
  readonly #allowed = new Set<string>();
  #rates: { readonly atMs: number; readonly byZone: ReadonlyMap<string, number> } | undefined;

  /** Milliseconds after which the node should ask again; 0: it may be evicted, and stays so until it is forgotten. */
  ask(node: Node, nodes: () => readonly Node[], nowMs: number): number {
    const name = node.metadata.name!;
    const key = zoneOf(node);
    if (this.#asked.get(name) !== key) this.forget(name);
    if (this.#allowed.has(name)) return 0;
    this.#asked.set(name, key);
    const zone = this.#zoneNow(key, nodes, nowMs);
    zone.waiting.add(name);
    if (zone.perSecond === 0) return pollMs;
    const [first] = zone.waiting;
    if (first === name && zone.tokens >= 1) {
      zone.tokens -= 1;
      zone.waiting.delete(name);
      this.#allowed.add(name);
      return 0;
    }
    const tokenInMs = Math.ceil(((1 - zone.tokens) / zone.perSecond) * 1000);
    return Math.min(pollMs, Math.max(tokenInMs, first === name ? 1 : queuedMs));
  }

  /** The node is up, evicted or gone. */
  forget(name: string): void {
    const zone = this.#asked.get(name);
    if (zone === undefined) return;
    this.#zones.get(zone)?.waiting.delete(name);
    this.#asked.delete(name);
    this.#allowed.delete(name);
  }

  /** After a time without evictions nobody is evicted at once. */
  restart(nowMs: number): void {
    this.#rates = undefined;
    for (const zone of this.#zones.values()) {
      zone.tokens = 0;
      zone.atMs = nowMs;
    }
  }

  #zoneNow(key: string, nodes: () => readonly Node[], nowMs: number): Zone {
    if (this.#rates === undefined || nowMs - this.#rates.atMs >= statesMaxAgeMs) {
      const zones = Map.groupBy(nodes().filter(countsForZone), zoneOf);
      this.#rates = { atMs: nowMs, byZone: new Map([...zones].map(([one, members]) => [one, rateOf(members)])) };
      for (const [one, { waiting }] of this.#zones) if (!zones.has(one) && waiting.size === 0) this.#zones.delete(one);
    }
    const perSecond = this.#rates.byZone.get(key) ?? evictionsPerSecond;
    let zone = this.#zones.get(key);
    if (zone === undefined) this.#zones.set(key, (zone = { perSecond, tokens: 1, atMs: nowMs, waiting: new Set() }));
    zone.tokens = Math.min(1, zone.tokens + ((nowMs - zone.atMs) / 1000) * zone.perSecond);
    zone.atMs = nowMs;
    if (zone.perSecond !== perSecond) {
      // A new limiter: part of a token does not carry over.
      zone.perSecond = perSecond;
      zone.tokens = perSecond === 0 ? 0 : Math.floor(zone.tokens);
    }
    return zone;
  }
}
