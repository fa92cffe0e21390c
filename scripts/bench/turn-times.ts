// The event loop's turns between two looks at /metrics.

/** Of `nodejs_eventloop_delay_seconds`: turns up to each bound, in order. */
export type Turns = readonly (readonly [boundSeconds: number, count: number])[];

export const parseTurns = (metrics: string): Turns =>
  [...metrics.matchAll(/^nodejs_eventloop_delay_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm)].map((found) => [
    found[1] === '+Inf' ? Infinity : Number(found[1]),
    Number(found[2]),
  ]);

/** The length below which 99 of 100 turns were, in ms, as Prometheus takes it from buckets. Undefined: none was measured. */
export function p99OfTurns(before: Turns, after: Turns): number | undefined {
  const counts = after.map(([bound, count], index): [number, number] => [bound, count - (before[index]?.[1] ?? 0)]);
  const total = counts.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const wanted = total * 0.99;
  let [lastBound, lastCount] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= wanted) {
      // Nobody knows how far above the last bound it is.
      if (bound === Infinity) return lastBound * 1000;
      return (lastBound + ((bound - lastBound) * (wanted - lastCount)) / (count - lastCount)) * 1000;
    }
    [lastBound, lastCount] = [bound, count];
  }
  return undefined;
}
