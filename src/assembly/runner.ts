// Starts services as soon as those that they depend on are ready, and stops them in the reverse order. Knows no service.
import type { Clock } from '#base/clock.ts';
import { assert, messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';

export type ServiceState = 'waiting' | 'starting' | 'ready' | 'failed' | 'stopped';

export interface ServiceStatus {
  readonly name: string;
  readonly state: ServiceState;
  /** Wall clock, of the last change of `state`. */
  readonly sinceMs: number;
  /** How long its start took; undefined until it is ready. */
  readonly startMs: number | undefined;
  /** Services that it waits for. */
  readonly waitsFor: readonly string[];
  readonly problems: readonly string[];
}

export interface RunnerOptions {
  readonly services: readonly Service[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds that this process was already alive when the runner was made: start times count from the exec. */
  readonly aliveMs: number;
}

interface Entry {
  readonly service: Service;
  readonly scope: Scope;
  state: ServiceState;
  sinceMs: number;
  startMs: number | undefined;
  failure: string | undefined;
}

export class ServiceRunner {
  readonly #options: RunnerOptions;
  readonly #entries: readonly Entry[];
  readonly #readyOrder: Entry[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #failed = Promise.withResolvers<{ service: string; error: unknown }>();
  readonly #startedAtMs: number;
  #stopping: Promise<void> | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.monotonicMs();
    checkOrder(options.services);
    this.#entries = options.services.map((service) => ({
      service,
      scope: new Scope(service.name, (task, error) =>
        this.#fail(service.name, new Error(`${task}: ${messageOf(error)}`, { cause: error })),
      ),
      state: 'waiting',
      sinceMs: options.clock.now(),
      startMs: undefined,
      failure: undefined,
    }));
  }

  /** Resolves with the first failure of a service, at its start or later. */
  get failed(): Promise<{ readonly service: string; readonly error: unknown }> {
    return this.#failed.promise;
  }
  get ready(): boolean {
    return this.#entries.every((entry) => entry.state === 'ready');
  }
  /** Resolves when every service is ready; stays pending when one fails (see `failed`). */
  async start(): Promise<void> {
    const { clock, logger, aliveMs } = this.#options;
    const started = new Map<string, Promise<void>>();
    for (const entry of this.#entries) {
      const { service } = entry;
      const dependencies = service.dependsOn.map((name) => started.get(name)!);
      const run = async (): Promise<void> => {
        await Promise.all(dependencies);
        if (this.#stopping !== undefined) return new Promise(() => {});
        this.#change(entry, 'starting');
        const beganMs = clock.monotonicMs();
        try {
          await service.start(entry.scope);
        } catch (error) {
          if (this.#stopping === undefined) {
            entry.failure = messageOf(error);
            this.#change(entry, 'failed');
            this.#fail(service.name, error);
          }
          return new Promise(() => {});
        }
        // Told to stop meanwhile: its scope is closed, nobody may use it.
        if (this.#stopping !== undefined) return new Promise(() => {});
        entry.startMs = Math.round(clock.monotonicMs() - beganMs);
        this.#readyOrder.push(entry);
        logger.info(`${service.name} is ready`, {
          tookMs: entry.startMs,
          sinceStartMs: Math.round(clock.monotonicMs() - this.#startedAtMs + aliveMs),
        });
        this.#change(entry, 'ready');
      };
      started.set(service.name, run());
    }
    await Promise.all(started.values());
  }
  /** Stops what is ready, the last one first, then what was still starting. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      const { logger } = this.#options;
      const ready = this.#readyOrder.toReversed();
      for (const entry of [...this.#entries.filter((one) => !ready.includes(one)), ...ready]) {
        if (entry.state === 'waiting') continue;
        try {
          await entry.scope.close();
        } catch (error) {
          logger.warn(`${entry.service.name} did not stop in order`, { error: messageOf(error) });
        }
        if (entry.state !== 'failed') this.#change(entry, 'stopped');
      }
    })();
    return this.#stopping;
  }
  status(): readonly ServiceStatus[] {
    const ready = new Set(this.#readyOrder.map((entry) => entry.service.name));
    return this.#entries.map((entry) => ({
      name: entry.service.name,
      state: entry.state,
      sinceMs: entry.sinceMs,
      startMs: entry.startMs,
      waitsFor: entry.state === 'waiting' ? entry.service.dependsOn.filter((name) => !ready.has(name)) : [],
      problems:
        entry.failure !== undefined
          ? [entry.failure]
          : entry.state === 'ready' || entry.state === 'starting'
            ? (entry.service.problems?.() ?? [])
            : [],
    }));
  }
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  #change(entry: Entry, state: ServiceState): void {
    entry.state = state;
    entry.sinceMs = this.#options.clock.now();
    for (const listener of this.#listeners) listener();
  }
  #fail(service: string, error: unknown): void {
    this.#failed.resolve({ service, error });
  }
}

/** A service may depend only on services above it in the list: so the list has no cycles and reads as the order. */
function checkOrder(services: readonly Service[]): void {
  const above = new Set<string>();
  for (const { name, dependsOn } of services) {
    for (const one of dependsOn)
      assert(above.has(one), `service ${name} depends on ${one}, which is not above it in the list`);
    assert(!above.has(name), `service ${name} is in the list twice`);
    above.add(name);
  }
}
