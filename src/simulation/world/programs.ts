// What the containers of the simulated world do: the image says which program it is.
import type { Dice } from './dice.ts';

/** Runs for ever and answers when asked. */
export const serveImage = 'sim.local/serve:1';
export const serveImages = [serveImage, 'sim.local/serve:2', 'sim.local/serve:3'] as const;
/** Does its work and ends well. */
export const taskImage = 'sim.local/task:1';
/** As a task, but fails now and then. */
export const flakyImage = 'sim.local/flaky:1';
/** Serves for a while, then crashes. */
export const crashImage = 'sim.local/crash:1';
/** No registry has it. */
export const absentImage = 'sim.local/absent:1';

export interface Ending {
  readonly afterMs: number;
  readonly exitCode: number;
}

/** Undefined: it runs until it is stopped. `calm`: nothing fails any more. */
export function endingOf(image: string, dice: Dice, calm: boolean): Ending | undefined {
  switch (image) {
    case taskImage:
      return { afterMs: dice.between(500, 20_000), exitCode: 0 };
    case flakyImage:
      return { afterMs: dice.between(500, 10_000), exitCode: !calm && dice.chance(0.5) ? 1 : 0 };
    case crashImage:
      return calm ? undefined : { afterMs: dice.between(1_000, 60_000), exitCode: 1 };
    default:
      return undefined;
  }
}
