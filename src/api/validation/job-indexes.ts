// Indexes of a Job's Pods as text: `1,3-5,7`, in increasing order and below the number of completions.

type Interval = readonly [first: number, last: number];

const integer = /^[+-]?\d+$/;

/** The interval, or what is wrong with it. */
function intervalOf(text: string, completions: number): Interval | string {
  const parts = text.split('-');
  if (parts.length > 2)
    return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  const numbers: number[] = [];
  for (const part of parts) {
    if (!integer.test(part)) return `cannot convert string to integer for index: ${JSON.stringify(part)}`;
    if (Number(part) >= completions) return `too large index: ${JSON.stringify(part)}`;
    numbers.push(Number(part));
  }
  const [first = 0, last = first] = numbers;
  return parts.length === 2 && first >= last
    ? `non-increasing order, previous: ${first}, current: ${last}`
    : [first, last];
}

/** How many indexes there are, or what is wrong. */
export function countIndexes(text: string, completions: number): number | string {
  if (text === '') return 0;
  let previous: number | undefined;
  let count = 0;
  for (const part of text.split(',')) {
    const interval = intervalOf(part, completions);
    if (typeof interval === 'string') return interval;
    const [first, last] = interval;
    if (previous !== undefined && previous >= first)
      return `non-increasing order, previous: ${previous}, current: ${first}`;
    count += last - first + 1;
    previous = last;
  }
  return count;
}

/** An index that is in both; what no one can read is passed over. Both are in order. */
export function commonIndex(left: string, right: string, completions: number): number | undefined {
  const intervals = (text: string): Interval[] =>
    text === ''
      ? []
      : text.split(',').flatMap((part) => {
          const interval = intervalOf(part, completions);
          return typeof interval === 'string' ? [] : [interval];
        });
  const [a, b] = [intervals(left), intervals(right)];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const [[fromA, toA], [fromB, toB]] = [a[i]!, b[j]!];
    if (fromA <= toB && fromB <= toA) return Math.max(fromA, fromB);
    if (fromA <= fromB) i++;
    else j++;
  }
  return undefined;
}
