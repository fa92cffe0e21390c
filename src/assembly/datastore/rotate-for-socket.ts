// The running process changes its encryption key for `microshift encryption rotate`.
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Resealed } from '#storage/sealing/rotation.ts';
import type { Parts } from '../parts.ts';
import type { RotationOutcome } from './encryption.ts';

export type RotationAnswer =
  | { readonly outcome: RotationOutcome }
  | { readonly message: string; readonly remedy: string };

export async function rotateForSocket(
  { parts }: { readonly parts: Parts },
  tell: (progress: Resealed) => void,
): Promise<RotationAnswer> {
  if (!parts.has('encryption'))
    return {
      message: 'This MicroShift encrypts nothing by itself: it keeps no data file here, or has not opened it yet.',
      remedy: 'Run it where the data file is, when `microshift status` says that storage runs.',
    };
  try {
    return { outcome: await parts.take('encryption').rotate(tell) };
  } catch (error) {
    return { message: messageOf(error), remedy: error instanceof OperatorError ? error.remedy : '' };
  }
}
