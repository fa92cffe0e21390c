// How much of the disk a file takes.
import { statSync } from 'node:fs';

/** In bytes; 0: it is not there. */
export const fileBytes = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
