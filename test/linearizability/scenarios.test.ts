// What clients of real control planes see while these are hurt. `npm run linearizability` goes on for longer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenarios } from './scenarios.ts';

const scenario = { seed: 1, phaseMs: 300, rounds: 1 };

test('a control plane that keeps nothing', async () => {
  const { problems, history: _, ...counts } = await scenarios.memory({ ...scenario, phaseMs: 900 });
  assert.deepEqual(problems, []);
  // A machine that is busy with other things may keep a request waiting for its whole time.
  assert.ok(counts.unknown < 10, JSON.stringify(counts));
  assert.ok(counts.operations > 20 && counts.resumed > 0, JSON.stringify(counts));
});

test('the embedded store: killed, on a full disk, a slow one, one that fails', async () => {
  const { problems, history: _, ...counts } = await scenarios.embedded(scenario);
  assert.deepEqual(problems, []);
  assert.ok(counts.operations > 100 && counts.unknown > 5 && counts.resumed > 10, JSON.stringify(counts));
});

test('two API servers on an etcd that is stalled and killed, and one of them ends', async () => {
  const { problems, history: _, ...counts } = await scenarios['two-on-etcd'](scenario);
  assert.deepEqual(problems, []);
  assert.ok(counts.operations > 100 && counts.unknown > 5 && counts.resumed > 10, JSON.stringify(counts));
});

test('a control plane on three members of etcd, which are killed and stalled as it is', async () => {
  const { problems, history: _, ...counts } = await scenarios.etcd({ ...scenario, phaseMs: 500 });
  assert.deepEqual(problems, []);
  assert.ok(counts.operations > 30 && counts.unknown > 5 && counts.resumed > 10, JSON.stringify(counts));
});
