// The way from a client to the API server: latency, cuts, lost answers, and watches that lag, break or fall silent.
import type { ApiRequest, ApiResponse, RequestHandler, WatchEvent, WatchSink } from '#api/request.ts';
import { serviceUnavailableError } from '#api/status.ts';
import type { Dice } from './dice.ts';
import type { Life } from './timeline.ts';

export interface LinkConditions {
  /** Mean one-way delay of a message; 0: a call within the process. */
  latencyMs: number;
  cut: boolean;
}

export interface Server {
  readonly handler: RequestHandler;
  readonly life: Life;
}

export interface LinkOptions {
  readonly conditions: LinkConditions;
  /** Undefined: nobody listens. */
  readonly server: () => Server | undefined;
  /** Of the client. */
  readonly life: Life;
  readonly dice: Dice;
  readonly onAnswer?: ((request: ApiRequest, response: ApiResponse) => void) | undefined;
}

const connectTimeoutMs = 10_000;

export class Link implements RequestHandler {
  readonly #options: LinkOptions;
  readonly #watches = new Set<{ breakOff(silentShare: number): void }>();

  constructor(options: LinkOptions) {
    this.#options = options;
  }
  handle(request: ApiRequest): Promise<ApiResponse> {
    return this.#options.life.incoming(this.#handle(request));
  }
  /** Ends every watch, a share of them without a word to the client. */
  breakWatches(silentShare: number): void {
    // Those that it removes are not visited again.
    for (const watch of this.#watches) watch.breakOff(silentShare);
  }

  async #handle(request: ApiRequest): Promise<ApiResponse> {
    const { conditions, server, onAnswer } = this.#options;
    await this.#travel();
    if (conditions.cut) await this.#timeout();
    const there = server();
    if (there === undefined) throw serviceUnavailableError('dial tcp 10.0.0.1:6443: connect: connection refused');
    const response = await this.#answerOf(there, request);
    onAnswer?.(request, response);
    await this.#travel();
    // The request was heard and done; the answer is lost.
    if (conditions.cut) await this.#timeout();
    if (response.body.type !== 'watch' || conditions.latencyMs === 0) return response;
    const { body } = response;
    return { ...response, body: { ...body, open: (sink) => this.#open((own) => body.open(own), sink, there) } };
  }
  #travel(): Promise<void> | undefined {
    const { conditions, life, dice } = this.#options;
    if (conditions.latencyMs === 0) return undefined;
    return new Promise((resolve) => life.clock.schedule(dice.around(conditions.latencyMs), resolve));
  }
  async #timeout(): Promise<never> {
    await new Promise<void>((resolve) => this.#options.life.clock.schedule(connectTimeoutMs, resolve));
    throw serviceUnavailableError('dial tcp 10.0.0.1:6443: i/o timeout');
  }
  #answerOf(there: Server, request: ApiRequest): Promise<ApiResponse> {
    return new Promise((resolve, reject) => {
      there.life.onEnd(() => reject(serviceUnavailableError('the connection to the server was lost')));
      there.handler.handle(request).then((response) => (there.life.alive ? resolve(response) : undefined), reject);
    });
  }
  /** Events travel one behind the other. */
  #open(open: (sink: WatchSink) => Disposable, sink: WatchSink, there: Server): Disposable {
    const { conditions, life, dice } = this.#options;
    let over = false;
    const inner: { stream?: Disposable } = {};
    let arrivesMs = life.clock.monotonicMs();
    const deliver = (run: () => void): void => {
      if (over || !life.alive) return;
      // What is lost on the way ends the connection: nothing comes behind it.
      if (conditions.cut) return finish();
      arrivesMs = Math.max(arrivesMs, life.clock.monotonicMs() + dice.around(conditions.latencyMs));
      life.clock.schedule(arrivesMs - life.clock.monotonicMs(), () => (over ? undefined : run()));
    };
    const finish = (): void => {
      over = true;
      this.#watches.delete(watch);
      inner.stream?.[Symbol.dispose]();
    };
    const end = (): void => {
      finish();
      sink.onEnd();
    };
    const watch = {
      breakOff: (silentShare: number): void => {
        if (over) return;
        const silent = dice.chance(silentShare);
        finish();
        if (!silent) life.clock.schedule(dice.around(conditions.latencyMs), () => sink.onEnd());
      },
    };
    this.#watches.add(watch);
    inner.stream = open({
      onEvent: (event: WatchEvent) => deliver(() => sink.onEvent(event)),
      onEnd: () => deliver(end),
    });
    if (over) inner.stream[Symbol.dispose]();
    there.life.onEnd(() => deliver(end));
    return { [Symbol.dispose]: finish };
  }
}
