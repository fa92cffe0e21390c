// Every kind answers as an upstream API server of the same version did when it was asked: code, reason, causes and object, but for
// the steps that are marked as different in the facts. All mutations: npm run differential -- --replay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindsUnderTest } from './kind-under-test.ts';
import { replay } from './replay.ts';
import { ownServer } from './servers.ts';

/** All would take half a minute: of every kind some mutations, of every fourth kind also what is not mutated. */
const sampleOf = (index: number) => ({ oneMutationIn: 4, fixedSteps: index % 4 === 0 });

test('answers that once agreed with upstream still do', async () => {
  await using server = await ownServer();
  const contradictions: string[] = [];
  let compared = 0;
  const kinds = kindsUnderTest();
  for (const [index, kind] of kinds.entries()) {
    const result = await replay(server, kind, sampleOf(index));
    contradictions.push(...result.contradictions);
    compared += result.compared;
  }
  assert.deepEqual(contradictions.slice(0, 40), [], `${contradictions.length} of ${compared}`);
  assert.ok(kinds.length >= 65 && compared > 8_000, `${kinds.length} kinds, ${compared} answers`);
});
