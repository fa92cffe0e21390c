// Answers at a Service's healthCheckNodePort whether this node has endpoints of it: load balancers outside ask there which nodes
// to send to under `externalTrafficPolicy: Local`. Ports, answers and event are those of kube-proxy.
import type { EndpointSlice, Service } from '#api/generated/types.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { EventRecorder } from '#client/client.ts';
import { startHttpServer, type HttpAnswer, type HttpServer } from '#host/http-server.ts';
import { isHandledHere, slicesForProxies } from './decide.ts';

export interface HealthPort {
  readonly service: Service;
  readonly port: number;
  /** Addresses of ready endpoints on this node. */
  readonly localEndpoints: number;
}

/** What a load balancer may ask about this Service; undefined: nothing. Pure. */
export function decideHealth(
  service: Service,
  slices: readonly EndpointSlice[],
  nodeName: string,
): HealthPort | undefined {
  const { type, externalTrafficPolicy, healthCheckNodePort: port } = service.spec;
  if (type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local' || port === undefined || port === 0)
    return undefined;
  if (!isHandledHere(service)) return undefined;
  const local = new Set<string>();
  for (const slice of slicesForProxies(slices))
    for (const { addresses, conditions, nodeName: on } of slice.endpoints ?? [])
      if (
        on === nodeName &&
        (conditions?.ready ?? true) &&
        addresses[0] !== undefined &&
        (slice.ports ?? []).length > 0
      )
        local.add(addresses[0]);
  return { service, port, localEndpoints: local.size };
}

export function answerHealth({ service, localEndpoints }: HealthPort, proxyHealthy: boolean): HttpAnswer {
  const { namespace = '', name = '' } = service.metadata;
  return {
    status: localEndpoints > 0 && proxyHealthy ? 200 : 503,
    contentType: 'application/json',
    headers: { 'x-load-balancing-endpoint-weight': String(localEndpoints) },
    body: JSON.stringify(
      { service: { namespace, name }, localEndpoints, serviceProxyHealthy: proxyHealthy },
      undefined,
      '\t',
    ),
  };
}

export interface ServiceHealthOptions {
  readonly nodeName: string;
  readonly logger: Logger;
  readonly events?: EventRecorder | undefined;
  /** Whether the kernel has what the Services say. */
  readonly proxyHealthy: () => boolean;
}

interface Listening {
  readonly port: number;
  readonly server: HttpServer;
}

export class ServiceHealth {
  readonly #options: ServiceHealthOptions;
  readonly #wanted = new Map<string, HealthPort>();
  readonly #listening = new Map<string, Listening>();
  readonly #failed = new Set<string>();
  #dirty = false;

  constructor(options: ServiceHealthOptions) {
    this.#options = options;
  }

  /** Holds at the next settle(); a new count of endpoints at once. */
  set(key: string, health: HealthPort | undefined): void {
    const before = this.#wanted.get(key);
    if (health === undefined) this.#wanted.delete(key);
    else this.#wanted.set(key, health);
    if (before?.port === health?.port) return;
    this.#failed.delete(key);
    this.#dirty = true;
  }

  /** Ports that could not be had are tried again by settle(). */
  get hasFailed(): boolean {
    return this.#failed.size > 0;
  }

  /** Closes and opens ports. Never rejects: a port that is taken concerns its Service alone. One call at a time. */
  async settle(): Promise<void> {
    if (!this.#dirty && this.#failed.size === 0) return;
    this.#dirty = false;
    // First what goes: its port may be another's now.
    for (const [key, { port, server }] of this.#listening)
      if (this.#wanted.get(key)?.port !== port) {
        this.#listening.delete(key);
        await server.close();
      }
    for (const [key, health] of this.#wanted) if (!this.#listening.has(key)) await this.#listen(key, health);
  }

  async close(): Promise<void> {
    for (const { server } of this.#listening.values()) await server.close();
    this.#listening.clear();
  }

  async #listen(key: string, { service, port }: HealthPort): Promise<void> {
    const { nodeName, events, logger, proxyHealthy } = this.#options;
    try {
      const server = await startHttpServer({
        // As node ports: on every address of the machine. The count is all that it tells.
        address: '0.0.0.0',
        port,
        isAllowed: () => true,
        answer: () => {
          const current = this.#wanted.get(key) ?? { service, port, localEndpoints: 0 };
          return Promise.resolve(answerHealth(current, proxyHealthy()));
        },
      });
      this.#listening.set(key, { port, server });
      this.#failed.delete(key);
    } catch (error) {
      if (this.#failed.has(key)) return;
      this.#failed.add(key);
      const { namespace, name } = service.metadata;
      const message = `node ${nodeName} failed to start healthcheck "${namespace}/${name}" on port ${port}: ${messageOf(error)}`;
      events?.event(
        { ...service, apiVersion: 'v1', kind: 'Service' },
        'Warning',
        'FailedToStartServiceHealthcheck',
        message,
      );
      logger.error('load balancers cannot ask about a Service here, trying again', { error: message });
    }
  }
}
