// What an operator is told when the data file cannot be opened.
import { OperatorError } from '#base/errors.ts';
import { RowFileError } from '#host/row-file.ts';

/** Anything but a RowFileError is given back as it is. */
export function openingError(path: string, error: unknown): unknown {
  if (!(error instanceof RowFileError)) return error;
  const cause = { cause: error };
  switch (error.failure) {
    case 'busy':
      return new OperatorError(
        `the data file ${path} is in use by another process`,
        'Another MicroShift runs on this data directory. Stop it, or start this one with a data directory of its own (--data-dir).',
        cause,
      );
    case 'corrupt':
      return new OperatorError(
        `the data file ${path} is damaged: ${error.message}`,
        'The cluster state cannot be read. Restore the file from a backup, or move its directory away to start with an empty cluster; keep it for recovery.',
        cause,
      );
    case 'newer':
      return new OperatorError(
        `the data file ${path} was written by a newer MicroShift: ${error.message}`,
        'Start the newer version again, or restore a backup that this version made.',
        cause,
      );
    case 'full':
      return new OperatorError(
        `the data file ${path} cannot be opened: the disk is full`,
        'Make room on the disk of the data directory and start again.',
        cause,
      );
    case 'cannot-open':
    case 'io':
    case 'worker':
      return new OperatorError(
        `the data file ${path} cannot be opened: ${error.message}`,
        'Check that the data directory exists, that this user may write there, and that its disk works.',
        cause,
      );
  }
}

/** Of rows that are whole, and cannot be opened. */
export const unreadableError = (path: string, cause: Error): OperatorError =>
  new OperatorError(
    `the data file ${path} cannot be read: ${cause.message}`,
    'Give the encryption key that was used with this file: restore the key file that belongs to it from a backup.',
    { cause },
  );
