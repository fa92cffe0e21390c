// What commands share: exit codes and the flags of where MicroShift is.
import { OperatorError } from '#base/errors.ts';

/** 0: done. */
export const exitFailed = 1;
/** Wrong usage or configuration; nothing was changed. */
export const exitUsage = 2;

/** Ends a command with `exitUsage`. */
export class UsageError extends OperatorError {}

export interface SourceFlags {
  readonly config?: string;
  readonly dataDir?: string;
}
export interface RunFlags extends SourceFlags {
  readonly ephemeral?: boolean;
  readonly untilInputEnds?: boolean;
  readonly auditLogDir?: string;
  readonly datastore?: string;
  readonly roles?: string;
  readonly kubeconfig?: string;
  readonly v?: string;
}
export interface StatusFlags extends SourceFlags {
  readonly output?: string;
}
export interface BackupFlags extends StatusFlags {
  readonly list?: boolean;
}
