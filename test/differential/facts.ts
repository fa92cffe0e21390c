// What the peer answered, kept so that it can be compared without the peer: per kind a file with one line a step.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { hashOf, type Outcome } from './outcome.ts';

/** [code, reason, causes, hash of the normalised body]; the end is left out where it is empty. */
export type Fact = readonly [code: number, reason?: string, causes?: string, body?: string];

const folder = path.join(import.meta.dirname, 'facts');
const fileOf = (kind: string): string => path.join(folder, `${kind}.json`);

export function factOf(outcome: Outcome): Fact {
  const fact: [number, string, string, string] = [
    outcome.code,
    outcome.reason,
    outcome.causes.join('; '),
    outcome.body === undefined ? '' : hashOf(outcome.body),
  ];
  let length = fact.length;
  while (length > 1 && fact[length - 1] === '') length--;
  return fact.slice(0, length) as unknown as Fact;
}

export function writeFacts(kind: string, outcomes: ReadonlyMap<string, Outcome>): void {
  mkdirSync(folder, { recursive: true });
  const lines = [...outcomes].map(([step, outcome]) => `${JSON.stringify(step)}: ${JSON.stringify(factOf(outcome))}`);
  writeFileSync(fileOf(kind), `{\n${lines.join(',\n')}\n}\n`);
}

export function readFacts(kind: string): Readonly<Record<string, Fact>> | undefined {
  const file = fileOf(kind);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Fact>) : undefined;
}
