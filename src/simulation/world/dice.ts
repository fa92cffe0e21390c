// Decisions of a simulated world, drawn from one seeded stream each. Who needs independence forks: what one part draws then
// does not shift what another part gets.
import { fraction, type Random, seededRandom } from '#base/random.ts';

const mixSeed = (seed: number, label: string): number => {
  let mixed = seed >>> 0;
  for (const character of label) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return mixed;
};

export class Dice {
  readonly random: Random;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.random = seededRandom(mixSeed(seed, 'dice'));
  }
  /** The same label gives the same stream, whatever was drawn before. */
  fork(label: string): Dice {
    return new Dice(mixSeed(this.#seed, label));
  }
  chance(probability: number): boolean {
    return probability > 0 && fraction(this.random) < probability;
  }
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(fraction(this.random) * (to - from + 1));
  }
  /** Undefined for an empty list. */
  pick<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : list[this.between(0, list.length - 1)];
  }
  /** Mostly short, sometimes long, around `mean`; at most twenty times it. */
  around(mean: number): number {
    if (mean <= 0) return 0;
    return Math.min(20 * mean, -Math.log(1 - fraction(this.random)) * mean);
  }
}
