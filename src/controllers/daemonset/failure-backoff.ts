// How long a failed daemon Pod is left on its node before it is replaced: 1 s, doubled each time, at most 15 min; forgotten
// after half an hour without a failure. In memory, as upstream's.

const baseMs = 1_000;
const maxMs = 900_000;

export class FailureBackoff {
  readonly #entries = new Map<string, { delayMs: number; at: number }>();

  leftMs(key: string, at: number): number {
    const entry = this.#entries.get(key);
    return entry === undefined ? 0 : Math.max(0, entry.at + entry.delayMs - at);
  }
  note(key: string, at: number): void {
    for (const [other, entry] of this.#entries) if (at - entry.at > 2 * maxMs) this.#entries.delete(other);
    const known = this.#entries.get(key);
    this.#entries.set(key, { delayMs: known === undefined ? baseMs : Math.min(maxMs, known.delayMs * 2), at });
  }
}
