// Many clusters, each from its seed: nothing that must hold is broken. A failure says how to see it again.
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { faults } from '#simulation/workload/faults.ts';
import { scenarioOf } from '#simulation/workload/scenario.ts';
import { userActions } from '#simulation/workload/user-actions.ts';

const seedCount = 200;
const isCi = process.env['CI'] === 'true';
/** A developer's machine that is busy with other things does fewer, and says so; continuous integration does them all. */
const budgetMs = isCi ? Infinity : 90_000;
const seedCountMin = 20;

test('every fault and every action of a user is drawn in ten of the seeds or more', () => {
  const drawn = new Map([...Object.keys(faults), ...Object.keys(userActions)].map((name) => [name, 0]));
  for (let seed = 1; seed <= seedCount; seed++)
    for (const name of new Set(scenarioOf(seed).steps.map((step) => step.action)))
      drawn.set(name, drawn.get(name)! + 1);
  assert.deepEqual(
    [...drawn].filter(([, count]) => count < 10),
    [],
  );
});

test('simulated clusters keep what must hold, each from its seed', { timeout: 600_000 }, async (t) => {
  const beganMs = performance.now();
  const failures: string[] = [];
  let next = 1;
  const work = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const give = (): void => {
        const inTime = performance.now() - beganMs < budgetMs || next <= seedCountMin;
        if (next <= seedCount && inTime) worker.postMessage(next++);
        else resolve();
      };
      worker.on('message', (failure: string | undefined) => {
        if (failure !== undefined) failures.push(failure);
        give();
      });
      worker.on('error', reject);
      give();
    });
  const workers = Array.from(
    { length: Math.min(4, availableParallelism()) },
    () => new Worker(new URL('./seed-worker.ts', import.meta.url)),
  );
  try {
    await Promise.all(workers.map(work));
  } finally {
    for (const worker of workers) await worker.terminate();
  }
  if (isCi) assert.equal(next - 1, seedCount);
  else if (next <= seedCount) t.diagnostic(`${next - 1} of ${seedCount} seeds in the time that there is`);
  assert.deepEqual(failures.join('\n\n'), '');
});
