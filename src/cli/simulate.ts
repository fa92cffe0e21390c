// `microshift simulate`: the whole cluster in memory, on virtual time, from a seed, with faults; says what breaks and how to see it.
import { failureText, onlySteps, passed } from '#simulation/report.ts';
import { runScenario } from '#simulation/run.ts';
import { shrink } from '#simulation/shrink.ts';
import { defaultSteps, scenarioOf } from '#simulation/workload/scenario.ts';
import { exitFailed, UsageError } from './command.ts';

export interface SimulateFlags {
  readonly seed: string;
  readonly seeds: string;
  readonly steps?: string;
  readonly only?: string;
  readonly trace?: boolean;
  readonly shrink?: boolean;
}

const shrinkRunsMax = 150;

function wholeNumber(text: string, flag: string, from: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= from) return value;
  throw new UsageError(`${flag} ${text} is not a whole number from ${from} on.`, `For example ${flag} ${from + 16}.`);
}

export async function simulate(flags: SimulateFlags): Promise<number> {
  const first = wholeNumber(flags.seed, '--seed', 0);
  const count = wholeNumber(flags.seeds, '--seeds', 1);
  const steps = wholeNumber(flags.steps ?? String(defaultSteps), '--steps', 1);
  const only = flags.only?.split(',').map((one) => wholeNumber(one, '--only', 0));
  const onLine = flags.trace === true ? (line: string) => console.log(line) : undefined;
  let failed = 0;
  for (let seed = first; seed < first + count; seed++) {
    const whole = scenarioOf(seed, steps);
    const scenario = only === undefined ? whole : onlySteps(whole, only);
    const result = await runScenario(scenario, { onLine });
    if (passed(result)) {
      const minutes = (result.virtualMs / 60_000).toFixed(1);
      console.log(
        `seed ${seed}: ok, ${result.revisions} revisions in ${minutes} virtual minutes, ${result.digest.slice(0, 12)}`,
      );
      continue;
    }
    failed++;
    if (flags.shrink === true) {
      const smaller = await shrink(scenario, result, { runsMax: shrinkRunsMax });
      console.log(failureText(whole, smaller.result, smaller.scenario));
    } else console.log(failureText(whole, result, scenario));
  }
  if (count > 1) console.log(`${count - failed} of ${count} seeds are well`);
  return failed === 0 ? 0 : exitFailed;
}
