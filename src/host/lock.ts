// An exclusive lock on a directory, held by the kernel for as long as this process lives: no stale lock after a crash,
// and no mistake across PID or network namespaces. flock(2) is reached by node:ffi, since Node has no call for it.
import { closeSync, constants, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { OperatorError, messageOf } from '#base/errors.ts';

export const lockFileName = 'microshift.lock';
const lockExclusive = 2;
const lockNonBlocking = 4;

/** One by one: Node's own recursive mkdir never returns where the kernel allows no directories, such as below /proc. */
function makeDirectories(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectories(path.dirname(directory));
  mkdirSync(directory, { mode: 0o700 });
}

/** Locks `directory` (made when missing, mode 0700) or throws an OperatorError that names the process which holds it. */
export async function lockDirectory(directory: string): Promise<Disposable> {
  const file = path.join(directory, lockFileName);
  let descriptor: number;
  try {
    makeDirectories(path.resolve(directory));
    descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  } catch (error) {
    throw new OperatorError(
      `The data directory ${directory} cannot be used: ${messageOf(error)}.`,
      'Choose a directory that this user may write, with --data-dir or dataDir in the configuration file.',
      { cause: error },
    );
  }
  const { dlopen } = await import('node:ffi');
  const library = dlopen(null, { flock: { arguments: ['i32', 'i32'], return: 'i32' } });
  try {
    if (library.functions.flock(descriptor, lockExclusive | lockNonBlocking) !== 0) {
      const holder = readFileSync(descriptor, 'utf8').trim();
      closeSync(descriptor);
      throw new OperatorError(
        `Another MicroShift${holder === '' ? '' : ` (process ${holder})`} is running on the data directory ${directory}.`,
        `Stop it first${holder === '' ? '' : ` (kill ${holder}, or systemctl stop microshift)`}, or give this one its own directory with --data-dir and its own port with MICROSHIFT_CLUSTER_URL.`,
      );
    }
  } finally {
    library.lib.close();
  }
  try {
    ftruncateSync(descriptor, 0);
    writeSync(descriptor, `${process.pid}\n`, 0);
  } catch {
    // On a full disk it is held all the same, without a name.
  }
  return { [Symbol.dispose]: () => closeSync(descriptor) };
}

/** The process that holds the lock on `directory`, as it wrote itself there; undefined when nobody does. */
export async function lockHolder(directory: string): Promise<number | undefined> {
  let descriptor: number;
  try {
    descriptor = openSync(path.join(directory, lockFileName), constants.O_RDWR);
  } catch {
    return undefined;
  }
  const { dlopen } = await import('node:ffi');
  const library = dlopen(null, { flock: { arguments: ['i32', 'i32'], return: 'i32' } });
  try {
    if (library.functions.flock(descriptor, lockExclusive | lockNonBlocking) === 0) return undefined;
    const holder = Number.parseInt(readFileSync(descriptor, 'utf8'), 10);
    return Number.isNaN(holder) ? undefined : holder;
  } finally {
    library.lib.close();
    closeSync(descriptor);
  }
}
