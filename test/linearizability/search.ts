// Is there an order of concurrent operations in which each could have happened at one moment between its begin and its end? The
// search of Wing and Gong, with Lowe's memory of configurations that led nowhere.

export interface Model<State, Step> {
  readonly initial: State;
  /** The state behind it; undefined: it cannot have happened there. */
  step(state: State, step: Step): State | undefined;
  /** Equal for states that behave alike. */
  textOf(state: State): string;
  /** Equal for steps that nobody can tell apart, of those that may never have happened: one stands for all. */
  kindOf(step: Step): string;
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

/** Negative: one of the uncertain kind of this number (-1 is the first); else a certain operation. */
type Choice = number;

interface Frame<State> {
  readonly state: State;
  readonly choices: readonly Choice[];
  /** Of the choices, those that were tried. */
  tried: number;
}

export function search<State, Step>(
  given: readonly Interval<Step>[],
  model: Model<State, Step>,
  configurationsMax = 200_000,
): Verdict<Step> {
  const byCall = given.toSorted((a, b) => a.call - b.call);
  const certain = byCall.filter((one) => one.end !== Infinity);
  // Of a kind the one that was asked for first goes first: it may be wherever a later one may be, and so nothing is missed.
  const kinds = [
    ...Map.groupBy(
      byCall.filter((one) => one.end === Infinity),
      ({ step }) => model.kindOf(step),
    ).values(),
  ];
  const done = new Uint8Array(certain.length);
  const used = new Uint16Array(kinds.length);
  let left = certain.length;
  if (left === 0) return { type: 'linearizable' };

  /** Who may be next: whoever began before the first end among those that are missing. */
  const choicesNow = (): { choices: Choice[]; firstEnd: number } => {
    let firstEnd = -1;
    const open: number[] = [];
    for (const [index, { call, end }] of certain.entries()) {
      if (firstEnd >= 0 && call > certain[firstEnd]!.end) break;
      if (done[index] !== 0) continue;
      open.push(index);
      if (firstEnd < 0 || end < certain[firstEnd]!.end) firstEnd = index;
    }
    const limit = certain[firstEnd]!.end;
    const choices: Choice[] = open.filter((index) => certain[index]!.call < limit);
    // Last: what nobody saw mostly did not happen.
    for (const [kind, ones] of kinds.entries()) {
      const next = ones[used[kind]!];
      if (next !== undefined && next.call < limit) choices.push(-1 - kind);
    }
    return { choices, firstEnd };
  };
  const stepOf = (choice: Choice): Step =>
    choice >= 0 ? certain[choice]!.step : kinds[-1 - choice]![used[-1 - choice]!]!.step;
  const take = (choice: Choice, direction: 1 | -1): void => {
    if (choice < 0) {
      used[-1 - choice]! += direction;
      return;
    }
    done[choice] = direction === 1 ? 1 : 0;
    left -= direction;
  };

  // By what was done and the state: how many of the uncertain had been used. Where fewer led nowhere, more do neither.
  const seen = new Map<string, Uint16Array[]>();
  let configurations = 0;
  const isNew = (state: State): boolean => {
    const configuration = `${Buffer.from(done).toString('latin1')}${model.textOf(state)}`;
    const before = seen.get(configuration);
    if (before?.some((fewer) => fewer.every((count, kind) => count <= used[kind]!)) === true) return false;
    configurations++;
    if (before === undefined) seen.set(configuration, [used.slice()]);
    else before.push(used.slice());
    return true;
  };
  const start = choicesNow();
  const order: { choice: Choice; step: Step }[] = [];
  let longest: readonly Step[] = [];
  let blocked = start.firstEnd;
  let leastLeft = left;
  const frames: Frame<State>[] = [{ state: model.initial, choices: start.choices, tried: 0 }];
  while (frames.length > 0) {
    const frame = frames.at(-1)!;
    const choice = frame.choices[frame.tried++];
    if (choice === undefined) {
      frames.pop();
      const back = order.pop();
      if (back !== undefined) take(back.choice, -1);
      continue;
    }
    const step = stepOf(choice);
    const state = model.step(frame.state, step);
    if (state === undefined) continue;
    take(choice, 1);
    if (!isNew(state)) {
      take(choice, -1);
      continue;
    }
    if (configurations > configurationsMax) return { type: 'undecided' };
    order.push({ choice, step });
    if (left === 0) return { type: 'linearizable' };
    const { choices, firstEnd } = choicesNow();
    if (left < leastLeft) {
      longest = order.map((one) => one.step);
      blocked = firstEnd;
      leastLeft = left;
    }
    frames.push({ state, choices, tried: 0 });
  }
  return { type: 'impossible', blocked: certain[blocked]!.step, order: longest };
}
