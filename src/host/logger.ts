// The log: one line an entry on standard error; text for a terminal or a journal, JSON when asked. Lines are collected
// for one turn of the event loop and written at once; what is pending is written before the process exits.
// No library: loading one costs more start time than all of this.
import { writeSync } from 'node:fs';
import type { Clock } from '#base/clock.ts';
import type { LogFields, LogLevel, Logger } from '#base/log.ts';

export interface LoggerOptions {
  readonly clock: Clock;
  /** Entries below it are dropped; asked for each, since it may change. */
  readonly level: () => LogLevel;
  readonly format: 'text' | 'json';
  readonly write: (text: string) => void;
}

const rank: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const letter: Readonly<Record<LogLevel, string>> = { debug: 'D', info: 'I', warn: 'W', error: 'E' };

const plainValue = /^[\w./:@,+=-]+$/;
const showValue = (value: unknown): string => {
  if (typeof value === 'string') return plainValue.test(value) ? value : JSON.stringify(value);
  if (value instanceof Error) return JSON.stringify(value.message);
  return JSON.stringify(value) ?? 'undefined';
};

function textLine(now: number, level: LogLevel, name: string, message: string, fields: LogFields | undefined): string {
  let line = `${new Date(now).toISOString()} ${letter[level]} ${name === '' ? '' : `${name}: `}${message.replaceAll('\n', '\\n')}`;
  for (const [key, value] of Object.entries(fields ?? {}))
    if (value !== undefined) line += ` ${key}=${showValue(value)}`;
  return `${line}\n`;
}

const jsonLine = (now: number, level: LogLevel, name: string, message: string, fields: LogFields | undefined): string =>
  `${JSON.stringify({ ...fields, time: new Date(now).toISOString(), level, ...(name === '' ? {} : { logger: name }), message }, (_, value: unknown) => (value instanceof Error ? value.message : value))}\n`;

export function createLogger(options: LoggerOptions, name = ''): Logger {
  const makeLine = options.format === 'json' ? jsonLine : textLine;
  const log = (level: LogLevel, message: string, fields: LogFields | undefined): void => {
    if (rank[level] >= rank[options.level()])
      options.write(makeLine(options.clock.now(), level, name, message, fields));
  };
  return {
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
    named: (child) => createLogger(options, name === '' ? child : `${name}/${child}`),
  };
}

/** Bytes kept when standard error does not take them; beyond that lines are counted and dropped. */
const pendingBytesMax = 1024 * 1024;

/** Writes to a file descriptor in batches, in order, without ever blocking the caller for longer than one write. */
export class LineWriter {
  readonly #descriptor: number;
  #pending = '';
  #dropped = 0;
  #scheduled = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }
  readonly write = (text: string): void => {
    if (this.#pending.length + text.length > pendingBytesMax) {
      this.#dropped++;
      return;
    }
    this.#pending += text;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  };
  /** Call before the process exits. */
  flush(): void {
    if (this.#dropped > 0) {
      this.#pending += `${this.#dropped} log lines were dropped: the reader of the log is too slow\n`;
      this.#dropped = 0;
    }
    while (this.#pending.length > 0) {
      const bytes = Buffer.from(this.#pending);
      try {
        const written = writeSync(this.#descriptor, bytes);
        this.#pending = written === bytes.length ? '' : bytes.subarray(written).toString();
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return;
        this.#pending = '';
        return;
      }
    }
  }
}

/** klog's verbosity: 0-3 says what operators need, from 4 on everything. */
export const levelOfVerbosity = (verbosity: number): LogLevel => (verbosity >= 4 ? 'debug' : 'info');
