// Everything with an end belongs to a scope: closing it aborts its signal, closes what was added (last first) and waits.
import type { Logger } from './log.ts';
import { messageOf } from './errors.ts';

/** Why work of a scope ends that closes: no failure. */
export class ScopeClosing extends Error {}

export class Scope implements AsyncDisposable {
  readonly name: string;
  readonly #controller = new AbortController();
  readonly #closers: (() => void | Promise<void>)[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #onFailure: (name: string, error: unknown) => void;
  #closing: Promise<void> | undefined;

  /** `onFailure` hears of every background task that throws before the scope closes. */
  constructor(name: string, onFailure: (name: string, error: unknown) => void) {
    this.name = name;
    this.#onFailure = onFailure;
  }
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  get closed(): boolean {
    return this.#controller.signal.aborted;
  }
  /** Runs `task` in the background; the scope's close waits for it. */
  spawn(name: string, task: (signal: AbortSignal) => Promise<void>): void {
    const running: Promise<void> = Promise.resolve()
      .then(() => task(this.signal))
      .catch((error: unknown) => {
        if (!this.closed) this.#onFailure(name, error);
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
  /** `close` runs when the scope closes, in reverse order of adding. */
  onClose(close: () => void | Promise<void>): void {
    this.#closers.push(close);
  }
  child(name: string): Scope {
    const child = new Scope(`${this.name}/${name}`, this.#onFailure);
    this.onClose(() => child.close());
    return child;
  }
  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#controller.abort(new ScopeClosing(`${this.name} is closing`));
      for (const close of this.#closers.toReversed()) await close();
      await Promise.all(this.#running);
    })();
    return this.#closing;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A scope that logs the failures of its tasks. */
export const loggedScope = (name: string, logger: Logger): Scope =>
  new Scope(name, (task, error) => logger.error(`${task} failed`, { error: messageOf(error) }));
