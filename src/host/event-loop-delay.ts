// How long the turns of the event loop take: what is ready meanwhile (a probe, a heartbeat, a name to resolve) waits so long.
// Measured by Node at each turn, without a timer of its own: an idle process makes no turns and measures nothing.
import { monitorEventLoopDelay, type ELDHistogram } from 'node:perf_hooks';
import { boundText, familyText, type Family, type Line } from '#base/metrics/families.ts';

const nanoseconds = 1e9;
const boundsSeconds = [0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 5];

/** What is read of Node's histogram; values are in nanoseconds. */
export type TurnTimes = Pick<ELDHistogram, 'count' | 'mean' | 'percentile'>;

/** How many of the values are at most `bound`, to three digits: Node's histogram tells the value at a place, not the place of a value. */
function countUpTo(times: TurnTimes, count: number, bound: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    // The value of the place `middle`, of `count`: a little before it, so that it is this one whether Node rounds or rounds up.
    if (times.percentile(((middle - 0.25) / count) * 100) <= bound) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function delayLines(times: TurnTimes): Line[] {
  const { count } = times;
  const lines = boundsSeconds.map((bound): Line => [
    '_bucket',
    { le: boundText(bound) },
    count === 0 ? 0 : countUpTo(times, count, bound * nanoseconds),
  ]);
  return [
    ...lines,
    ['_bucket', { le: '+Inf' }, count],
    ['_sum', {}, count === 0 ? 0 : (times.mean * count) / nanoseconds],
    ['_count', {}, count],
  ];
}

let measured: ELDHistogram | undefined;

/** For the whole process, from now on. */
export function measureEventLoopDelay(): void {
  measured = monitorEventLoopDelay({ samplePerIteration: true });
  measured.enable();
  // Node takes the wait that it is begun in for work: so that this turn does not wait.
  setImmediate(() => {});
}

/** Tells nothing in a process that does not measure. */
export const eventLoopDelayFamily: Family = {
  name: 'nodejs_eventloop_delay_seconds',
  text: () =>
    measured === undefined
      ? ''
      : familyText(
          'nodejs_eventloop_delay_seconds',
          'histogram',
          'Turns of the event loop by how long they took.',
          delayLines(measured),
        ),
};
