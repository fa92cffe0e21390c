// Opens the data file, whatever it takes: SQLite works in the log that a crash left; a damaged file is replaced by the last
// snapshot, where the configuration says so; and what cannot be helped here is waited for, with the reason in `microshift status`.
// It never ends the process: a supervisor would start it again and again, to the same end.
import path from 'node:path';
import { type Clock, sleep } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import { storeRetryMs } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import type { Files } from '#host/files.ts';
import { fileBytes } from '#host/file-size.ts';
import { RowFileError, type RowFileFailure } from '#host/row-file.ts';
import { storeFileName } from '../backup/contents.ts';
import { checkNotMoved } from './moved.ts';
import { finishRepair, noticeText, readNotice, type RepairNotice, restoreSnapshot } from './repair.ts';

export interface DatastoreOptions<S> {
  readonly directory: string;
  readonly onDamage: 'restore' | 'stop';
  readonly open: () => Promise<S>;
  readonly files: Files;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  /** What is wrong at the moment; empty: nothing. */
  readonly show: (problems: readonly string[]) => void;
}

export interface OpenedDatastore<S> {
  readonly store: S;
  /** Of a repair that nobody has read of yet. */
  readonly notice: RepairNotice | undefined;
  /** It was made by this start. */
  readonly isRepaired: boolean;
}

/** Others may be over by themselves: a full disk, a disk that is not there yet. */
const lasting: ReadonlySet<RowFileFailure | undefined> = new Set<RowFileFailure | undefined>([
  'corrupt',
  'newer',
  undefined,
]);

const failureOf = (error: OperatorError): RowFileFailure | undefined =>
  error.cause instanceof RowFileError ? error.cause.failure : undefined;

/** Stays pending when the process is told to stop before it is open. */
export async function openDatastore<S>(options: DatastoreOptions<S>): Promise<OpenedDatastore<S>> {
  const { directory, files, clock, logger, stopping, show } = options;
  let isRepaired = false;
  let shown: string | undefined;
  for (;;) {
    let problem: string;
    let isLasting: boolean;
    try {
      await finishRepair(directory, files);
      await checkNotMoved(directory, files);
      await checkNotLost(directory, files);
      const store = await options.open();
      if (!(await files.exists(usedFile(directory)))) await files.writeAtomic(usedFile(directory), '', 0o600);
      show([]);
      return { store, notice: await readNotice(directory, files), isRepaired };
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      const failure = failureOf(error);
      // Another process has it: one of the two has to go.
      if (failure === 'busy' || failure === 'worker') throw error;
      problem = `${error.message}. ${error.remedy}`;
      isLasting = lasting.has(failure);
      if (failure === 'corrupt' && !isRepaired) {
        const outcome = await repair(options, error.message);
        isRepaired = outcome === undefined;
        if (isRepaired) continue;
        problem = `${error.message}; ${outcome}. Nothing is served and nothing is changed; containers go on. ${error.remedy}`;
      }
    }
    if (problem !== shown) logger.error(problem);
    shown = problem;
    show([problem]);
    try {
      await (isLasting ? untilStopped(stopping) : sleep(clock, storeRetryMs, stopping));
    } catch {
      return new Promise(() => {});
    }
  }
}

/** Beside a file in which a cluster has been kept. */
const usedFile = (directory: string): string => path.join(directory, 'in-use');

/** SQLite takes an empty file for a new one, and a log beside it for none of its own: that would be an empty cluster. */
async function checkNotLost(directory: string, files: Files): Promise<void> {
  const file = path.join(directory, storeFileName);
  if (fileBytes(file) > 0 || !(await files.exists(usedFile(directory)))) return;
  throw new OperatorError(
    `the data file ${file} is ${(await files.exists(file)) ? 'empty' : 'gone'}, and a cluster was in it`,
    `Restore a backup. To begin with an empty cluster, move ${directory} away.`,
    { cause: new RowFileError('corrupt', 'it is empty') },
  );
}

/** Undefined: it was done. Otherwise why not. */
async function repair(options: DatastoreOptions<unknown>, reason: string): Promise<string | undefined> {
  const { directory, onDamage, logger } = options;
  if (onDamage === 'stop') return 'by datastore.onDamage no snapshot is put in its place';
  const outcome = await restoreSnapshot(directory, reason, options);
  if (typeof outcome === 'string') return outcome;
  logger.error(noticeText(outcome, directory));
  return undefined;
}

function untilStopped(stopping: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (stopping.aborted) reject(stopping.reason);
    stopping.addEventListener('abort', () => reject(stopping.reason), { once: true });
  });
}
