// Rounds of generated objects of every kind against every check, from a seed, until the time is up or something does not hold;
// then the object is made as small as it can be.
import { kindTable } from '#api/kinds.ts';
import type { KindRow } from '#api/kind.ts';
import { generateObject, type Pick } from '#kit/generate-object.ts';
import { checks as allChecks, endChecks, type Check } from './checks.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Rounds at most; every kind is in each of them. */
  readonly rounds?: number | undefined;
  /** Kinds, by name; none: all. */
  readonly only?: readonly string[] | undefined;
  readonly checks?: readonly Check[] | undefined;
}

export interface Failure {
  readonly seed: number;
  readonly round: number;
  readonly kind: string;
  readonly check: string;
  readonly problem: string;
  /** As small as was found. */
  readonly object: Record<string, unknown>;
}

export interface FuzzResult {
  readonly objects: number;
  readonly rounds: number;
  readonly failures: readonly Failure[];
}

/** Choices that a seed repeats (xorshift). */
export function pickFrom(seed: number): Pick {
  let state = (Math.imul(seed, 2_654_435_761) ^ 0x9e3779b9) | 0 || 1;
  return (from) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return from[(state >>> 0) % from.length]!;
  };
}

const attemptsMax = 400;

/** Leaves out what is not needed to see the problem, member by member. */
async function smaller(check: Check, row: KindRow, object: Record<string, unknown>): Promise<Record<string, unknown>> {
  let attempts = 0;
  const fails = async (): Promise<boolean> => {
    attempts++;
    return (await check.run(row, object)) !== undefined;
  };
  const shrink = async (node: unknown): Promise<void> => {
    if (typeof node !== 'object' || node === null) return;
    const members = node as Record<string, unknown>;
    for (const key of Object.keys(members).toReversed()) {
      if (attempts >= attemptsMax) return;
      const kept = members[key];
      if (Array.isArray(node)) node.splice(Number(key), 1);
      else delete members[key];
      if (await fails()) continue;
      if (Array.isArray(node)) node.splice(Number(key), 0, kept);
      else Object.defineProperty(members, key, { value: kept, enumerable: true, writable: true, configurable: true });
      await shrink(kept);
    }
  };
  await shrink(object);
  return object;
}

const problemOf = async (check: Check, row: KindRow, object: Record<string, unknown>): Promise<string | undefined> => {
  try {
    return await check.run(row, object);
  } catch (error) {
    return `thrown: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
};

export async function fuzz({
  seed,
  seconds,
  rounds = Infinity,
  only,
  checks = allChecks,
}: FuzzOptions): Promise<FuzzResult> {
  const end = performance.now() + seconds * 1000;
  const rows = kindTable.rows.filter(
    (row) => row.servedByDefault && row.storage !== undefined && (only === undefined || only.includes(row.kind)),
  );
  const failures: Failure[] = [];
  /** One failure of a kind and check is enough. */
  const told = new Set<string>();
  let objects = 0;
  let round = 0;
  for (; round < rounds && performance.now() < end; round++)
    for (const [index, row] of rows.entries()) {
      if (performance.now() >= end) break;
      for (const check of checks) {
        if (told.has(`${check.name} ${row.kind}`)) continue;
        const pick = pickFrom(seed * 1_000_003 + round * 1_009 + index);
        const object = structuredClone(generateObject(row, 'fuzz', { pick, isTyped: check.isTyped }));
        objects++;
        if ((await problemOf(check, row, object)) === undefined) continue;
        told.add(`${check.name} ${row.kind}`);
        const guarded: Check = { ...check, run: (one, what) => problemOf(check, one, what) };
        const small = await smaller(guarded, row, object);
        const problem = (await problemOf(check, row, small)) ?? 'it comes and goes';
        failures.push({ seed, round, kind: row.kind, check: check.name, problem, object: small });
      }
    }
  endChecks();
  return { objects, rounds: round, failures };
}
