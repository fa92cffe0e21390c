// Seats in work and waiting over time: their average, deviation and peak since the last look.
import type { SeatDemand } from './allocation.ts';

export class DemandIntegrator {
  #value = 0;
  #sinceMs: number;
  #startMs: number;
  #sum = 0;
  #squares = 0;
  #peak = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
    this.#startMs = nowMs;
  }
  add(change: number, nowMs: number): void {
    this.#integrate(nowMs);
    this.#value += change;
    if (this.#value > this.#peak) this.#peak = this.#value;
  }
  take(nowMs: number): SeatDemand {
    this.#integrate(nowMs);
    const elapsed = nowMs - this.#startMs;
    const average = elapsed > 0 ? this.#sum / elapsed : this.#value;
    const variance = elapsed > 0 ? Math.max(0, this.#squares / elapsed - average * average) : 0;
    const taken = { highWatermark: this.#peak, average, standardDeviation: Math.sqrt(variance) };
    this.#startMs = nowMs;
    this.#sum = 0;
    this.#squares = 0;
    this.#peak = this.#value;
    return taken;
  }
  #integrate(nowMs: number): void {
    const elapsed = nowMs - this.#sinceMs;
    if (elapsed <= 0) return;
    this.#sum += this.#value * elapsed;
    this.#squares += this.#value * this.#value * elapsed;
    this.#sinceMs = nowMs;
  }
}
