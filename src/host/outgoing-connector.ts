// HTTP requests that the API server makes to servers of others (webhooks, aggregated servers, token reviewers), over kept
// connections. Redirects are not followed and no proxy of the environment is used. Not here: whom to ask, and what for.
import http from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type UpgradeAnswer, singleHeaders, upgradeAnswer } from './upgrade-answer.ts';

export interface OutgoingTarget {
  /** Name or address to connect to. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Expected in the certificate, where that is not `host`. */
  readonly serverName?: string | undefined;
  /** PEM; absent: the system's. */
  readonly authorities?: string | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
  /** PEM, of this client. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}
export interface OutgoingRequest {
  readonly method: string;
  readonly pathAndQuery: string;
  /** A list becomes a header for each value. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Ends the request and its answer. */
  readonly signal: AbortSignal;
}
export interface OutgoingAnswer {
  readonly status: number;
  /** Lower-case names; several values are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly stream: AsyncIterable<Uint8Array>;
}

/** Pools are of one set of authorities, names and client certificates each; the one that was not used longest goes. */
const poolsMax = 64;
const idleConnectionsMax = 4;
const connectionsMax = 256;
const keepAliveMs = 30_000;
/** As Go's transport: an idle connection is closed. */
const idleMs = 90_000;
const repeatsMax = 2;
/** As Go's dialer. */
const connectTimeoutMs = 30_000;

export class OutgoingConnections {
  /** In the order of their last use. */
  readonly #pools = new Map<string, http.Agent>();

  /** Resolves with the head of the answer; rejects when there is none. */
  async request(target: OutgoingTarget, request: OutgoingRequest): Promise<OutgoingAnswer> {
    for (let attempt = 0; ; attempt++) {
      const sent = this.#begin(target, request, this.#pool(target));
      try {
        return await answerOf(sent, request.body);
      } catch (error) {
        // The other end closed an idle connection just when it was taken: nothing was answered, and nothing was done.
        const isStale = sent.reusedSocket && !request.signal.aborted && isClosedByPeer(error);
        // A body that streams is there once.
        const isRepeatable = request.body === undefined || request.body instanceof Uint8Array;
        if (!isStale || !isRepeatable || attempt >= repeatsMax) throw error;
      }
    }
  }
  /** The raw connection behind an upgrade, or the refusal with its body. */
  upgrade(target: OutgoingTarget, request: Omit<OutgoingRequest, 'body'>): Promise<UpgradeAnswer> {
    return upgradeAnswer(this.#begin(target, request, false));
  }
  close(): void {
    for (const pool of this.#pools.values()) pool.destroy();
    this.#pools.clear();
  }
  #begin(
    target: OutgoingTarget,
    request: Omit<OutgoingRequest, 'body'>,
    agent: http.Agent | false,
  ): http.ClientRequest {
    const options: https.RequestOptions = {
      host: target.host,
      port: target.port,
      method: request.method,
      path: request.pathAndQuery,
      headers: request.headers as http.OutgoingHttpHeaders,
      signal: request.signal,
      agent,
      ...(agent === false && target.secure ? tlsOf(target) : {}),
    };
    const sent = target.secure ? https.request(options) : http.request(options);
    limitConnecting(sent, target);
    return sent;
  }
  #pool(target: OutgoingTarget): http.Agent {
    const { secure, authorities, serverName, insecureSkipVerify, certificate, key } = target;
    const identity = JSON.stringify([secure, authorities, serverName, insecureSkipVerify, certificate, key]);
    let pool = this.#pools.get(identity);
    this.#pools.delete(identity);
    if (pool === undefined) {
      const kept = {
        keepAlive: true,
        keepAliveMsecs: keepAliveMs,
        maxFreeSockets: idleConnectionsMax,
        maxSockets: connectionsMax,
        timeout: idleMs,
      };
      pool = secure ? new https.Agent({ ...kept, ...tlsOf(target) }) : new http.Agent(kept);
    }
    this.#pools.set(identity, pool);
    for (const [oldest, one] of this.#pools) {
      if (this.#pools.size <= poolsMax) break;
      this.#pools.delete(oldest);
      retire(one);
    }
    return pool;
  }
}

const tlsOf = (target: OutgoingTarget): https.AgentOptions => ({
  rejectUnauthorized: target.insecureSkipVerify !== true,
  minVersion: 'TLSv1.2',
  ...(target.authorities === undefined ? {} : { ca: target.authorities }),
  ...(target.serverName === undefined ? {} : { servername: target.serverName }),
  ...(target.certificate === undefined ? {} : { cert: target.certificate }),
  ...(target.key === undefined ? {} : { key: target.key }),
});

const isClosedByPeer = (error: unknown): boolean =>
  error instanceof Error && ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');

function answerOf(sent: http.ClientRequest, body: OutgoingRequest['body']): Promise<OutgoingAnswer> {
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.once('response', (answer) => {
      const stream = answer as AsyncIterable<Uint8Array>;
      resolve({ status: answer.statusCode ?? 0, headers: singleHeaders(answer.headers), stream });
    });
    if (body === undefined || body instanceof Uint8Array) sent.end(body);
    // Its own error comes first; where the body itself fails, so does the request.
    else pipeline(Readable.from(body, { objectMode: false }), sent).catch(reject);
  });
}

/** Closes what is idle now, and what is in use when it becomes idle. */
function retire(pool: http.Agent): void {
  pool.maxFreeSockets = 0;
  for (const sockets of Object.values(pool.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

/** Ends the attempt when no connection comes about in time. */
function limitConnecting(sent: http.ClientRequest, { host, port, secure }: OutgoingTarget): void {
  sent.once('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => sent.destroy(new Error(`dial tcp ${host}:${port}: i/o timeout`)), connectTimeoutMs);
    timer.unref();
    const settled = () => clearTimeout(timer);
    socket.once(secure ? 'secureConnect' : 'connect', settled);
    sent.once('close', settled);
  });
}
