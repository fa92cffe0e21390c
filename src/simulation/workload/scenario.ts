// What happens when, drawn from a seed: data, so that it can be printed, replayed and made smaller.
import type { Profile } from '../world/cluster.ts';
import { Dice } from '../world/dice.ts';
import { faults } from './faults.ts';
import { userActions } from './user-actions.ts';

export interface Step {
  readonly atMs: number;
  /** A key of `userActions` or of `faults`. */
  readonly action: string;
  /** Its own dice. */
  readonly seed: number;
}
export interface Scenario {
  readonly seed: number;
  readonly profile: Profile;
  readonly steps: readonly Step[];
}

const namesByWeight = (table: Readonly<Record<string, { readonly weight: number }>>) => {
  const rows = Object.entries(table);
  const total = rows.reduce((sum, [, { weight }]) => sum + weight, 0);
  return (dice: Dice): string => {
    let left = (dice.between(0, 999_999) / 1_000_000) * total;
    for (const [name, { weight }] of rows) if ((left -= weight) < 0) return name;
    return rows.at(-1)![0];
  };
};

export const defaultSteps = 40;

export function scenarioOf(seed: number, stepCount: number = defaultSteps): Scenario {
  const dice = new Dice(seed).fork('scenario');
  const remote = dice.chance(0.4);
  const profile: Profile = {
    nodes: dice.between(1, 3),
    controllerLatencyMs: remote ? dice.between(1, 30) : 0,
    nodeLatencyMs: dice.pick([1, 5, 50]) ?? 5,
    commitMs: dice.pick([0, 1, 5, 50]) ?? 1,
    runtimeCallMs: dice.pick([1, 10, 100]) ?? 10,
    historyEvents: dice.pick([50, 500, 10_000]) ?? 500,
  };
  const [userAction, fault] = [namesByWeight(userActions), namesByWeight(faults)];
  const faultShare = dice.pick([0, 0.1, 0.25, 0.4]) ?? 0.1;
  const pauseMs = dice.pick([500, 3_000, 10_000]) ?? 3_000;
  const steps: Step[] = [{ atMs: 3_000, action: 'make the namespaces', seed: 0 }];
  for (let atMs = 4_000; steps.length < stepCount; atMs += dice.around(pauseMs)) {
    const action = steps.length > 5 && dice.chance(faultShare) ? fault(dice) : userAction(dice);
    steps.push({ atMs: Math.round(atMs), action, seed: dice.between(0, 2 ** 30) });
  }
  return { seed, profile, steps };
}
