// The DRA drivers of this node: registered by their sockets and found by name. What they tell of devices (ResourceSlices) goes when
// they do: nobody shall be scheduled onto devices that no driver gives.
import { ResourceSlices } from '#api/generated/kind-references.ts';
import { isNotFound } from '#api/status.ts';
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Client } from '#client/client.ts';
import { connectGrpc, type GrpcConnection, type GrpcTable } from '#wire/grpc.ts';
import type { Plugin, PluginHandler } from '../plugins/registration.ts';
import { type DraClaim, draTables, type PrepareAnswer, type UnprepareAnswer } from './table.ts';

export interface DraDriversOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scope: Scope;
  readonly nodeName: string;
  /** A driver can be asked: who waits for it may go on. */
  readonly onRegistered: (driver: string) => void;
  /** So long a driver may be away before its slices go. */
  readonly wipeDelayMs?: number;
}

interface Registered {
  readonly endpoint: string;
  readonly connection: GrpcConnection;
  readonly table: GrpcTable;
  connected: boolean;
}

/** Upstream's: half of the time after which a Pod is tried again. */
const callTimeoutMs = 45_000;
/** Enough for a driver's Pod to be replaced. */
const wipeDelayMsDefault = 30_000;

export class DraDrivers implements PluginHandler {
  readonly #options: DraDriversOptions;
  /** Of one driver several may run while it is updated: the last one that came is asked. */
  readonly #registered = new Map<string, Registered[]>();
  readonly #wipes = new Map<string, { cancel(): void }>();

  constructor(options: DraDriversOptions) {
    this.#options = options;
    options.scope.onClose(() => {
      for (const one of this.#registered.values()) for (const { connection } of one) connection.close();
      for (const wipe of this.#wipes.values()) wipe.cancel();
    });
  }

  /** No driver has come yet after a start, and some may never: what they told before does not hold. */
  start(): void {
    this.#options.scope.spawn('resource slices', (signal) => this.#wipe(undefined, signal));
  }

  validate({ name, endpoint, supportedVersions }: Plugin): void {
    serviceOf(name, endpoint, supportedVersions);
  }

  async register({ name, endpoint, supportedVersions }: Plugin): Promise<void> {
    const { logger, onRegistered } = this.#options;
    const service = serviceOf(name, endpoint, supportedVersions);
    if (this.#registered.get(name)?.some((one) => one.endpoint === endpoint) === true)
      throw new Error(`endpoint ${endpoint} already registered for DRA driver plugin ${name}`);
    const connection = await connectGrpc(`unix://${endpoint}`);
    const registered: Registered = { endpoint, connection, table: draTables[service]!, connected: false };
    this.#registered.set(name, [...(this.#registered.get(name) ?? []), registered]);
    connection.follow((connected) => {
      registered.connected = connected;
      this.#planWipe(name);
    });
    this.#planWipe(name);
    logger.info('a DRA driver is registered', { driver: name, service });
    onRegistered(name);
  }

  async deregister({ name, endpoint }: Plugin): Promise<void> {
    const all = this.#registered.get(name) ?? [];
    const left = all.filter((one) => one.endpoint !== endpoint);
    if (left.length === 0) this.#registered.delete(name);
    else this.#registered.set(name, left);
    for (const one of all) if (one.endpoint === endpoint) one.connection.close();
    this.#planWipe(name);
  }

  /** Throws as upstream does when there is none. */
  check(name: string): void {
    this.#get(name);
  }

  async prepare(name: string, claims: readonly DraClaim[]): Promise<PrepareAnswer> {
    return (await this.#call(name, 'NodePrepareResources', { claims })) as PrepareAnswer;
  }

  async unprepare(name: string, claims: readonly DraClaim[]): Promise<UnprepareAnswer> {
    return (await this.#call(name, 'NodeUnprepareResources', { claims })) as UnprepareAnswer;
  }

  async #call(name: string, method: string, request: object): Promise<object> {
    const { connection, table } = this.#get(name);
    const { signal } = this.#options.scope;
    const answer = await connection.unary(table, method, request, { timeoutMs: callTimeoutMs, signal });
    return (answer as { readonly claims: object }).claims;
  }

  #get(name: string): Registered {
    const all = this.#registered.get(name) ?? [];
    const found = all.findLast((one) => one.connected) ?? all.at(-1);
    if (found === undefined) throw new Error(`DRA driver ${name} is not registered`);
    return found;
  }

  /** From the first moment on that nobody of the driver can be asked. */
  #planWipe(name: string): void {
    const { clock, scope, wipeDelayMs = wipeDelayMsDefault } = this.#options;
    if (scope.closed) return;
    if (this.#registered.get(name)?.some((one) => one.connected) === true) {
      this.#wipes.get(name)?.cancel();
      this.#wipes.delete(name);
      return;
    }
    if (this.#wipes.has(name)) return;
    const abort = new AbortController();
    const timer = clock.schedule(wipeDelayMs, () => {
      scope.spawn(`resource slices of ${name}`, async (signal) => {
        await this.#wipe(name, AbortSignal.any([signal, abort.signal]));
        if (!abort.signal.aborted) this.#wipes.delete(name);
      });
    });
    this.#wipes.set(name, {
      cancel() {
        timer.cancel();
        abort.abort();
      },
    });
  }

  /** Until none is left; of one driver, or of all. */
  async #wipe(driver: string | undefined, signal: AbortSignal): Promise<void> {
    const { client, clock, logger, nodeName } = this.#options;
    const slices = client.resource(ResourceSlices);
    const fieldSelector = `spec.nodeName=${nodeName}${driver === undefined ? '' : `,spec.driver=${driver}`}`;
    for (let waitMs = 1_000; !signal.aborted; waitMs = Math.min(300_000, waitMs * 2))
      try {
        const { items } = await slices.list({ fieldSelector });
        for (const { metadata } of items) {
          // A driver that has come back meanwhile keeps what it has.
          if (signal.aborted) return;
          await slices
            .delete({ name: metadata.name ?? '' }, { preconditions: { uid: metadata.uid } })
            .catch((error: unknown) => {
              if (!isNotFound(error)) throw error;
            });
        }
        if (items.length > 0)
          logger.info('resource slices of drivers that are not here are removed', { count: items.length, driver });
        return;
      } catch (error) {
        if (signal.aborted) return;
        logger.debug('resource slices were not removed', { error: messageOf(error), retryInMs: waitMs });
        await sleep(clock, waitMs, signal).catch(() => undefined);
      }
  }
}

/** The first that the plugin names and that is spoken here; throws what is wrong. */
function serviceOf(name: string, endpoint: string, offered: readonly string[]): string {
  const fail = (why: string) =>
    new Error(`invalid supported gRPC versions of DRA driver plugin ${name} at endpoint ${endpoint}: ${why}`);
  if (offered.length === 0) throw fail('empty list of supported gRPC services (aka supported versions)');
  const found = offered.find((one) => Object.hasOwn(draTables, one));
  const list = (all: readonly string[]) => `[${all.map((one) => JSON.stringify(one)).join(' ')}]`;
  if (found === undefined)
    throw fail(
      `none of services supported by the plugin (${list(offered)}) are supported by the kubelet (${list(Object.keys(draTables))})`,
    );
  return found;
}
