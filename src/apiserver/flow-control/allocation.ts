// How many seats each priority level has: its nominal share of the server's, and what levels that do not need theirs lend to
// those that do. Pure. KEP-1040, "Dispatching, seats and borrowing".
import type { PriorityLevelConfiguration } from '#api/generated/types.ts';

export interface LevelLimits {
  readonly nominal: number;
  /** What it always has, whatever others borrow. */
  readonly lower: number;
  readonly upper: number;
}

const defaultShares = 30;

/** Seats wanted over one period, in work and waiting. */
export interface SeatDemand {
  readonly highWatermark: number;
  readonly average: number;
  readonly standardDeviation: number;
}

export function nominalLimits(
  levels: readonly PriorityLevelConfiguration[],
  totalSeats: number,
): Map<string, LevelLimits> {
  const sharesOf = ({ spec }: PriorityLevelConfiguration): number =>
    spec.type === 'Exempt'
      ? (spec.exempt?.nominalConcurrencyShares ?? 0)
      : (spec.limited?.nominalConcurrencyShares ?? defaultShares);
  const sum = levels.reduce((total, one) => total + sharesOf(one), 0);
  return new Map(
    levels.map((one) => {
      const { exempt, limited } = one.spec;
      const nominal = sum === 0 ? 0 : Math.ceil((totalSeats * sharesOf(one)) / sum);
      const lendablePercent = exempt?.lendablePercent ?? limited?.lendablePercent ?? 0;
      const lower = nominal - Math.round((nominal * lendablePercent) / 100);
      const percent = limited?.borrowingLimitPercent;
      const upper = nominal + (percent === undefined ? totalSeats : Math.round((nominal * percent) / 100));
      return [one.metadata.name!, { nominal, lower, upper }];
    }),
  );
}

/** Half of a peak of demand is forgotten after five minutes of one period each ten seconds. */
const decay = 0.977;

export function smoothed(before: number, { average, standardDeviation }: SeatDemand): number {
  const envelope = average + standardDeviation;
  return Math.max(envelope, decay * before + (1 - decay) * envelope);
}

export interface LevelDemand extends LevelLimits {
  readonly name: string;
  readonly isExempt: boolean;
  readonly highWatermark: number;
  readonly smoothed: number;
}

const smallestTarget = 0.001;

/** The seats of each limited level for the next period. */
export function allocate(levels: readonly LevelDemand[], totalSeats: number): Map<string, number> {
  const limited = levels.filter((one) => !one.isExempt);
  let remaining = totalSeats;
  for (const one of levels) if (one.isExempt) remaining -= Math.max(one.lower, one.highWatermark);
  const items = limited.map((one) => {
    const lower = Math.max(one.lower, Math.min(one.nominal, one.highWatermark));
    return { one, lower, upper: Math.max(lower, one.upper), target: Math.max(lower, one.smoothed, smallestTarget) };
  });
  const configured = items.reduce((sum, { one }) => sum + one.lower, 0);
  const needed = items.reduce((sum, { lower }) => sum + lower, 0);
  const rounded = (seats: (item: (typeof items)[number]) => number): Map<string, number> =>
    new Map(items.map((item) => [item.one.name, Math.max(1, Math.round(seats(item)))]));
  if (remaining <= configured) return rounded(({ one }) => one.lower);
  if (remaining <= needed) {
    const fraction = (remaining - configured) / (needed - configured);
    return rounded(({ one, lower }) => one.lower + (lower - one.lower) * fraction);
  }
  const clamped = (item: (typeof items)[number], proportion: number): number =>
    Math.min(item.upper, Math.max(item.lower, proportion * item.target));
  // The one proportion at which all is given away; more than everybody may have stays with nobody.
  let low = 0;
  let high = totalSeats / smallestTarget;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (items.reduce((sum, item) => sum + clamped(item, middle), 0) > totalSeats) high = middle;
    else low = middle;
  }
  return rounded((item) => clamped(item, low));
}
