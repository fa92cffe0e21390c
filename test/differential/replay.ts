// Compares the project's own API server with what a peer answered once, without a peer.
import { agrees, contradiction, isOpen, readFacts } from './facts.ts';
import type { KindUnderTest } from './kind-under-test.ts';
import { prepare } from './prepare.ts';
import { runSteps } from './run-kind.ts';
import type { ServerUnderTest } from './servers.ts';
import { sequenceOf } from './steps/sequence.ts';

/** What the facts were recorded with. */
export const recordedWith = { seed: 36, mutations: 200 };

export interface Replayed {
  readonly kind: string;
  readonly compared: number;
  /** Steps in which this server was known to answer otherwise, and still does. */
  readonly open: readonly string[];
  /** Those in which it was, and no longer does: to be recorded. */
  readonly solved: number;
  readonly contradictions: readonly string[];
}

export interface ReplaySample {
  /** 4: one in four mutations. */
  readonly oneMutationIn: number;
  /** Without: only what mutations need. */
  readonly fixedSteps: boolean;
}
export const everything: ReplaySample = { oneMutationIn: 1, fixedSteps: true };
const neededByMutations = new Set(['create/small', 'create/rich', 'read-before-mutations']);

export async function replay(server: ServerUnderTest, kind: KindUnderTest, sample: ReplaySample): Promise<Replayed> {
  const facts = readFacts(kind.id);
  if (facts === undefined) throw new Error(`no facts of ${kind.id}: npm run differential -- --record`);
  const steps = sequenceOf(kind, recordedWith).filter((step, index) =>
    step.isMutation === true ? index % sample.oneMutationIn === 0 : sample.fixedSteps || neededByMutations.has(step.id),
  );
  await prepare(server, kind);
  const outcomes = await runSteps(server, steps);
  const contradictions: string[] = [];
  const open: string[] = [];
  let solved = 0;
  for (const [step, outcome] of outcomes) {
    const fact = facts[step];
    if (fact === undefined) contradictions.push(`${kind.id} ${step}: no fact`);
    else if (isOpen(fact)) {
      if (agrees(fact, outcome)) solved++;
      else open.push(step);
    }
    const found = contradiction(fact, outcome);
    if (found !== undefined) contradictions.push(`${kind.id} ${step}: ${found}`);
  }
  return { kind: kind.id, compared: outcomes.size, open, solved, contradictions };
}
