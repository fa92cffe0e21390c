// What an operator can do about a service's failure, by the kind of the system's error behind it.

const codeOf = (error: unknown): string =>
  !(error instanceof Error) ? '' : 'code' in error ? String(error.code) : codeOf(error.cause);

const diskCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/** It may pass without anybody starting anything again. */
export const isDiskFailure = (error: unknown): boolean => diskCodes.has(codeOf(error));

export function failureRemedy(error: unknown, dataDirectory: string): string {
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `The disk is full: free some space (df -h ${dataDirectory} /run shows where). Running containers go on.`;
    case 'EROFS':
      return 'That file system is read-only: make it writable, or choose another directory in the configuration.';
    case 'EACCES':
    case 'EPERM':
      return 'This user may not do that: run as root, or choose another directory in the configuration.';
    default:
      return 'Running containers go on. MicroShift is started again by its supervisor; if this repeats, the log says more with -v 4.';
  }
}
