// The listener for health and metrics. Another program on its port does not keep Routes from being served.
import type { Clock, Timer } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Client } from '#client/client.ts';
import { startHttpServer, type HttpServer } from '#host/http-server.ts';
import { portHolder } from '#host/linux/port-holder.ts';
import { answerHealth, type Check } from './health.ts';
import type { Haproxy } from './haproxy.ts';
import type { RouterLoop } from './loop.ts';

export interface HealthServiceOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly routerName: string;
  readonly healthPort?: number | undefined;
  readonly maySeeHealth?: ((address: string) => boolean) | undefined;
  /** Listen addresses for all: `*`, and `::` where the kernel has IPv6. */
  readonly everywhere: readonly string[];
  readonly haproxy: Haproxy;
  readonly loop: RouterLoop;
}

export const defaultHealthPort = 1936;
const againMs = 10_000;

export class HealthService {
  readonly #options: HealthServiceOptions;
  #server: HttpServer | undefined;
  #problem: string | undefined;
  #timer: Timer | undefined;

  constructor(options: HealthServiceOptions) {
    this.#options = options;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  /** Resolves after the first try; later ones follow by themselves. */
  async start(scope: Scope): Promise<void> {
    const { healthPort = defaultHealthPort } = this.#options;
    if (healthPort === 0) return;
    scope.onClose(() => {
      this.#timer?.cancel();
      return this.#server?.close();
    });
    await this.#listen(healthPort);
  }

  async #listen(healthPort: number): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      this.#server = await startHttpServer({
        address: this.#options.everywhere.includes('::') ? '::' : '0.0.0.0',
        port: healthPort,
        isAllowed: (address) => this.#isAllowed(address),
        answer: (question) =>
          answerHealth(
            {
              client: this.#options.client,
              routerName: this.#options.routerName,
              live: async () => [await this.#adminSocket()],
              ready: async () => [await this.#adminSocket(), this.#hasSynced()],
              metrics: () => this.#options.loop.metrics(),
            },
            question,
          ),
      });
      if (this.#problem !== undefined) logger.info('health and metrics are served again', { port: healthPort });
      this.#problem = undefined;
    } catch (error) {
      const holder = portHolder(healthPort);
      const text = `health and metrics of the router are not served: port ${healthPort} ${
        holder === undefined
          ? `cannot be listened on (${messageOf(error)})`
          : `is in use by ${holder.command} (process ${holder.processId})`
      }; Routes are not concerned`;
      if (this.#problem !== text) logger.error(text);
      this.#problem = text;
      this.#timer = clock.schedule(againMs, () => void this.#listen(healthPort));
    }
  }

  #isAllowed(address: string): boolean {
    return address.startsWith('127.') || address === '::1' || this.#options.maySeeHealth?.(address) === true;
  }

  async #adminSocket(): Promise<Check> {
    const name = 'admin-socket';
    try {
      const said = await this.#options.haproxy.command(['show version']);
      return { name, failure: said.trim() === '' ? 'empty response from admin socket' : undefined };
    } catch (error) {
      return { name, failure: messageOf(error) };
    }
  }

  #hasSynced(): Check {
    return { name: 'has-synced', failure: this.#options.loop.synchronised ? undefined : 'Router not synced' };
  }
}
