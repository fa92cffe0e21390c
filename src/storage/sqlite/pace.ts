// How long transactions take to reach the disk: what is slow is told, in the status while it lasts and in the log now and then.
import type { Clock } from '#base/clock.ts';
import { slowCommitMs, slowTellMs } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

export class Pace {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #begunMs: number | undefined;
  #toldMs = -Infinity;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }
  /** One at a time. */
  async of(transaction: Promise<void>): Promise<void> {
    this.#begunMs = this.#clock.monotonicMs();
    try {
      await transaction;
    } finally {
      this.#tell(this.#waitsMs());
      this.#begunMs = undefined;
    }
  }
  problem(): string | undefined {
    const waitsMs = this.#waitsMs();
    if (waitsMs < slowCommitMs) return undefined;
    return `a write has waited for the disk of the data file for ${seconds(waitsMs)}, and others wait behind it: nothing is lost, but that disk is slow`;
  }
  #waitsMs(): number {
    return this.#begunMs === undefined ? 0 : this.#clock.monotonicMs() - this.#begunMs;
  }
  #tell(tookMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (tookMs < slowCommitMs || nowMs - this.#toldMs < slowTellMs) return;
    this.#toldMs = nowMs;
    this.#logger.warn(`a write took ${seconds(tookMs)} to reach the disk: the disk of the data file is slow`);
  }
}
