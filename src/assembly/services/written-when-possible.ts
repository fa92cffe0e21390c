// What a start must write, whatever it takes: while the store takes nothing (it is full, its disk is, or it is out of reach) the start
// waits, tells why, and goes on by itself. Ending the process would make room nowhere.
import { ApiError } from '#api/status.ts';
import { sleep } from '#base/clock.ts';
import { storeRetryMs } from '#base/limits.ts';
import type { AssemblyContext } from '../parts.ts';

/** 503 and 504 are of a store that fails, 500 without a reason of one that is full. */
const isOfStore = (error: unknown): error is ApiError =>
  error instanceof ApiError &&
  (error.code === 503 || error.code === 504 || (error.code === 500 && error.reason === ''));

/** `work` may be done any number of times. Stays pending when the process is told to stop meanwhile. */
export async function writtenWhenPossible(
  { clock, logger, stopping, showProblems }: Pick<AssemblyContext, 'clock' | 'logger' | 'stopping' | 'showProblems'>,
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  let problem: string | undefined;
  for (;;)
    try {
      await work();
      if (problem !== undefined) logger.info(`${what} could be written now`);
      problem = undefined;
      return;
    } catch (error) {
      if (!isOfStore(error)) throw error;
      const before = problem;
      problem = `${what} cannot be written yet (${error.message}): the start goes on when they can`;
      if (problem !== before) logger.error(problem);
      showProblems(() => (problem === undefined ? [] : [problem]));
      try {
        await sleep(clock, storeRetryMs, stopping);
      } catch {
        return new Promise(() => {});
      }
    }
}
