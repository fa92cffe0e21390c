// What happened, line by line, with the time of the virtual clock: the trace that a person reads, its digest by which two
// runs are compared, and the violations that were found.
import { createHash } from 'node:crypto';
import type { LogFields, Logger } from '#base/log.ts';
import type { Timeline } from './timeline.ts';

export interface Violation {
  readonly atMs: number;
  readonly rule: string;
  readonly message: string;
}

const violationsMax = 20;
/** Errors of the programmer, however they are logged. */
const bugPattern =
  /TypeError|ReferenceError|RangeError|InvariantError|is not a function|is not iterable|Cannot (read|assign)|undefined \(reading/;

const timeText = (ms: number): string => {
  const seconds = ms / 1_000;
  const [minutes, rest] = [Math.floor(seconds / 60), (seconds % 60).toFixed(3)];
  return `${String(minutes).padStart(3)}:${rest.padStart(6, '0')}`;
};

export class Journal {
  readonly violations: Violation[] = [];
  readonly #timeline: Timeline;
  readonly #digest = createHash('sha256');
  readonly #onLine: ((line: string) => void) | undefined;

  constructor(timeline: Timeline, onLine: ((line: string) => void) | undefined) {
    this.#timeline = timeline;
    this.#onLine = onLine;
  }
  /** Of everything that was written, in order. */
  digest(): string {
    return this.#digest.copy().digest('hex');
  }
  write(source: string, text: string): void {
    const line = `${timeText(this.#timeline.monotonicMs)} ${source.padEnd(10)} ${text}`;
    this.#digest.update(line);
    this.#onLine?.(line);
  }
  /** Into the digest only. */
  mix(bytes: Uint8Array): void {
    this.#digest.update(bytes);
  }
  violate(rule: string, message: string): void {
    if (this.violations.length >= violationsMax) return;
    if (this.violations.some((one) => one.rule === rule && one.message === message)) return;
    this.violations.push({ atMs: this.#timeline.monotonicMs, rule, message });
    this.write('VIOLATION', `${rule}: ${message}`);
  }
  logger(name: string): Logger {
    const log = (level: string) => (message: string, fields?: LogFields) => {
      const text = `${name}: ${message}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}`;
      this.write(level, text);
      if (level === 'error' || bugPattern.test(text)) this.violate('no part fails unexpectedly', text);
    };
    return {
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      named: (inner) => this.logger(`${name}/${inner}`),
    };
  }
}
