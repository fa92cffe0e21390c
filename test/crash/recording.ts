// What recorder.c wrote: every change of the files of a folder, in order.
import { readFileSync } from 'node:fs';

export type Change =
  /** A name was opened: changes of `file` are changes of what this name stood for then. */
  | { readonly kind: 'name'; readonly file: number; readonly name: string }
  | { readonly kind: 'create'; readonly file: number }
  | { readonly kind: 'write'; readonly file: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly file: number; readonly length: number }
  /** What was written to this file before is on the disk. */
  | { readonly kind: 'sync'; readonly file: number }
  /** The names in the folder are on the disk. */
  | { readonly kind: 'sync-folder' }
  | { readonly kind: 'unlink'; readonly name: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string };

const headerBytes = 32;

/** Throws when the recording ends in the middle of a change. */
export function readRecording(path: string): Change[] {
  const log = readFileSync(path);
  const changes: Change[] = [];
  for (let at = 0; at < log.length;) {
    const [kind, file, offset, length] = [0, 8, 16, 24].map((field) => Number(log.readBigInt64LE(at + field)));
    const bytes = log.subarray(at + headerBytes, (at += headerBytes + length!));
    if (bytes.length !== length) throw new Error('the recording is cut off');
    changes.push(changeOf(kind!, file!, offset!, bytes));
  }
  return changes;
}

function changeOf(kind: number, file: number, offset: number, bytes: Buffer): Change {
  switch (kind) {
    case 1:
      return { kind: 'name', file, name: bytes.toString() };
    case 2:
      return { kind: 'write', file, offset, bytes };
    case 3:
      return { kind: 'truncate', file, length: offset };
    case 4:
      return { kind: 'sync', file };
    case 5:
      return { kind: 'create', file };
    case 6:
      return { kind: 'unlink', name: bytes.toString() };
    case 7: {
      const [from = '', to = ''] = bytes.toString().split('\n');
      return { kind: 'rename', from, to };
    }
    case 8:
      return { kind: 'sync-folder' };
    default:
      throw new Error(`the recording holds a change of unknown kind ${kind}`);
  }
}
