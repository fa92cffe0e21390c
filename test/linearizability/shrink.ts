// Makes a history of one object that has no order small, so that a person sees why. Each step keeps what it shows: a smaller history
// that has no order means that the larger one has none.
import { objectModel, type ObjectStep, stateOf } from './object-model.ts';
import { type Interval, search } from './search.ts';

type Entry = Interval<ObjectStep>;

export interface Shrunk {
  /** What was there before, if it matters. */
  readonly from: ObjectStep | undefined;
  /** In the order in which they were asked. */
  readonly entries: readonly Entry[];
}

const triesMax = 400;
/** Of those that could not be decided: each takes long. */
const undecidedMax = 3;

const isRead = ({ step: { action, outcome } }: Entry): boolean =>
  action.type === 'get' || outcome.type === 'missing' || outcome.type === 'exists' || outcome.type === 'conflict';

/** `entries` have no order. */
export function shrink(entries: readonly Entry[]): Shrunk {
  let tries = 0;
  let undecided = 0;
  const fails = (some: readonly Entry[], from?: ObjectStep): boolean => {
    if (tries++ >= triesMax || undecided >= undecidedMax) return false;
    const model = from === undefined ? objectModel : { ...objectModel, initial: stateOf(from) };
    const { type } = search(some, model, 20_000);
    if (type === 'undecided') undecided++;
    return type === 'impossible';
  };
  let left = firstFailure(entries, fails);
  let from: ObjectStep | undefined;
  for (const start of left.toReversed()) {
    const behind = behindWrite(start, left);
    if (behind !== undefined && fails(behind, start.step)) {
      [left, from] = [behind, start.step];
      break;
    }
  }
  for (const entry of left.filter((one) => isRead(one))) {
    const without = left.filter((one) => one !== entry);
    if (fails(without, from)) left = without;
  }
  return { from, entries: left.toSorted((a, b) => a.call - b.call) };
}

/** Up to the first moment at which it was clear. */
function firstFailure(entries: readonly Entry[], fails: (some: readonly Entry[]) => boolean): readonly Entry[] {
  const ends = entries
    .map(({ end }) => end)
    .filter(Number.isFinite)
    .toSorted((a, b) => a - b);
  let [low, high] = [0, ends.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fails(until(entries, ends[middle]!))) high = middle;
    else low = middle + 1;
  }
  const cut = until(entries, ends[low] ?? 0);
  return fails(cut) ? cut : entries;
}

/** What had been asked by then. What had no answer then may have been done, with the answer that came later. */
function until(entries: readonly Entry[], moment: number): readonly Entry[] {
  return entries.flatMap((entry) => {
    if (entry.call > moment) return [];
    if (entry.end <= moment) return [entry];
    return isRead(entry) ? [] : [{ ...entry, end: Infinity }];
  });
}

/** Without what was over before a write whose outcome is known and beside which there was no other; undefined: it is none. */
function behindWrite(start: Entry, entries: readonly Entry[]): readonly Entry[] | undefined {
  if (start.end === Infinity || isRead(start) || start.step.outcome.type !== 'version') return undefined;
  const others = entries.filter(
    (one) => one !== start && one.end >= start.call && !(isRead(one) && one.call <= start.end),
  );
  return others.some((one) => one.end !== Infinity && one.call <= start.end) ? undefined : others;
}
