// Long-lived children (a private container runtime, the router's HAProxy) that outlive this process: started detached, with
// their identity in a state file, adopted at the next start, restarted with back-off. Not for short commands.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Timer } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';

export interface SupervisedProcessOptions {
  readonly name: string;
  /** Absolute path, or a name found in PATH. Never a shell line. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory?: string | undefined;
  /** Holds who runs: process id, its start time, the boot and the command line's digest. */
  readonly stateFile: string;
  /** Standard output and error. Cut to zero when it exceeds `logBytesMax`. */
  readonly logFile: string;
  readonly logBytesMax: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Delay before a start that follows an unwanted end; doubled from the first to the second. Default 200 ms to 30 s. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number } | undefined;
  /** Called after each start (not after an adoption). */
  readonly onStarted?: (() => void) | undefined;
  /** Called when it ended though it should run. */
  readonly onUnexpectedEnd?: (() => void) | undefined;
}

interface ProcessRecord {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
  readonly digest: string;
}

/** How often the life of an adopted process is looked at: it is no child of ours, so no signal tells of its end. */
const adoptedCheckMs = 1_000;
/** A run at least this long forgives the failures before it. */
const stableRunMs = 60_000;
const logCheckMs = 5_000;

/** Field 22 of /proc/PID/stat: together with the boot id it names a process for ever. Undefined: no such process, or a zombie. */
export function processStartTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

const readBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();

export class SupervisedProcess {
  readonly #options: SupervisedProcessOptions;
  readonly #digest: string;
  #running: ProcessRecord | undefined;
  #wanted = false;
  #failures = 0;
  #startedAtMs = 0;
  #timer: Timer | undefined;
  #logTimer: Timer | undefined;
  #logWatch: { close(): void } | undefined;
  #problem: string | undefined;
  #endWaiters: (() => void)[] = [];

  constructor(options: SupervisedProcessOptions) {
    this.#options = options;
    this.#digest = createHash('sha256')
      .update(JSON.stringify([options.command, options.args, options.env, options.workingDirectory ?? '']))
      .digest('hex');
  }

  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /** What is wrong now; undefined: it runs, or is not wanted. */
  get problem(): string | undefined {
    return this.#wanted ? this.#problem : undefined;
  }

  /** Adopts the process of an earlier run of ours when it still runs with the same command line, else starts it. */
  async start(): Promise<'adopted' | 'started'> {
    this.#wanted = true;
    const earlier = this.#findEarlier();
    if (earlier !== undefined) {
      if (earlier.digest === this.#digest) {
        this.#running = earlier;
        this.#startedAtMs = this.#options.clock.monotonicMs();
        this.#watchLog();
        this.#watchAdopted();
        return 'adopted';
      }
      this.#options.logger.info('command line changed, replacing the running process', { pid: earlier.pid });
      await this.#end(earlier, 'SIGTERM', 10_000);
    }
    await this.#launch();
    return 'started';
  }

  /** Ends it, by force after `graceMs`. It stays down until the next start(). */
  async stop(graceMs = 10_000, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.release();
    const running = this.#running ?? this.#findEarlier();
    if (running !== undefined) await this.#end(running, signal, graceMs);
    this.#running = undefined;
    rmSync(this.#options.stateFile, { force: true });
  }

  /** Stops supervising and leaves it running, to be adopted by the next start of the product. */
  release(): void {
    this.#wanted = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#logTimer?.cancel();
    this.#logTimer = undefined;
    this.#logWatch?.close();
    this.#logWatch = undefined;
  }

  /** False: it does not run. */
  signal(signal: NodeJS.Signals): boolean {
    const running = this.#running;
    if (running === undefined || !isAlive(running)) return false;
    process.kill(running.pid, signal);
    return true;
  }

  /** Looks at once whether it still runs, as after a failed connection to it. */
  check(): void {
    if (this.#wanted && this.#running !== undefined && !isAlive(this.#running)) this.#onEnd('ended');
  }

  #findEarlier(): ProcessRecord | undefined {
    const record = parseRecord(this.#options.stateFile);
    return record !== undefined && record.bootId === readBootId() && isAlive(record) ? record : undefined;
  }

  #launch(): Promise<void> {
    const { command, args, env, workingDirectory, logFile, stateFile, logger, clock } = this.#options;
    mkdirSync(path.dirname(logFile), { recursive: true });
    mkdirSync(path.dirname(stateFile), { recursive: true });
    const log = openSync(logFile, 'a', 0o640);
    try {
      const child = spawn(command, args, {
        detached: true,
        stdio: ['ignore', log, log],
        env,
        ...(workingDirectory === undefined ? {} : { cwd: workingDirectory }),
      });
      return new Promise((resolve, reject) => {
        child.once('error', (error: NodeJS.ErrnoException) => {
          this.#problem = `cannot start ${command}: ${messageOf(error)}`;
          if (this.#startedAtMs === 0) {
            this.#wanted = false;
            reject(
              new OperatorError(
                `${this.#options.name} cannot be started: ${messageOf(error)}`,
                error.code === 'ENOENT' ? `install ${command}` : `check that ${command} can be executed`,
                { cause: error },
              ),
            );
          } else {
            this.#onEnd(messageOf(error));
            resolve();
          }
        });
        child.once('spawn', () => {
          const pid = child.pid!;
          const record = { pid, startTicks: processStartTicks(pid) ?? '', bootId: readBootId(), digest: this.#digest };
          this.#running = record;
          this.#startedAtMs = Math.max(1, clock.monotonicMs());
          this.#problem = undefined;
          const temporary = `${stateFile}.new`;
          writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
          renameSync(temporary, stateFile);
          child.unref();
          child.once('exit', (code, signal) => {
            if (this.#running?.pid === pid)
              this.#onEnd(signal === null ? `exit code ${String(code)}` : `signal ${signal}`);
          });
          this.#watchLog();
          logger.info('started', { process: this.#options.name, pid });
          this.#options.onStarted?.();
          resolve();
        });
      });
    } finally {
      closeSync(log);
    }
  }

  #onEnd(how: string): void {
    const { clock, logger, backoff, name, onUnexpectedEnd } = this.#options;
    this.#running = undefined;
    const waiters = this.#endWaiters;
    this.#endWaiters = [];
    for (const resolve of waiters) resolve();
    if (!this.#wanted) return;
    if (clock.monotonicMs() - this.#startedAtMs >= stableRunMs) this.#failures = 0;
    const { baseMs, maxMs } = backoff ?? { baseMs: 200, maxMs: 30_000 };
    const delayMs = Math.min(maxMs, baseMs * 2 ** Math.min(this.#failures++, 20));
    this.#problem = `${name} ended (${how}); started again in ${Math.ceil(delayMs / 1000)} s; see ${this.#options.logFile}`;
    logger.warn('ended unexpectedly', { process: name, how, retryInMs: delayMs });
    onUnexpectedEnd?.();
    this.#timer?.cancel();
    this.#timer = clock.schedule(delayMs, () => {
      if (this.#wanted) void this.#launch();
    });
  }

  #watchAdopted(): void {
    this.#timer = this.#options.clock.schedule(adoptedCheckMs, () => {
      if (!this.#wanted || this.#running === undefined) return;
      if (isAlive(this.#running)) this.#watchAdopted();
      else this.#onEnd('ended');
    });
  }

  async #end(record: ProcessRecord, signal: NodeJS.Signals, graceMs: number): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonicMs() + graceMs;
    sendSignal(record, signal);
    while (isAlive(record)) {
      if (clock.monotonicMs() >= until) sendSignal(record, 'SIGKILL');
      // Holds the process open, as the clock's timers do not: an orderly stop must not end early.
      await delay(20);
    }
  }

  /** The child writes in append mode, so cutting the file is enough; looked at after writes only, never by polling. */
  #watchLog(): void {
    const { logFile, logBytesMax, clock, logger } = this.#options;
    this.#logWatch?.close();
    try {
      const watcher = watch(logFile, { persistent: false }, () => {
        this.#logTimer ??= clock.schedule(logCheckMs, () => {
          this.#logTimer = undefined;
          try {
            if (statSync(logFile).size > logBytesMax) truncateSync(logFile, 0);
          } catch (error) {
            logger.warn('cannot limit the log file', { file: logFile, error: messageOf(error) });
          }
        });
      });
      watcher.on('error', () => watcher.close());
      this.#logWatch = watcher;
    } catch (error) {
      logger.warn('cannot watch the log file', { file: logFile, error: messageOf(error) });
    }
  }
}

const isAlive = (record: ProcessRecord): boolean => processStartTicks(record.pid) === record.startTicks;

function sendSignal(record: ProcessRecord, signal: NodeJS.Signals): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}

function parseRecord(file: string): ProcessRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, startTicks, bootId, digest } = value as Partial<ProcessRecord>;
    return typeof pid === 'number' &&
      typeof startTicks === 'string' &&
      typeof bootId === 'string' &&
      typeof digest === 'string'
      ? { pid, startTicks, bootId, digest }
      : undefined;
  } catch {
    return undefined;
  }
}
