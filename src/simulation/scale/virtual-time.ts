// Work whose clock goes as fast as the work is done: nobody waits for a timer, so a run takes what the processor takes. Unlike runs from a
// seed it is not to be repeated to the byte.
import type { Clock } from '#base/clock.ts';
import { Life, Timeline } from '../world/timeline.ts';

/** So much time passes at most for each turn of the event loop in which no timer is due: what comes from outside is not outrun by far. */
const stepMs = 10;

/** Rejects as the work does. `wallMs`: what the clock shows at its begin. */
export async function onVirtualTime<T>(wallMs: number, work: (clock: Clock) => Promise<T>): Promise<T> {
  const timeline = new Timeline(wallMs);
  let outcome: PromiseSettledResult<T> | undefined;
  const ended = work(new Life('virtual time', timeline).clock).then(
    (value) => void (outcome = { status: 'fulfilled', value }),
    (reason: unknown) => void (outcome = { status: 'rejected', reason }),
  );
  while (outcome === undefined) await timeline.runFor(stepMs);
  await ended;
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}
