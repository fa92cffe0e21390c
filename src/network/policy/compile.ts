// What one NetworkPolicy says, as rules of nft and the sets of Pods that they look into. Pure. The meaning is that of the API's
// documentation of networking.k8s.io/v1: rules add up, an empty list of peers or ports matches all, no list of rules allows nothing.
import { createHash } from 'node:crypto';
import type {
  IPBlock,
  LabelSelector,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '#api/generated/types.ts';
import { type LabelMatcher, matcherFor } from '#api/meta/label-selector.ts';
import { parseBlock, type PortRange, portText, withoutContained } from './ranges.ts';
import { type Direction, directions, type Family, protocolOf } from './ruleset.ts';

/** Some Pods, by labels: a set of their addresses. */
export interface Selection {
  readonly name: string;
  /** Undefined: by the labels of the namespace. */
  readonly namespace: string | undefined;
  readonly namespaceMatcher: LabelMatcher;
  readonly podMatcher: LabelMatcher;
}

/** Where some Pods listen, by the name of a port: a set of address, protocol and number. */
export interface NamedPort {
  readonly name: string;
  readonly protocol: string;
  readonly portName: string;
  /** Undefined: all Pods. */
  readonly of: Selection | undefined;
}

export interface DirectionRules {
  readonly chain: string;
  readonly rules: readonly string[];
}

export interface CompiledPolicy {
  /** The Pods that it isolates. */
  readonly selected: Selection;
  readonly directions: Readonly<Partial<Record<Direction, DirectionRules>>>;
  readonly peers: readonly Selection[];
  readonly ports: readonly NamedPort[];
}

export const nameOf = (prefix: string, content: unknown): string =>
  `${prefix}-${createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16)}`;

const everything: LabelSelector = {};

export function selectionOf(
  namespace: string | undefined,
  namespaceSelector: LabelSelector | undefined,
  podSelector: LabelSelector | undefined,
): Selection {
  return {
    name: nameOf('pods', [namespace ?? null, namespaceSelector ?? null, podSelector ?? null]),
    namespace,
    namespaceMatcher: matcherFor(namespaceSelector ?? everything),
    podMatcher: matcherFor(podSelector ?? everything),
  };
}

const protocols: Readonly<Record<string, string>> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };

class Compilation {
  readonly #namespace: string;
  readonly #families: readonly Family[];
  readonly selected: Selection;
  readonly peers = new Map<string, Selection>();
  readonly ports = new Map<string, NamedPort>();

  constructor(policy: NetworkPolicy, families: readonly Family[]) {
    this.#namespace = policy.metadata.namespace ?? '';
    this.#families = families;
    this.selected = selectionOf(this.#namespace, undefined, policy.spec.podSelector);
  }

  /** One rule of the policy: who may, times what. */
  rule(
    direction: Direction,
    peers: readonly NetworkPolicyPeer[] | undefined,
    ports: readonly NetworkPolicyPort[] | undefined,
  ): string[] {
    const lines: string[] = [];
    for (const family of this.#families)
      for (const peer of peers === undefined || peers.length === 0 ? [undefined] : peers) {
        const selection = peer === undefined || peer.ipBlock !== undefined ? undefined : this.#peer(peer);
        const who = peer === undefined ? `meta nfproto ipv${family}` : this.#match(direction, family, peer, selection);
        if (who === undefined) continue;
        for (const what of this.#what(direction, family, ports, selection))
          lines.push([who, what, 'accept'].filter((part) => part !== '').join(' '));
      }
    return lines;
  }

  #peer({ namespaceSelector, podSelector }: NetworkPolicyPeer): Selection {
    const own = namespaceSelector === undefined || namespaceSelector === null;
    const selection = selectionOf(own ? this.#namespace : undefined, own ? undefined : namespaceSelector, podSelector);
    this.peers.set(selection.name, selection);
    return selection;
  }

  /** Undefined: nobody of this family. */
  #match(
    direction: Direction,
    family: Family,
    peer: NetworkPolicyPeer,
    selection: Selection | undefined,
  ): string | undefined {
    const side = `${protocolOf(family)} ${direction === 'ingress' ? 'saddr' : 'daddr'}`;
    return selection === undefined ? blockMatch(side, family, peer.ipBlock) : `${side} @${selection.name}${family}`;
  }

  #what(
    direction: Direction,
    family: Family,
    ports: readonly NetworkPolicyPort[] | undefined,
    peer: Selection | undefined,
  ): readonly string[] {
    if (ports === undefined || ports.length === 0) return [''];
    const numbers = new Map<string, PortRange[] | 'all'>();
    const named: string[] = [];
    for (const { protocol = 'TCP', port, endPort } of ports) {
      const word = protocols[protocol];
      if (word === undefined) continue;
      if (typeof port === 'string') {
        const set = this.#named(word, port, direction === 'ingress' ? this.selected : peer);
        named.push(`${protocolOf(family)} daddr . meta l4proto . th dport @${set.name}${family}`);
      } else if (port === undefined || port === null) numbers.set(word, 'all');
      else if (numbers.get(word) !== 'all')
        numbers.set(word, [
          ...((numbers.get(word) as PortRange[] | undefined) ?? []),
          { from: port, to: endPort ?? port },
        ]);
    }
    return [
      ...[...numbers].map(([protocol, ranges]) =>
        ranges === 'all' ? `meta l4proto ${protocol}` : `${protocol} dport { ${portText(ranges)} }`,
      ),
      ...named,
    ];
  }

  #named(protocol: string, portName: string, of: Selection | undefined): NamedPort {
    const port = { name: nameOf('ports', [protocol, portName, of?.name ?? null]), protocol, portName, of };
    this.ports.set(port.name, port);
    return port;
  }
}

function blockMatch(side: string, family: Family, block: IPBlock | undefined): string | undefined {
  const range = block === undefined ? undefined : parseBlock(block.cidr);
  if (range === undefined || range.family !== family) return undefined;
  const parsed = (block?.except ?? []).map(parseBlock);
  // What cannot be read may be a hole that matters: then the whole block does not count.
  if (parsed.includes(undefined)) return undefined;
  const except = withoutContained(
    parsed.filter((one) => one !== undefined && one.family === family) as NonNullable<(typeof parsed)[number]>[],
  );
  const inside = range.length === 0 ? `meta nfproto ipv${family}` : `${side} ${range.text}`;
  return except.length === 0 ? inside : `${inside} ${side} != { ${except.map((one) => one.text).join(', ')} }`;
}

export function compile(policy: NetworkPolicy, families: readonly Family[]): CompiledPolicy {
  const { ingress = [], egress = [], policyTypes } = policy.spec;
  const compilation = new Compilation(policy, families);
  const types = policyTypes ?? ['Ingress', ...(egress.length > 0 ? ['Egress'] : [])];
  const rules: Readonly<Record<Direction, () => string[]>> = {
    ingress: () => ingress.flatMap((rule) => compilation.rule('ingress', rule.from, rule.ports)),
    egress: () => egress.flatMap((rule) => compilation.rule('egress', rule.to, rule.ports)),
  };
  const key = [policy.metadata.namespace, policy.metadata.name];
  const compiled = directions
    .filter((direction) => types.some((type) => type.toLowerCase() === direction))
    .map((direction): [Direction, DirectionRules] => [
      direction,
      { chain: nameOf(direction, key), rules: [...new Set(rules[direction]())] },
    ]);
  return {
    selected: compilation.selected,
    directions: Object.fromEntries(compiled),
    peers: [...compilation.peers.values()],
    ports: [...compilation.ports.values()],
  };
}
