// What a watch sends of custom resources that a webhook converts: events wait for their conversion, and those behind them too,
// so that their order stays. Everything else goes through at once.
import { ApiError } from '#api/status.ts';
import type { KindRow } from '#api/kind.ts';
import { watchBufferEventsMax } from '#base/limits.ts';
import type { StoredObject } from '#storage/store.ts';
import type { Server } from '../context.ts';
import { convertAhead } from '../custom-resources/conversion.ts';

export class ConvertedInOrder {
  readonly #server: Server;
  /** In whose versions the objects are read; they change with the definition. */
  readonly #rows: () => readonly KindRow[];
  readonly #onError: (error: ApiError | undefined) => void;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isOver = false;

  constructor(server: Server, rows: () => readonly KindRow[], onError: (error: ApiError | undefined) => void) {
    this.#server = server;
    this.#rows = rows;
    this.#onError = onError;
  }
  /** Nothing may overtake what waits. */
  get isWaiting(): boolean {
    return this.#waiting > 0;
  }
  run(items: readonly StoredObject[], emit: () => void): void {
    const pending = this.#waiting > 0 ? Promise.resolve() : this.#convert(items);
    if (pending === undefined) return emit();
    if (this.#isOver) return;
    this.#waiting += Math.max(1, items.length);
    if (this.#waiting > watchBufferEventsMax) return this.#fail(undefined);
    this.#tail = Promise.all([this.#tail, pending])
      .then(async () => {
        // The definition may have changed meanwhile.
        for (let more = this.#convert(items); more !== undefined && !this.#isOver; more = this.#convert(items))
          await more;
        this.#waiting -= Math.max(1, items.length);
        if (!this.#isOver) emit();
      })
      .catch((error: unknown) => this.#fail(error instanceof ApiError ? error : undefined));
  }
  #convert(items: readonly StoredObject[]): Promise<void> | undefined {
    for (const row of this.#rows()) {
      const pending = convertAhead(this.#server, row, items);
      if (pending !== undefined) return pending;
    }
    return undefined;
  }
  #fail(error: ApiError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onError(error);
  }
}
