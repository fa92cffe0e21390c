// Which clients the table of an earlier run remembers (sessionAffinity ClientIP), so that the table that replaces it goes on
// remembering them. Pure: the listing is what nft says as JSON.
import { addElements } from '#wire/nft.ts';
import { table } from './ruleset.ts';

export interface RememberedClient {
  readonly address: string;
  /** Until it is forgotten; at least 1. */
  readonly expiresSeconds: number;
}

/** By the name of the set of clients of one endpoint. */
export type RememberedClients = ReadonlyMap<string, readonly RememberedClient[]>;

/** Of all sets together: beyond them clients are forgotten, and draw an endpoint anew. */
export const rememberedClientsMax = 262_144;
/** What one set holds (decide.ts). */
export const affinityClientsMax = 65_536;

/** Sets of clients are named so, and nothing else of the table is. */
export const affinityPrefix = 'affinity-';

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** `listing`: the entries of `nft -j list sets table ...`. What is of another form is left out. */
export function readClients(listing: readonly unknown[]): RememberedClients {
  const sets = new Map<string, readonly RememberedClient[]>();
  let count = 0;
  for (const entry of listing) {
    const set = isRecord(entry) ? entry['set'] : undefined;
    if (!isRecord(set) || typeof set['name'] !== 'string' || !set['name'].startsWith(affinityPrefix)) continue;
    const elements: readonly unknown[] = Array.isArray(set['elem']) ? set['elem'] : [];
    const clients = elements.flatMap(clientOf).slice(0, Math.min(affinityClientsMax, rememberedClientsMax - count));
    count += clients.length;
    if (clients.length > 0) sets.set(set['name'], clients);
  }
  return sets;
}

function clientOf(element: unknown): readonly RememberedClient[] {
  const one = isRecord(element) ? element['elem'] : undefined;
  if (!isRecord(one)) return [];
  const { val: address, expires: expiresSeconds } = one;
  return typeof address === 'string' && typeof expiresSeconds === 'number' && expiresSeconds >= 1
    ? [{ address, expiresSeconds }]
    : [];
}

/** Puts the clients of a set back, each for as long as it had left. No set of that name any more: its endpoint is gone. */
export function restoreClients(set: string, remembered: RememberedClients): readonly string[] {
  const elements = (remembered.get(set) ?? []).map(({ address, expiresSeconds }) => ({
    key: `${address} expires ${Math.floor(expiresSeconds)}s`,
    value: undefined,
  }));
  const commands: string[] = [];
  for (let from = 0; from < elements.length; from += 5_000)
    commands.push(addElements(table, set, elements.slice(from, from + 5_000)));
  return commands;
}
