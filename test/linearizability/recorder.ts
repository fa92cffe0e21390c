// Counts moments, and keeps what happened in them.
import type { Action, List, Operation, Outcome, WatchSession } from './history.ts';
import type { History } from './history.ts';

export class Recorder {
  #moment = 0;
  readonly #operations: Operation[] = [];
  readonly #lists: List[] = [];
  readonly #sessions: WatchSession[] = [];
  /** Answers that fit nothing: each is a failure of the run. */
  readonly oddities: string[] = [];

  now(): number {
    return ++this.#moment;
  }
  operation(key: string, action: Action, call: number, outcome: Outcome): void {
    const end = outcome.type === 'unknown' ? Infinity : this.now();
    this.#operations.push({ key, action, outcome, call, end });
  }
  list(list: List): void {
    this.#lists.push(list);
  }
  /** Its events are added while it lasts. */
  session(session: WatchSession): void {
    this.#sessions.push(session);
  }
  history(): History {
    return { operations: this.#operations, lists: this.#lists, sessions: this.#sessions };
  }
}
