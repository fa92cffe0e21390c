// Waits for a disk that takes nothing: one that is read-only, or one that is full where nothing is there yet. A process that ended
// would be started again each second, to the same end. On a full disk with a cluster on it the start goes on: that can be read.
import { type Clock, sleep } from '#base/clock.ts';
import { firstStartBytesMin, storeRetryMs } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import { type DiskState, diskState } from '#host/disk-state.ts';
import { fileBytes } from '#host/file-size.ts';
import type { ServiceNotifier } from '#host/notify.ts';
import { storeFile } from './backup/contents.ts';

interface DiskWait {
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly notifier: Pick<ServiceNotifier, 'notify'>;
  readonly stop: AbortSignal;
  /** Default: of the real disk. */
  readonly look?: ((directory: string) => DiskState) | undefined;
}

const megabytes = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)} MB`;

function problemOf({ dataDirectory, look = diskState }: DiskWait): string | undefined {
  const { isReadOnly, freeBytes } = look(dataDirectory);
  if (isReadOnly)
    return `the disk of the data directory ${dataDirectory} is read-only: make it writable (dmesg may say why it is not)`;
  if (freeBytes >= firstStartBytesMin || fileBytes(storeFile(dataDirectory)) > 0) return undefined;
  return `the disk of the data directory ${dataDirectory} has ${megabytes(freeBytes)} left, and a first start needs ${megabytes(firstStartBytesMin)}: make room on it`;
}

/** False: it was told to stop meanwhile. */
async function pause({ clock, stop }: DiskWait): Promise<boolean> {
  try {
    await sleep(clock, storeRetryMs, stop);
    return true;
  } catch {
    return false;
  }
}

/** False: it was told to stop before that. */
export async function untilUsable(wait: DiskWait): Promise<boolean> {
  const { logger, notifier } = wait;
  for (let shown: string | undefined; ;) {
    const problem = problemOf(wait);
    if (problem === undefined) {
      if (shown !== undefined) logger.info('the disk of the data directory can be used now');
      return true;
    }
    if (problem !== shown) {
      logger.error(`${problem}. Nothing is served until then; containers go on.`);
      // A supervisor would end a start that takes long, and begin it anew.
      notifier.notify('READY=1', `STATUS=${problem}`);
    }
    shown = problem;
    if (!(await pause(wait))) return false;
  }
}

/** Behind a start that failed for the disk: a while, so that a supervisor's next one may find it better. */
export async function afterDiskFailure(wait: DiskWait): Promise<void> {
  wait.logger.error('the disk failed this start: the next one is begun in a while, when there is room');
  if (await pause(wait)) await untilUsable(wait);
}
