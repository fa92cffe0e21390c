// What the peer answered, kept so that it can be compared without the peer: per kind a file with one line a step.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { acceptedDifference } from './accepted.ts';
import { differsIn } from './comparison.ts';
import { hashOf, type Outcome } from './outcome.ts';

/**
 * [code, reason, causes, hash of the normalised body, and where this server answered something else when it was recorded:
 * `accepted` when accepted.ts says why, else `differs`: then reasons.ts does];
 * the end is left out where it is empty.
 */
export type Fact = readonly [code: number, reason?: string, causes?: string, body?: string, differs?: string];
const differs = 'differs';
const accepted = 'accepted';

const folder = path.join(import.meta.dirname, 'facts');
const fileOf = (kind: string): string => path.join(folder, `${kind}.json`);

function factOf(outcome: Outcome, mark = ''): Fact {
  const fact: [number, string, string, string, string] = [
    outcome.code,
    outcome.reason,
    outcome.causes.join('; '),
    outcome.body === undefined ? '' : hashOf(outcome.body),
    mark,
  ];
  let length = fact.length;
  while (length > 1 && fact[length - 1] === '') length--;
  return fact.slice(0, length) as unknown as Fact;
}

export function agrees(fact: Fact, outcome: Outcome): boolean {
  const own = factOf(outcome);
  return [0, 1, 2, 3].every((at) => (fact[at] ?? '') === (own[at] ?? ''));
}

/** Undefined: nothing to complain of. */
export function contradiction(fact: Fact | undefined, outcome: Outcome): string | undefined {
  if (fact === undefined || isOpen(fact) || agrees(fact, outcome)) return undefined;
  return `peer ${JSON.stringify(fact)}, now ${JSON.stringify(factOf(outcome))}`;
}

/** This server was known to answer otherwise. */
export const isOpen = (fact: Fact): boolean => fact[4] === differs || fact[4] === accepted;
export const needsReason = (fact: Fact): boolean => fact[4] === differs;

export function writeFacts(kind: string, peer: ReadonlyMap<string, Outcome>, own: ReadonlyMap<string, Outcome>): void {
  mkdirSync(folder, { recursive: true });
  const lines = [...peer].map(([step, outcome]) => {
    const ours = own.get(step);
    const agree = ours !== undefined && differsIn(outcome, ours) === undefined;
    const isAccepted = ours !== undefined && acceptedDifference(kind, step, outcome, ours) !== undefined;
    const mark = agree ? '' : isAccepted ? accepted : differs;
    return `${JSON.stringify(step)}: ${JSON.stringify(factOf(outcome, mark))}`;
  });
  writeFileSync(fileOf(kind), `{\n${lines.join(',\n')}\n}\n`);
}

export function readFacts(kind: string): Readonly<Record<string, Fact>> | undefined {
  const file = fileOf(kind);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Fact>) : undefined;
}
