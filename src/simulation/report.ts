// What a person reads of a run: the verdict, and how to see it again.
import type { RunResult } from './run.ts';
import type { Scenario } from './workload/scenario.ts';

export const passed = (result: RunResult): boolean => result.violations.length === 0;

export function replayCommand(scenario: Scenario, keep: Scenario = scenario): string {
  const kept = keep.steps.map((one) => scenario.steps.indexOf(one));
  const only = kept.length === scenario.steps.length ? '' : ` --only ${kept.join(',')}`;
  return `npm run simulation -- --seed ${scenario.seed} --steps ${scenario.steps.length}${only} --trace`;
}

export function failureText(scenario: Scenario, result: RunResult, keep: Scenario = scenario): string {
  const profile = Object.entries(scenario.profile).map(([name, value]) => `${name} ${value}`);
  return [
    `seed ${scenario.seed} breaks what must hold:`,
    ...result.violations.map(({ atMs, rule, message }) => `  at ${(atMs / 1_000).toFixed(3)} s: ${rule}: ${message}`),
    `  cluster: ${profile.join(', ')}`,
    ...keep.steps.map(
      (step) => `  step ${scenario.steps.indexOf(step)} at ${(step.atMs / 1_000).toFixed(3)} s: ${step.action}`,
    ),
    `see it with: ${replayCommand(scenario, keep)}`,
  ].join('\n');
}

/** The scenario with only these of its steps. */
export const onlySteps = (scenario: Scenario, kept: readonly number[]): Scenario => ({
  ...scenario,
  steps: scenario.steps.filter((_, index) => kept.includes(index)),
});
