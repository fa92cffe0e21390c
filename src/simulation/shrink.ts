// Makes a failing scenario smaller: takes steps out as long as the same rule is broken. Bounded; the result still fails.
import { type RunOptions, type RunResult, runScenario } from './run.ts';
import type { Scenario } from './workload/scenario.ts';

export interface Shrunk {
  readonly scenario: Scenario;
  readonly result: RunResult;
  readonly runs: number;
}

export async function shrink(
  scenario: Scenario,
  result: RunResult,
  options: RunOptions & { readonly runsMax: number },
): Promise<Shrunk> {
  const rule = result.violations[0]?.rule;
  let best: Shrunk = { scenario, result, runs: 0 };
  let runs = 0;
  for (let size = Math.ceil(scenario.steps.length / 2); size >= 1 && runs < options.runsMax;) {
    let isSmaller = false;
    for (let from = 0; from < best.scenario.steps.length && runs < options.runsMax;) {
      const steps = best.scenario.steps.filter((_, index) => index < from || index >= from + size);
      const smaller = { ...scenario, steps };
      runs++;
      const again = await runScenario(smaller, options);
      if (again.violations.some((one) => one.rule === rule)) {
        best = { scenario: smaller, result: again, runs };
        isSmaller = true;
      } else from += size;
    }
    if (!isSmaller || size > best.scenario.steps.length) size = size === 1 ? 0 : Math.ceil(size / 2);
  }
  return { ...best, runs };
}
