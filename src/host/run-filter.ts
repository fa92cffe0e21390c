// Runs a program once: a text into it, a text out of it. Bounded in time and in what it may write.
import { execFile } from 'node:child_process';

export interface FilterOptions {
  readonly input: string;
  /** Beside those of this process. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly outputBytesMax: number;
}

/** Throws with why it failed, and what it wrote on its error output. */
export const runFilter = (program: string, args: readonly string[], options: FilterOptions): Promise<string> =>
  new Promise((resolve, reject) => {
    const { input, environment, timeoutMs, outputBytesMax } = options;
    const child = execFile(
      program,
      [...args],
      {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: outputBytesMax,
        env: { ...process.env, ...environment },
      },
      (error, out, said) => {
        if (error === null) return resolve(out);
        // The message of a failed command repeats its arguments.
        const why = error.killed === true ? 'it took too long, or wrote too much' : `it ended with ${error.code}`;
        reject(new Error(`${why}: ${said.slice(0, 1000).trim()}`));
      },
    );
    // It need not read what it is given.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
