// Runs a short command that only says whether something is right.
import { execFile } from 'node:child_process';

/** Undefined: it ended with 0; else what it wrote. */
export const checkCommand = (command: string, args: readonly string[]): Promise<string | undefined> =>
  new Promise((resolve) => {
    execFile(command, [...args], { timeout: 30_000 }, (error, out, said) => {
      resolve(error === null ? undefined : `${said}${out}`.trim() || error.message);
    });
  });
