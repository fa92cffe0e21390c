// Sets of completion indexes as a Job's status writes them: `1,3-5,7`. Immutable.

interface Interval {
  readonly first: number;
  readonly last: number;
}

export class IndexSet {
  readonly intervals: readonly Interval[];

  private constructor(intervals: readonly Interval[]) {
    this.intervals = intervals;
  }
  static of(indexes: Iterable<number>): IndexSet {
    const sorted = [...new Set(indexes)].toSorted((one, other) => one - other);
    return new IndexSet(merged(sorted.map((index) => ({ first: index, last: index }))));
  }
  /** What cannot be read is left out, and so is everything from `completions` on. */
  static parse(text: string | undefined, completions: number): IndexSet {
    const intervals: Interval[] = [];
    for (const part of (text ?? '').split(',')) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (match === null) continue;
      const first = Number(match[1]);
      if (first >= completions) break;
      intervals.push({ first, last: Math.min(match[2] === undefined ? first : Number(match[2]), completions - 1) });
    }
    return new IndexSet(merged(intervals));
  }
  get size(): number {
    return this.intervals.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }
  has(index: number): boolean {
    return this.intervals.some(({ first, last }) => first <= index && index <= last);
  }
  with(other: IndexSet): IndexSet {
    return new IndexSet(
      merged([...this.intervals, ...other.intervals].toSorted((one, next) => one.first - next.first)),
    );
  }
  /** How many indexes both have. */
  overlap(other: IndexSet): number {
    let count = 0;
    for (const one of this.intervals)
      for (const two of other.intervals)
        count += Math.max(0, Math.min(one.last, two.last) - Math.max(one.first, two.first) + 1);
    return count;
  }
  /** The first `count` indexes below `completions` that are not in the set. */
  missing(count: number, completions: number): readonly number[] {
    const found: number[] = [];
    let candidate = 0;
    for (const { first, last } of [...this.intervals, { first: completions, last: completions }]) {
      for (; candidate < Math.min(first, completions) && found.length < count; candidate++) found.push(candidate);
      candidate = Math.max(candidate, last + 1);
    }
    return found;
  }
  toString(): string {
    return this.intervals
      .map(({ first, last }) =>
        last === first ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`,
      )
      .join(',');
  }
}

function merged(sorted: readonly Interval[]): readonly Interval[] {
  const result: { first: number; last: number }[] = [];
  for (const { first, last } of sorted) {
    const before = result.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else result.push({ first, last });
  }
  return result;
}
