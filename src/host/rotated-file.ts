// A log file that is put aside when it is large: NAME-2026-01-02T03-04-05.678.EXT beside it, of which the newest are kept
// (the names and rules of lumberjack, which upstream uses). Lines are collected for one turn of the event loop and written at
// once, in order. What cannot be written is counted, not kept.
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { messageOf } from '#base/errors.ts';

export interface RotationLimits {
  /** At which the file is put aside. */
  readonly maxBytes: number;
  /** That were put aside; 0: any number. */
  readonly maxFiles: number;
  /** Of what was put aside; 0: any age. */
  readonly maxAgeMs: number;
}

/** Collected before they are written, whatever the event loop does meanwhile. */
const pendingBytesMax = 4 * 1024 * 1024;
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.\d{3}$/;

export class RotatedFile {
  readonly file: string;
  readonly #now: () => number;
  limits: RotationLimits;
  #descriptor: number | undefined;
  #bytes = 0;
  #pending: string[] = [];
  #pendingBytes = 0;
  #scheduled = false;
  #lost = 0;
  /** The last byte written is within a line. */
  #torn = false;
  #failure: string | undefined;

  /** Throws when the file cannot be opened: its directory is made when it is missing. */
  constructor(file: string, limits: RotationLimits, now: () => number) {
    this.file = file;
    this.limits = limits;
    this.#now = now;
    this.#open();
  }

  /** A line with its newline. */
  write(line: string): void {
    if (this.#pendingBytes + line.length > pendingBytesMax) {
      this.flush();
    }
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
  flush(): void {
    const lines = this.#pending;
    if (lines.length === 0) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      this.#writeAll(lines.map((line) => Buffer.from(line)));
      this.#failure = undefined;
    } catch (error) {
      this.#lost += lines.length;
      this.#failure = messageOf(error);
      this.#close();
    }
  }
  /** Writes what is pending; later lines are lost. */
  close(): void {
    this.flush();
    this.#close();
  }
  /** Why nothing can be written at the moment, and how much was lost because of it. */
  get problem(): string | undefined {
    return this.#failure === undefined
      ? undefined
      : `${this.file} cannot be written (${this.#lost} entries were lost so far): ${this.#failure}`;
  }

  #writeAll(lines: readonly Buffer[]): void {
    if (this.#descriptor === undefined) this.#open();
    let batch: Buffer[] = [];
    let batchBytes = 0;
    for (const line of lines) {
      if (this.#bytes + batchBytes + line.length > this.limits.maxBytes && this.#bytes + batchBytes > 0) {
        this.#writeBatch(batch);
        [batch, batchBytes] = [[], 0];
        this.#putAside();
      }
      batch.push(line);
      batchBytes += line.length;
    }
    this.#writeBatch(batch);
  }
  #writeBatch(lines: readonly Buffer[]): void {
    // A line that a full disk cut off ends here; the next one is whole.
    let rest = Buffer.concat(this.#torn && lines.length > 0 ? [Buffer.from('\n'), ...lines] : lines);
    while (rest.length > 0) {
      const written = writeSync(this.#descriptor!, rest);
      this.#bytes += written;
      this.#torn = rest[written - 1] !== 0x0a;
      rest = rest.subarray(written);
    }
  }
  #open(): void {
    mkdirSync(path.dirname(this.file), { recursive: true, mode: 0o700 });
    this.#descriptor = openSync(this.file, 'a', 0o600);
    this.#bytes = fstatSync(this.#descriptor).size;
    if (this.#bytes === 0) this.#torn = false;
  }
  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
  #putAside(): void {
    this.#close();
    const { dir, name, ext } = path.parse(this.file);
    const asideAt = (ms: number): string =>
      path.join(dir, `${name}-${new Date(ms).toISOString().replaceAll(':', '-').replace('Z', '')}${ext}`);
    let now = this.#now();
    while (existsSync(asideAt(now))) now++;
    renameSync(this.file, asideAt(now));
    this.#open();
    this.prune();
  }
  /** Removes what is too old or too much. */
  prune(): void {
    const { dir, name, ext } = path.parse(this.file);
    const { maxFiles, maxAgeMs } = this.limits;
    const aside = readdirSync(dir)
      .flatMap((one) => {
        if (!one.startsWith(`${name}-`) || !one.endsWith(ext)) return [];
        const time = one.slice(name.length + 1, one.length - ext.length);
        return timePattern.test(time) ? [{ file: path.join(dir, one), time }] : [];
      })
      .toSorted((a, b) => (a.time < b.time ? 1 : -1));
    for (const [index, one] of aside.entries()) {
      const tooOld = maxAgeMs > 0 && timeOf(one.time) < this.#now() - maxAgeMs;
      if (tooOld || (maxFiles > 0 && index >= maxFiles)) rmSync(one.file, { force: true });
    }
  }
}

const timeOf = (name: string): number => {
  const [day = '', time = ''] = name.split('T');
  return Date.parse(`${day}T${time.replaceAll('-', ':')}Z`);
};
