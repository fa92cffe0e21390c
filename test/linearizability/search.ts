// Is there an order of concurrent operations in which each could have happened at one moment between its begin and its end? The
// search of Wing and Gong, with Lowe's memory of configurations that led nowhere.

export interface Model<State, Step> {
  readonly initial: State;
  /** The state behind it; undefined: it cannot have happened there. */
  step(state: State, step: Step): State | undefined;
  /** Equal for equal states. */
  textOf(state: State): string;
}

export interface Interval<Step> {
  readonly step: Step;
  readonly call: number;
  /** Infinity: it may happen at any time from its call on, or never. */
  readonly end: number;
}

export type Verdict<Step> =
  | { readonly type: 'linearizable' }
  /** `blocked`: what could not be placed, behind the longest order that was found. */
  | { readonly type: 'impossible'; readonly blocked: Step; readonly order: readonly Step[] }
  | { readonly type: 'undecided' };

interface Frame<State> {
  readonly state: State;
  readonly candidates: readonly number[];
  /** Of the candidates, those that were tried. */
  tried: number;
}

export function search<State, Step>(
  given: readonly Interval<Step>[],
  model: Model<State, Step>,
  configurationsMax = 200_000,
): Verdict<Step> {
  const all = given.toSorted((a, b) => a.call - b.call);
  const certain = all.filter((one) => one.end !== Infinity);
  // Those behind the certain ones: they are tried last, because what nobody saw mostly did not happen.
  const entries = [...certain, ...all.filter((one) => one.end === Infinity)];
  const done = new Uint8Array(entries.length);
  let left = certain.length;
  if (left === 0) return { type: 'linearizable' };

  /** Who may be next: whoever began before the first end among those that are missing. */
  const candidatesNow = (): { candidates: number[]; firstEnd: number } => {
    let firstEnd = -1;
    for (let index = 0; index < certain.length; index++) {
      if (firstEnd >= 0 && entries[index]!.call > entries[firstEnd]!.end) break;
      if (done[index] === 0 && (firstEnd < 0 || entries[index]!.end < entries[firstEnd]!.end)) firstEnd = index;
    }
    const limit = entries[firstEnd]!.end;
    const candidates: number[] = [];
    entries.forEach((entry, index) => {
      if (done[index] === 0 && entry.call < limit) candidates.push(index);
    });
    return { candidates, firstEnd };
  };

  const seen = new Set<string>();
  const order: number[] = [];
  const start = candidatesNow();
  let longest: readonly number[] = [];
  let blocked = start.firstEnd;
  const frames: Frame<State>[] = [{ state: model.initial, candidates: start.candidates, tried: 0 }];
  while (frames.length > 0) {
    const frame = frames.at(-1)!;
    const next = frame.candidates[frame.tried++];
    if (next === undefined) {
      frames.pop();
      const back = order.pop();
      if (back !== undefined) {
        done[back] = 0;
        if (back < certain.length) left++;
      }
      continue;
    }
    const state = model.step(frame.state, entries[next]!.step);
    if (state === undefined) continue;
    done[next] = 1;
    const configuration = `${Buffer.from(done).toString('latin1')}${model.textOf(state)}`;
    if (seen.has(configuration)) {
      done[next] = 0;
      continue;
    }
    if (seen.size >= configurationsMax) return { type: 'undecided' };
    seen.add(configuration);
    order.push(next);
    if (next < certain.length) left--;
    if (left === 0) return { type: 'linearizable' };
    const { candidates, firstEnd } = candidatesNow();
    if (order.length > longest.length) {
      longest = [...order];
      blocked = firstEnd;
    }
    frames.push({ state, candidates, tried: 0 });
  }
  return { type: 'impossible', blocked: entries[blocked]!.step, order: longest.map((index) => entries[index]!.step) };
}
