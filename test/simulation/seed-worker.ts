// Runs the seeds that its parent gives, one after the other; each answer is a seed's failure, or undefined.
import { parentPort } from 'node:worker_threads';
import { failureText, passed } from '#simulation/report.ts';
import { runScenario } from '#simulation/run.ts';
import { scenarioOf } from '#simulation/workload/scenario.ts';

parentPort!.on('message', (seed: number) => {
  const scenario = scenarioOf(seed);
  runScenario(scenario).then(
    (result) => parentPort!.postMessage(passed(result) ? undefined : failureText(scenario, result)),
    (error: unknown) =>
      parentPort!.postMessage(`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`),
  );
});
