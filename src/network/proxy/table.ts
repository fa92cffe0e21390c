// What the kernel's table should hold, and the smallest change that gets it there. Pure state: the executor is service-proxy.ts.
import { addElements, deleteElements, nftName, transaction, type NftElement } from '#wire/nft.ts';
import { type RememberedClients, restoreClients } from './affinity.ts';
import type { Contribution, ProxyObject } from './decide.ts';
import { constantTable, pickRule, table, type RulesetOptions } from './ruleset.ts';

/** Connections of a datagram protocol that lead to an endpoint that is gone. */
export interface StaleFlow {
  readonly family: 'ipv4' | 'ipv6';
  readonly protocol: 'udp' | 'sctp';
  /** Undefined: any address (a node port). */
  readonly address: string | undefined;
  readonly port: string;
  readonly endpoint: string;
}

/** As connection tracking has it: addressed to, and led to. */
export interface TrackedFlow {
  readonly address: string;
  readonly port: string;
  readonly endpoint: string;
}

export interface ProxyChange {
  /** Transactions in order, each one line; empty: nothing to do. */
  readonly transactions: readonly string[];
  readonly staleFlows: readonly StaleFlow[];
}

const present = Symbol('present');
type Value = string | typeof present;

export class ProxyTable {
  readonly #options: RulesetOptions;
  readonly #contributions = new Map<string, Contribution>();
  /** set -> key -> owner -> value. Two owners of a key: the first by name is heard, as long as it is there. */
  readonly #claims = new Map<string, Map<string, Map<string, Value>>>();
  readonly #applied = new Map<string, Map<string, Value>>();
  readonly #dirty = new Map<string, Set<string>>();
  readonly #objects = new Map<string, { object: ProxyObject; owner: string }>();
  readonly #appliedObjects = new Map<string, ProxyObject>();
  readonly #dirtyObjects = new Set<string>();
  readonly #picks = new Set<string>();

  constructor(options: RulesetOptions) {
    this.#options = options;
  }

  /** Replaces what `owner` contributes. */
  set(owner: string, contribution: Contribution | undefined): void {
    const before = this.#contributions.get(owner);
    for (const { set, key } of before?.elements ?? []) {
      this.#claims.get(set)?.get(key)?.delete(owner);
      this.#touch(set, key);
    }
    for (const object of before?.objects ?? []) {
      this.#objects.delete(object.name);
      this.#dirtyObjects.add(object.name);
    }
    if (contribution === undefined || (contribution.elements.length === 0 && contribution.objects.length === 0)) {
      this.#contributions.delete(owner);
      return;
    }
    this.#contributions.set(owner, contribution);
    for (const { set, key, value } of contribution.elements) {
      const keys = mapIn(this.#claims, set);
      mapIn(keys, key).set(owner, value ?? present);
      this.#touch(set, key);
    }
    for (const object of contribution.objects) {
      this.#objects.set(object.name, { object, owner });
      this.#dirtyObjects.add(object.name);
    }
  }

  /**
   * The whole table as one script; what it holds counts as applied from now on. `clients`: those that the table it replaces
   * remembers the endpoints of.
   */
  full(clients: RememberedClients = new Map()): string {
    this.#dirty.clear();
    this.#dirtyObjects.clear();
    this.#applied.clear();
    this.#appliedObjects.clear();
    this.#picks.clear();
    const commands: string[] = [];
    for (const { object } of this.#objects.values()) {
      this.#appliedObjects.set(object.name, object);
      commands.push(declare(object));
    }
    for (const { object } of this.#objects.values())
      commands.push(...(object.type === 'set' ? restoreClients(object.name, clients) : fill(object)));
    for (const [set, keys] of this.#claims) {
      const elements: NftElement[] = [];
      for (const key of keys.keys()) {
        const value = this.#wanted(set, key);
        if (value === undefined) continue;
        mapIn(this.#applied, set).set(key, value);
        elements.push(elementOf(key, value));
        this.#preparePick(value, commands);
      }
      // Chains come before the elements that lead to them; a command holds a bounded part, nft keeps it in memory.
      for (let from = 0; from < elements.length; from += 5_000)
        commands.push(addElements(table, set, elements.slice(from, from + 5_000)));
    }
    return `add table ${table}\ndelete table ${table}\n${constantTable(this.#options)}\n${commands.join('\n')}\n`;
  }

  /** The change since the last call; what it holds counts as applied (after a failure: use full()). */
  change(): ProxyChange {
    const chains: string[] = [];
    const removals = new Map<string, string[]>();
    const additions = new Map<string, NftElement[]>();
    const late = new Map<string, string[]>();
    const staleFlows: StaleFlow[] = [];
    for (const [set, keys] of this.#dirty)
      for (const key of keys) {
        const wanted = this.#wanted(set, key);
        const applied = mapIn(this.#applied, set);
        const before = applied.get(key);
        if (wanted === before) continue;
        if (typeof before === 'string') this.#noteStale(set, key, before, staleFlows);
        if (wanted === undefined) {
          applied.delete(key);
          // A connection that already drew this slot still finds it: slots go in a transaction of their own, afterwards.
          listIn(isSlots(set) ? late : removals, set).push(key);
          continue;
        }
        if (before !== undefined) listIn(removals, set).push(key);
        applied.set(key, wanted);
        listIn(additions, set).push(elementOf(key, wanted));
        this.#preparePick(wanted, chains);
      }
    this.#dirty.clear();
    const objects = this.#changeObjects();
    const first = [
      ...objects.before,
      ...chains,
      ...[...removals].map(([set, keys]) => deleteElements(table, set, keys)),
      ...[...additions].map(([set, elements]) => addElements(table, set, elements)),
    ];
    const second = [...[...late].map(([set, keys]) => deleteElements(table, set, keys)), ...objects.after];
    return {
      transactions: [first, second].filter((commands) => commands.length > 0).map(transaction),
      staleFlows: this.#reallyStale(staleFlows),
    };
  }

  /** Names of the sets of clients that are each led to the endpoint that they had. */
  get affinitySets(): readonly string[] {
    return [...this.#objects.values()].filter(({ object }) => object.type === 'set').map(({ object }) => object.name);
  }

  get hasDatagramServices(): boolean {
    return ['4', '6'].some((family) => (this.#applied.get(`endpoints-udp${family}`)?.size ?? 0) > 0);
  }

  /** Those flows to Service addresses of ours that lead to no endpoint of the Service. */
  staleAmong(flows: readonly TrackedFlow[]): readonly StaleFlow[] {
    const candidates = flows.flatMap((flow): StaleFlow[] => {
      const family = flow.address.includes(':') ? '6' : '4';
      const slots = this.#applied.get(`endpoints-udp${family}`);
      return slots?.has(`${flow.address} . ${flow.port} . 0`) === true
        ? [{ ...flow, family: family === '4' ? 'ipv4' : 'ipv6', protocol: 'udp' }]
        : [];
    });
    return this.#reallyStale(candidates);
  }

  #wanted(set: string, key: string): Value | undefined {
    const claims = this.#claims.get(set)?.get(key);
    if (claims === undefined) return undefined;
    if (claims.size === 0) {
      this.#claims.get(set)!.delete(key);
      return undefined;
    }
    if (claims.size === 1) return claims.values().next().value;
    const owner = [...claims.keys()].reduce((first, one) => (one < first ? one : first));
    return claims.get(owner);
  }

  #touch(set: string, key: string): void {
    let keys = this.#dirty.get(set);
    if (keys === undefined) this.#dirty.set(set, (keys = new Set()));
    keys.add(key);
  }

  #preparePick(value: Value, commands: string[]): void {
    if (typeof value !== 'string' || !value.startsWith('goto pick-')) return;
    const chain = value.slice('goto '.length);
    if (this.#picks.has(chain)) return;
    this.#picks.add(chain);
    commands.push(`add chain ${table} ${nftName(chain)}`, `add rule ${table} ${chain} ${pickRule(chain)}`);
  }

  #changeObjects(): { before: string[]; after: string[] } {
    const before: string[] = [];
    const fills: string[] = [];
    const flushes: string[] = [];
    const deletes: string[] = [];
    for (const name of this.#dirtyObjects) {
      const wanted = this.#objects.get(name)?.object;
      const applied = this.#appliedObjects.get(name);
      if (wanted === undefined) {
        if (applied === undefined) continue;
        this.#appliedObjects.delete(name);
        if (applied.type === 'chain') flushes.push(`flush chain ${table} ${name}`);
        // Chains go before the sets they name, and inner chains after the outer one that leads to them was flushed.
        if (applied.type === 'chain') deletes.unshift(`delete chain ${table} ${name}`);
        else deletes.push(`delete set ${table} ${name}`);
        continue;
      }
      if (applied !== undefined && applied.body.join('\n') === wanted.body.join('\n')) continue;
      if (applied === undefined) before.push(declare(wanted));
      else if (wanted.type === 'chain') before.push(`flush chain ${table} ${name}`);
      fills.push(...fill(wanted));
      this.#appliedObjects.set(name, wanted);
    }
    this.#dirtyObjects.clear();
    return { before: [...before, ...fills], after: [...flushes, ...deletes] };
  }

  #noteStale(set: string, key: string, value: string, stale: StaleFlow[]): void {
    const match = /^(nodeport-)?endpoints(?:-local)?-(udp|sctp)([46])$/.exec(set);
    if (match === null) return;
    const parts = key.split(' . ');
    stale.push({
      family: match[3] === '4' ? 'ipv4' : 'ipv6',
      protocol: match[2] as 'udp' | 'sctp',
      address: match[1] === undefined ? parts[0] : undefined,
      port: match[1] === undefined ? parts[1]! : parts[0]!,
      endpoint: value.split(' . ')[0]!,
    });
  }

  /** A slot may have got another endpoint's place: only endpoints that no slot of the same address holds any more are stale. */
  #reallyStale(candidates: readonly StaleFlow[]): readonly StaleFlow[] {
    const result = new Map<string, StaleFlow>();
    for (const flow of candidates) {
      const family = flow.family === 'ipv4' ? '4' : '6';
      const prefix = flow.address === undefined ? flow.port : `${flow.address} . ${flow.port}`;
      const kind = flow.address === undefined ? 'nodeport-endpoints' : 'endpoints';
      const held = ['', '-local'].some((suffix) => {
        const slots = this.#applied.get(`${kind}${suffix}-${flow.protocol}${family}`);
        for (let slot = 0; slots !== undefined; slot++) {
          const value = slots.get(`${prefix} . ${slot}`);
          if (value === undefined) return false;
          if (typeof value === 'string' && value.startsWith(`${flow.endpoint} . `)) return true;
        }
        return false;
      });
      if (!held) result.set(`${flow.protocol} ${prefix} ${flow.endpoint}`, flow);
    }
    return [...result.values()];
  }
}

const isSlots = (set: string): boolean => /^(nodeport-)?endpoints/.test(set);
const elementOf = (key: string, value: Value): NftElement => ({ key, value: value === present ? undefined : value });
const declare = (object: ProxyObject): string =>
  object.type === 'set'
    ? `add set ${table} ${nftName(object.name)} { ${object.body.join(' ')} }`
    : `add chain ${table} ${nftName(object.name)}`;
const fill = (object: ProxyObject): string[] =>
  object.type === 'chain' ? object.body.map((rule) => `add rule ${table} ${object.name} ${rule}`) : [];

function mapIn<K, K2, V>(maps: Map<K, Map<K2, V>>, key: K): Map<K2, V> {
  let inner = maps.get(key);
  if (inner === undefined) maps.set(key, (inner = new Map()));
  return inner;
}
function listIn<K, V>(lists: Map<K, V[]>, key: K): V[] {
  let inner = lists.get(key);
  if (inner === undefined) lists.set(key, (inner = []));
  return inner;
}
