// HTTP requests to one server over kept connections (HTTP/1.1), for clients of an API server elsewhere. Credentials are asked
// for at each request, so that renewed ones are used without a restart.
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';

export interface HttpsCredentials {
  /** PEM. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly token?: string | undefined;
}

export interface HttpsServer {
  /** Such as `https://10.0.0.1:6443`. A path is put before every request's path. Asked for at each request, as the credentials. */
  readonly server: string;
  /** PEM; absent: the system's authorities. Asked for at each request, as the credentials. */
  readonly certificateAuthority?: string | undefined;
  /** Name to expect in the certificate, when it is not the server's. */
  readonly serverName?: string | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
  readonly credentials: () => HttpsCredentials;
  readonly keepAlive?: KeepAlive | undefined;
}

export interface HttpsRequest {
  readonly method: string;
  readonly pathAndQuery: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

export interface HttpsHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface HttpsReader {
  onHead(head: HttpsHead): void;
  onData(bytes: Uint8Array): void;
  /** Once. Undefined: the answer is complete. */
  onEnd(error: Error | undefined): void;
}

/** When the kernel asks whether the other side of a silent connection is still there: dead after about 45 s, as clients of upstream find. */
export interface KeepAlive {
  readonly silentMs: number;
  readonly intervalMs: number;
  readonly probes: number;
}
const standardKeepAlive: KeepAlive = { silentMs: 20_000, intervalMs: 5_000, probes: 5 };
const idleConnectionsMax = 8;

export class HttpsConnections {
  readonly #server: HttpsServer;
  #url: URL;
  #agent: http.Agent | undefined;
  #certificate: string | undefined;
  #key: string | undefined;
  #certificateAuthority: string | undefined;
  readonly #watched = new WeakSet<Socket>();

  constructor(server: HttpsServer) {
    this.#server = server;
    this.#url = new URL(server.server);
  }
  /** `idleMs`: the longest silence of the connection; absent: any. The result ends the request; `onEnd` is not called then. */
  open(request: HttpsRequest, reader: HttpsReader, idleMs?: number): Disposable {
    let over = false;
    const end = (error: Error | undefined): void => {
      if (over) return;
      over = true;
      reader.onEnd(error);
    };
    let outgoing: http.ClientRequest;
    try {
      outgoing = this.#request(request);
    } catch (error) {
      // Unreadable credentials, or what cannot be sent as a header or a path.
      queueMicrotask(() => end(error instanceof Error ? error : new Error(String(error))));
      return { [Symbol.dispose]: () => void (over = true) };
    }
    outgoing.on('socket', (socket) => this.#watchOver(socket));
    outgoing.on('response', (incoming) => {
      if (over) return;
      reader.onHead({ status: incoming.statusCode ?? 0, headers: singleHeaders(incoming.headers) });
      incoming.on('data', (bytes: Uint8Array) => {
        if (!over) reader.onData(bytes);
      });
      incoming.on('end', () => end(undefined));
      incoming.on('error', end);
      incoming.on('close', () => end(new Error('the connection was closed in the middle of an answer')));
    });
    outgoing.on('error', end);
    if (idleMs !== undefined)
      outgoing.setTimeout(idleMs, () => outgoing.destroy(new Error(`no answer within ${idleMs / 1_000} seconds`)));
    outgoing.end(request.body);
    return {
      [Symbol.dispose]() {
        if (over) return;
        over = true;
        outgoing.destroy();
      },
    };
  }
  /** Ends connections from an address that this machine no longer has: no answer would ever arrive. */
  endLost(addresses: ReadonlySet<string>): void {
    for (const socket of this.#sockets())
      if (socket.localAddress !== undefined && !addresses.has(socket.localAddress))
        socket.destroy(new Error(`this machine no longer has the address ${socket.localAddress}`));
  }
  /**
   * A connection whose other side no longer answers the kernel is dead, and so are the others: their requests would wait for the kernel to
   * give up what it has sent, a quarter of an hour.
   */
  #watchOver(socket: Socket): void {
    const { silentMs, intervalMs, probes } = this.#server.keepAlive ?? standardKeepAlive;
    // Again at each request: the agent sets its own when a connection becomes idle.
    socket.setKeepAlive(true, silentMs, intervalMs, probes);
    if (this.#watched.has(socket)) return;
    this.#watched.add(socket);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ETIMEDOUT') return;
      for (const other of this.#sockets()) other.destroy(new Error(`the connection to ${this.#server.server} is dead`));
    });
  }
  #sockets(): readonly Socket[] {
    const pools = [this.#agent?.sockets ?? {}, this.#agent?.freeSockets ?? {}];
    return pools.flatMap((one) => Object.values(one)).flatMap((sockets) => sockets ?? []);
  }
  /** Ends idle connections; requests under way are their callers' to end. */
  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }
  /** Where the server is another now, what is under way with the one before ends: its watches would tell of what was. */
  #follow(): void {
    const url = new URL(this.#server.server);
    if (url.href === this.#url.href) return;
    this.#url = url;
    for (const socket of this.#sockets()) socket.destroy(new Error(`the server is ${url.origin} now`));
  }
  #request(request: HttpsRequest): http.ClientRequest {
    this.#follow();
    const { certificate, key, token } = this.#server.credentials();
    const send = (this.#url.protocol === 'http:' ? http : https).request;
    return send({
      agent: this.#agentFor(certificate, key),
      host: this.#url.hostname.replace(/^\[|\]$/g, ''),
      port: this.#url.port === '' ? (this.#url.protocol === 'http:' ? 80 : 443) : this.#url.port,
      method: request.method,
      path: this.#url.pathname.replace(/\/$/, '') + request.pathAndQuery,
      headers: {
        ...request.headers,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(request.body === undefined ? {} : { 'content-length': String(request.body.length) }),
      },
    });
  }
  /** Connections carry the client's certificate: a new one needs new connections; the old ones finish what they do. */
  #agentFor(certificate: string | undefined, key: string | undefined): http.Agent {
    const { certificateAuthority, serverName, insecureSkipVerify } = this.#server;
    const isSame =
      this.#certificate === certificate && this.#key === key && this.#certificateAuthority === certificateAuthority;
    if (this.#agent !== undefined && isSame) return this.#agent;
    const { silentMs } = this.#server.keepAlive ?? standardKeepAlive;
    const kept = { keepAlive: true, keepAliveMsecs: silentMs, maxFreeSockets: idleConnectionsMax };
    if (this.#agent !== undefined) retire(this.#agent);
    this.#certificate = certificate;
    this.#key = key;
    this.#certificateAuthority = certificateAuthority;
    this.#agent =
      this.#url.protocol === 'http:'
        ? new http.Agent(kept)
        : new https.Agent({
            ...kept,
            ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
            ...(certificate === undefined ? {} : { cert: certificate }),
            ...(key === undefined ? {} : { key }),
            ...(serverName === undefined ? {} : { servername: serverName }),
            rejectUnauthorized: insecureSkipVerify !== true,
            minVersion: 'TLSv1.2',
          });
    return this.#agent;
  }
}

const singleHeaders = (headers: http.IncomingHttpHeaders): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );

/** Closes what is idle now, and what is in use when it becomes idle: destroying the agent would cut requests under way. */
function retire(agent: http.Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
