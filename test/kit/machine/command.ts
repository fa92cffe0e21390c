// Runs a command from a test: argument list, no shell, with a time limit, output collected.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  readonly timeoutSeconds?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

const outputBytesMax = 16 * 1024 * 1024;

/** Resolves with whatever exit code; rejects only when the command cannot be started or takes too long. */
export function run(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.directory === undefined ? {} : { cwd: options.directory }),
      env: { ...process.env, ...options.environment },
    });
    let stdout = '';
    let stderr = '';
    const timeoutSeconds = options.timeoutSeconds ?? 60;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`took more than ${timeoutSeconds} s: ${command.join(' ')}\n${stdout}\n${stderr}`));
    }, timeoutSeconds * 1000);
    child.stdout.on('data', (chunk: Buffer) => {
      if (stdout.length < outputBytesMax) stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < outputBytesMax) stderr += chunk.toString();
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? (signal === null ? 1 : 128), stdout, stderr });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** Rejects when the exit code is not 0. Gives standard output. */
export async function succeed(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await run(command, options);
  if (result.code !== 0)
    throw new Error(`exit ${result.code}: ${command.join(' ')}\n${result.stdout}\n${result.stderr}`);
  return result.stdout;
}

/**
 * A command that goes on until `stop`. It may run in another PID namespace, where a signal to what was started here does not
 * reach it: so a small shell there ends it when its standard input closes.
 */
export class RunningCommand {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  output = '';

  constructor(enter: readonly string[], command: readonly string[]) {
    const guard =
      'exec 3<&0; "$@" </dev/null & pid=$!; (cat <&3 >/dev/null; kill -TERM "$pid" 2>/dev/null) & wait "$pid"; kill $! 2>/dev/null';
    this.#child = start([...enter, 'sh', '-c', guard, 'guard', ...command]);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#closed = new Promise((resolve) => this.#child.on('close', () => resolve()));
  }
  /** Ends it with SIGTERM and gives everything it wrote. */
  async stop(): Promise<string> {
    this.#child.stdin?.on('error', () => {});
    this.#child.stdin?.end();
    await this.#closed;
    return this.output;
  }
}

/** Starts a long-running command; the caller ends it. */
export function start(command: readonly string[], options: CommandOptions = {}): ChildProcess {
  return spawn(command[0]!, command.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  });
}

export function succeedNow(command: readonly string[]): string {
  const result = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });
  if (result.status !== 0)
    throw new Error(`exit ${result.status}: ${command.join(' ')}\n${result.stdout}\n${result.stderr}`);
  return result.stdout;
}

/** Calls `probe` until it gives a value that is not undefined; an error it threw last is the reason in the failure. */
export async function eventually<T>(
  what: string,
  timeoutSeconds: number,
  probe: () => Promise<T | undefined>,
): Promise<T> {
  const end = performance.now() + timeoutSeconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`not within ${timeoutSeconds} s: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
