// One look at what is left: which thresholds are met and for how long, which conditions the node has, and which threshold is
// to be acted upon. Upstream's order. Pure.
import { amountOfThreshold, type PressureCondition, type Signal, signals, type Threshold } from './thresholds.ts';

export interface Observation {
  readonly available: number;
  readonly capacity: number;
}
export type Observations = Readonly<Partial<Record<Signal, Observation>>>;

/** From one look to the next. */
export interface EvictionMemory {
  readonly firstMetMs: ReadonlyMap<Threshold, number>;
  readonly conditionSeenMs: ReadonlyMap<PressureCondition, number>;
  /** Met through their grace, and not yet over. */
  readonly met: readonly Threshold[];
}
export const noMemory: EvictionMemory = { firstMetMs: new Map(), conditionSeenMs: new Map(), met: [] };

export interface EvictionDecision {
  readonly memory: EvictionMemory;
  readonly conditions: readonly PressureCondition[];
  /** To be acted upon, the most urgent first. */
  readonly due: readonly Threshold[];
}

export function metThresholds(
  thresholds: readonly Threshold[],
  observations: Observations,
  withReclaim: boolean,
): readonly Threshold[] {
  return thresholds.filter(({ signal, value, minimumReclaim }) => {
    const seen = observations[signal];
    if (seen === undefined) return false;
    const reclaim = withReclaim && minimumReclaim !== undefined ? amountOfThreshold(minimumReclaim, seen.capacity) : 0;
    return seen.available < amountOfThreshold(value, seen.capacity) + reclaim;
  });
}

export function decideEviction(input: {
  readonly memory: EvictionMemory;
  readonly thresholds: readonly Threshold[];
  readonly observations: Observations;
  readonly nowMs: number;
  /** So long a condition stays after it was last seen. */
  readonly transitionMs: number;
}): EvictionDecision {
  const { memory, thresholds, observations, nowMs, transitionMs } = input;
  const now = metThresholds(thresholds, observations, false);
  const unresolved = metThresholds(memory.met, observations, true);
  const current = [...now, ...unresolved.filter((one) => !now.includes(one))];
  const firstMetMs = new Map(current.map((one) => [one, memory.firstMetMs.get(one) ?? nowMs] as const));
  const conditionSeenMs = new Map(memory.conditionSeenMs);
  for (const one of current) conditionSeenMs.set(signals[one.signal].condition, nowMs);
  const conditions: PressureCondition[] = [];
  for (const [condition, seenMs] of conditionSeenMs)
    if (nowMs - seenMs < transitionMs) conditions.push(condition);
    else if (seenMs !== nowMs) conditionSeenMs.delete(condition);
  const met = current.filter((one) => nowMs - firstMetMs.get(one)! >= one.graceMs);
  const isMemory = (one: Threshold) => signals[one.signal].resource === 'memory';
  return {
    memory: { firstMetMs, conditionSeenMs, met },
    conditions,
    due: [...met.filter(isMemory), ...met.filter((one) => !isMemory(one))],
  };
}
