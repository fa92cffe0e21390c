// What the kernel's table should hold of all policies, and the smallest change that gets it there. Pure state: the executor is
// network-policies.ts. A Pod adds elements to sets; only policies add chains and sets, so a Pod that comes or goes is a few elements.
import type { NetworkPolicy } from '#api/generated/types.ts';
import { addElements, deleteElements, nftName, transaction } from '#wire/nft.ts';
import { type CompiledPolicy, compile, nameOf, type NamedPort, type Selection } from './compile.ts';
import type { PolicyPod } from './pods.ts';
import {
  addressType,
  constantTable,
  type Direction,
  directions,
  type Family,
  familyOf,
  isolatedMap,
  policyTable as table,
  selfSet,
} from './ruleset.ts';

interface Element {
  readonly set: string;
  readonly key: string;
  /** Undefined: of a set, not of a map. */
  readonly value: string | undefined;
}

interface Contribution {
  readonly elements: readonly Element[];
  /** Chains of the Pod's combination of policies, with their rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
}

const present = '';
const elementsMax = 5_000;

export class PolicyTable {
  readonly #families: readonly Family[];
  readonly #policies = new Map<string, { readonly policy: NetworkPolicy; readonly compiled: CompiledPolicy }>();
  readonly #namespaces = new Map<string, Readonly<Record<string, string>>>();
  readonly #pods = new Map<string, PolicyPod>();
  readonly #contributions = new Map<string, Contribution>();
  /** set -> key -> Pod -> value. Of two Pods with one address the one that came last is heard. */
  readonly #claims = new Map<string, Map<string, Map<string, string>>>();
  readonly #dirty = new Map<string, Set<string>>();
  readonly #applied = new Map<string, Map<string, string>>();
  #appliedChains = new Map<string, readonly string[]>();
  #appliedSets = new Map<string, string>();
  #selections = new Map<string, Selection>();
  #ports = new Map<string, NamedPort>();

  constructor(families: readonly Family[]) {
    this.#families = families;
  }

  setPolicies(policies: readonly NetworkPolicy[]): void {
    const keys = new Set<string>();
    for (const policy of policies) {
      const key = `${policy.metadata.namespace}/${policy.metadata.name}`;
      keys.add(key);
      if (this.#policies.get(key)?.policy !== policy)
        this.#policies.set(key, { policy, compiled: compile(policy, this.#families) });
    }
    for (const key of this.#policies.keys()) if (!keys.has(key)) this.#policies.delete(key);
    const compiled = [...this.#policies.values()].map((one) => one.compiled);
    this.#selections = new Map(compiled.flatMap((one) => one.peers.map((peer) => [peer.name, peer])));
    this.#ports = new Map(compiled.flatMap((one) => one.ports.map((port) => [port.name, port])));
    for (const key of this.#pods.keys()) this.#contribute(key);
  }

  /** Undefined: it is gone. */
  setNamespace(name: string, labels: Readonly<Record<string, string>> | undefined): void {
    if (labels === undefined) this.#namespaces.delete(name);
    else this.#namespaces.set(name, labels);
    for (const [key, pod] of this.#pods) if (pod.namespace === name) this.#contribute(key);
  }

  /** Undefined: it is gone, or has no address yet. */
  setPod(key: string, pod: PolicyPod | undefined): void {
    if (pod === undefined) this.#pods.delete(key);
    else this.#pods.set(key, pod);
    this.#contribute(key);
  }

  /** The whole table as one script, in the place of what is there; what it holds counts as applied from now on. */
  full(): string {
    const commands: string[] = [];
    this.#dirty.clear();
    this.#applied.clear();
    this.#appliedSets = this.#wantedSets();
    this.#appliedChains = this.#wantedChains();
    for (const [name, type] of this.#appliedSets) commands.push(declareSet(name, type));
    for (const name of this.#appliedChains.keys()) commands.push(`add chain ${table} ${nftName(name)}`);
    for (const [name, rules] of this.#appliedChains) commands.push(...fill(name, rules));
    for (const [set, keys] of this.#claims) {
      const elements = [...keys].flatMap(([key, owners]) => {
        const value = newest(owners);
        if (value === undefined) return [];
        inner(this.#applied, set).set(key, value);
        return [{ key, value: value === present ? undefined : value }];
      });
      for (let from = 0; from < elements.length; from += elementsMax)
        commands.push(addElements(table, set, elements.slice(from, from + elementsMax)));
    }
    return `add table ${table}\ndelete table ${table}\n${constantTable(this.#families)}\n${commands.join('\n')}\n`;
  }

  /** Transactions since the last call, in order; what they hold counts as applied (after a failure: use full()). */
  change(): readonly string[] {
    const [sets, chains] = [this.#wantedSets(), this.#wantedChains()];
    const newSets = [...sets].filter(([name]) => !this.#appliedSets.has(name));
    const newChains = [...chains.keys()].filter((name) => !this.#appliedChains.has(name));
    const oldSets = [...this.#appliedSets.keys()].filter((name) => !sets.has(name));
    const oldChains = [...this.#appliedChains.keys()].filter((name) => !chains.has(name));
    const changed = [...chains].filter(([name, rules]) => {
      const before = this.#appliedChains.get(name);
      return before === undefined || before.length !== rules.length || before.some((rule, at) => rule !== rules[at]);
    });
    for (const set of oldSets) {
      this.#applied.delete(set);
      this.#dirty.delete(set);
    }
    const first = [
      ...newSets.map(([name, type]) => declareSet(name, type)),
      ...newChains.map((name) => `add chain ${table} ${nftName(name)}`),
      ...changed.flatMap(([name, rules]) => [
        ...(this.#appliedChains.has(name) ? [`flush chain ${table} ${nftName(name)}`] : []),
        ...fill(name, rules),
      ]),
      ...this.#changeElements(),
    ];
    const second = [
      ...oldChains.map((name) => `flush chain ${table} ${nftName(name)}`),
      ...oldChains.map((name) => `delete chain ${table} ${nftName(name)}`),
      ...oldSets.map((name) => `delete set ${table} ${nftName(name)}`),
    ];
    this.#appliedSets = sets;
    this.#appliedChains = chains;
    return [first, second].filter((commands) => commands.length > 0).map(transaction);
  }

  #changeElements(): string[] {
    const removals: string[] = [];
    const additions: string[] = [];
    for (const [set, keys] of this.#dirty) {
      const applied = inner(this.#applied, set);
      const gone: string[] = [];
      const added: { key: string; value: string | undefined }[] = [];
      for (const key of keys) {
        const owners = this.#claims.get(set)?.get(key);
        const wanted = owners && newest(owners);
        const before = applied.get(key);
        if (wanted === before) continue;
        if (before !== undefined) gone.push(key);
        if (wanted === undefined) applied.delete(key);
        else {
          applied.set(key, wanted);
          added.push({ key, value: wanted === present ? undefined : wanted });
        }
      }
      if (gone.length > 0) removals.push(deleteElements(table, set, gone));
      if (added.length > 0) additions.push(addElements(table, set, added));
    }
    this.#dirty.clear();
    return [...removals, ...additions];
  }

  #wantedSets(): Map<string, string> {
    const sets = new Map<string, string>();
    for (const family of this.#families) {
      for (const name of this.#selections.keys()) sets.set(`${name}${family}`, addressType(family));
      for (const name of this.#ports.keys())
        sets.set(`${name}${family}`, `${addressType(family)} . inet_proto . inet_service`);
    }
    return sets;
  }

  #wantedChains(): Map<string, readonly string[]> {
    const chains = new Map<string, readonly string[]>();
    for (const { compiled } of this.#policies.values())
      for (const rules of Object.values(compiled.directions)) chains.set(rules.chain, rules.rules);
    for (const contribution of this.#contributions.values())
      for (const [name, rules] of contribution.chains) chains.set(name, rules);
    return chains;
  }

  #contribute(podKey: string): void {
    const before = this.#contributions.get(podKey);
    const pod = this.#pods.get(podKey);
    const after = pod && this.#contributionOf(pod);
    for (const { set, key } of before?.elements ?? []) {
      this.#claims.get(set)?.get(key)?.delete(podKey);
      inner(this.#dirty, set, () => new Set()).add(key);
    }
    if (after === undefined) this.#contributions.delete(podKey);
    else this.#contributions.set(podKey, after);
    for (const { set, key, value } of after?.elements ?? []) {
      inner(inner(this.#claims, set), key).set(podKey, value ?? present);
      inner(this.#dirty, set, () => new Set()).add(key);
    }
    for (const { set, key } of before?.elements ?? []) {
      const keys = this.#claims.get(set);
      if (keys?.get(key)?.size === 0) keys.delete(key);
      if (keys?.size === 0) this.#claims.delete(set);
    }
  }

  #selects(selection: Selection, pod: PolicyPod): boolean {
    if (selection.namespace !== undefined && selection.namespace !== pod.namespace) return false;
    return (
      selection.podMatcher.matches(pod.labels) &&
      (selection.namespace !== undefined || this.#namespaceMatches(selection, pod.namespace))
    );
  }

  #namespaceMatches(selection: Selection, namespace: string): boolean {
    const labels = this.#namespaces.get(namespace);
    return labels !== undefined && selection.namespaceMatcher.matches(labels);
  }

  #contributionOf(pod: PolicyPod): Contribution {
    const elements: Element[] = [];
    const chains = new Map<string, readonly string[]>();
    const addresses = pod.addresses
      .map((address) => ({ address, family: familyOf(address) }))
      .filter(({ family }) => this.#families.includes(family));
    for (const selection of this.#selections.values())
      if (this.#selects(selection, pod))
        for (const { address, family } of addresses)
          elements.push({ set: `${selection.name}${family}`, key: address, value: undefined });
    for (const port of this.#ports.values())
      if (port.of === undefined || this.#selects(port.of, pod))
        for (const { protocol, name, number } of pod.ports)
          if (name === port.portName && protocol === port.protocol)
            for (const { address, family } of addresses)
              elements.push({
                set: `${port.name}${family}`,
                key: `${address} . ${protocol} . ${number}`,
                value: undefined,
              });
    if (pod.isHere)
      for (const direction of directions) {
        const rules = this.#rulesFor(pod, direction);
        if (rules.length === 0) continue;
        const chain = nameOf(`pod-${direction}`, rules);
        chains.set(chain, [...rules.map((name) => `jump ${name}`), 'drop']);
        for (const { address, family } of addresses) {
          elements.push({ set: isolatedMap(direction, family), key: address, value: `goto ${chain}` });
          elements.push({ set: selfSet(family), key: `${address} . ${address}`, value: undefined });
        }
      }
    return { elements, chains };
  }

  /** Chains of the policies that isolate the Pod in this direction. */
  #rulesFor(pod: PolicyPod, direction: Direction): readonly string[] {
    const rules: string[] = [];
    for (const { compiled } of this.#policies.values()) {
      const own = compiled.directions[direction];
      if (own !== undefined && this.#selects(compiled.selected, pod)) rules.push(own.chain);
    }
    return rules.toSorted();
  }
}

const newest = (owners: ReadonlyMap<string, string>): string | undefined => [...owners.values()].at(-1);
const declareSet = (name: string, type: string): string => `add set ${table} ${nftName(name)} { type ${type}; }`;
const fill = (name: string, rules: readonly string[]): string[] =>
  rules.map((rule) => `add rule ${table} ${nftName(name)} ${rule}`);

function inner<K, V = Map<string, never>>(
  maps: Map<K, V>,
  key: K,
  make: () => V = () => new Map<string, never>() as V,
): V {
  let found = maps.get(key);
  if (found === undefined) maps.set(key, (found = make()));
  return found;
}
