// The TLS listener of the API server: HTTP/2 and HTTP/1.1 by ALPN, upgrades (HTTP/1.1), client certificates asked for and
// verified but not demanded, certificates changed without dropping connections. What a request means is not here.
import { requestHeadBytesMax } from '#base/limits.ts';
import { X509Certificate } from 'node:crypto';
import http2 from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { createSecureContext } from 'node:tls';

export type HttpsRequest = IncomingMessage | Http2ServerRequest;
export type HttpsResponse = ServerResponse | Http2ServerResponse;

export interface HttpsCertificate {
  /** PEM: the leaf first. */
  readonly certificateChain: string;
  readonly privateKey: string;
}

/** Milliseconds that a client has for each step; after them its connection ends. */
export interface Patience {
  readonly handshakeMs: number;
  readonly headersMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** How often headers are looked at. */
  readonly checkMs: number;
}
/** Headers and idleness as upstream. */
const defaultPatience: Patience = { handshakeMs: 10_000, headersMs: 32_000, idleMs: 90_000, checkMs: 30_000 };

export interface HttpsServerOptions {
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  /** The certificate for clients whose SNI name nothing else covers. */
  readonly certificate: HttpsCertificate;
  /** Of the names (exact, or `*.example.com`) that clients ask for. */
  readonly namedCertificates?: readonly (HttpsCertificate & { readonly names: readonly string[] })[] | undefined;
  /** PEM of the authorities that client certificates are verified with. */
  readonly clientAuthorities: string;
  /** PEM of the authorities of front proxies: what they signed identifies no client. Absent: there are none. */
  readonly frontProxyAuthorities?: string | undefined;
  /** Default: TLS 1.2 with Node's suites. */
  readonly tls?: { readonly minVersion: 'TLSv1.2' | 'TLSv1.3'; readonly ciphers: string } | undefined;
  /** Default: `defaultPatience`. */
  readonly patience?: Patience | undefined;
  onRequest(request: HttpsRequest, response: HttpsResponse): void;
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
  /** A connection failed before it carried a request: bad TLS, bad HTTP. */
  onConnectionError?(error: Error): void;
}

const defaultTls = { minVersion: 'TLSv1.2' } as const;

export interface ClientCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly uid: string | undefined;
  /** SHA-256 in lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** Verified against the client authorities. */
  readonly isClient: boolean;
  /** Verified against the front proxies' authorities. */
  readonly isFrontProxy: boolean;
}

/** SHA-256 fingerprints of authorities. */
interface Trust {
  readonly client: ReadonlySet<string>;
  readonly frontProxy: ReadonlySet<string>;
}
const fingerprints = (bundle: string): ReadonlySet<string> =>
  new Set(
    (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
      (one) => new X509Certificate(one).fingerprint256,
    ),
  );
/** Of requests to servers with front proxies' authorities: to TLS both kinds of authorities are one. */
const trustOf = new WeakMap<object, Trust>();

/** Which of the authorities stand in the verified chain. */
function signedBy(socket: TLSSocket, trust: Trust): Pick<ClientCertificate, 'isClient' | 'isFrontProxy'> {
  let [isClient, isFrontProxy] = [false, false];
  const seen = new Set<string>();
  for (
    let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    at !== undefined && !seen.has(at.fingerprint256);
    at = at.issuerCertificate
  ) {
    seen.add(at.fingerprint256);
    isClient ||= trust.client.has(at.fingerprint256);
    isFrontProxy ||= trust.frontProxy.has(at.fingerprint256);
  }
  return { isClient, isFrontProxy };
}

export interface HttpsServer {
  readonly address: string;
  readonly port: number;
  /** New connections use it; those that are there stay. */
  reload(
    options: Pick<
      HttpsServerOptions,
      'certificate' | 'namedCertificates' | 'clientAuthorities' | 'frontProxyAuthorities' | 'tls'
    >,
  ): void;
  /** This answer goes on until one of both ends leaves: `close` does not wait for it. */
  letGo(response: HttpsResponse): void;
  /** Takes no new connections, lets requests in work finish for at most `graceMs`, then ends what is left. */
  close(graceMs: number): Promise<void>;
}

/** The connection's certificate if its chain was verified against the client authorities and it is valid now. */
export function clientCertificateOf(request: HttpsRequest): ClientCertificate | undefined {
  const socket = ('stream' in request ? request.stream.session?.socket : request.socket) as TLSSocket | undefined;
  if (socket?.authorized !== true) return undefined;
  const known = certificates.get(socket);
  // It was valid when the connection began; a connection may live longer.
  if (known !== undefined) return Date.now() > known.validToMs ? undefined : known;
  const { subject, fingerprint256, valid_to: validTo } = socket.getPeerCertificate();
  if (subject === undefined) return undefined;
  const list = (value: string | string[] | undefined): string[] =>
    value === undefined ? [] : Array.isArray(value) ? value : [value];
  const trust = trustOf.get(request);
  const fields = subject as unknown as Readonly<Record<string, string | string[] | undefined>>;
  const certificate = {
    commonName: list(fields['CN'])[0] ?? '',
    organizations: list(fields['O']),
    // Kubernetes' own attribute for a user's uid (KEP-4633 era): OID 1.3.6.1.4.1.57683.2.
    uid: list(fields['1.3.6.1.4.1.57683.2'])[0],
    fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
    ...(trust === undefined ? { isClient: true, isFrontProxy: false } : signedBy(socket, trust)),
    validToMs: Date.parse(validTo),
  };
  certificates.set(socket, certificate);
  return certificate;
}
const certificates = new WeakMap<object, ClientCertificate & { readonly validToMs: number }>();

/** Streams of one HTTP/2 connection at a time: upstream's --http2-max-streams-per-connection. */
const streamsMax = 250;

const refused = (status: string, text = status): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${text}`;
/** What is no HTTP/1.1 request is answered as by upstream; undefined: the connection ends without a word. */
function refusalOf(code: string | undefined): string | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return refused('431 Request Header Fields Too Large');
  if (code === 'HPE_INVALID_VERSION') return refused('505 HTTP Version Not Supported: unsupported protocol version');
  if (code === 'HPE_INVALID_TRANSFER_ENCODING') return refused('501 Not Implemented', 'Unsupported transfer encoding');
  return code?.startsWith('HPE_') === true ? refused('400 Bad Request') : undefined;
}

/** Connections that have been told why; what still comes is not read. */
const refusing = new WeakSet<Duplex>();
/** As Go's server waits (net/http, rstAvoidanceDelay). */
const refusedPatienceMs = 500;

/**
 * Tells the client why, and ends its connection when it has heard that. Closing while its bytes wait unread would make the
 * kernel reset the connection, and the answer would be lost on its way: so they are read and thrown away for a while.
 */
function refuse(socket: Duplex, refusal: string): void {
  refusing.add(socket);
  const timer = setTimeout(() => socket.destroy(), refusedPatienceMs);
  socket.once('close', () => clearTimeout(timer));
  socket.removeAllListeners('data');
  socket.on('data', () => {});
  socket.once('end', () => socket.destroy());
  socket.end(refusal);
}

/**
 * Node gives what comes on a connection of HTTP/1.1 to its parser without the stream in between, until somebody listens to the
 * stream. When the last answer still waits for the connection as the next request comes, Node stops reading, but of TLS what is
 * decrypted already comes all the same, and the parser that was told to pause takes it for an error ("Paused"): a request whose body
 * has more than one record, 16 KiB, then loses its connection. The stream keeps it until reading goes on.
 */
function readThroughStream(socket: TLSSocket): void {
  socket.on('data', ignore);
  socket.off('data', ignore);
}
const ignore = (): void => {};

export function listenHttps(options: HttpsServerOptions): Promise<HttpsServer> {
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  let closing = false;
  let whenIdle: (() => void) | undefined;
  const trusted = ({ clientAuthorities, frontProxyAuthorities }: Parameters<HttpsServer['reload']>[0]) =>
    frontProxyAuthorities === undefined ? clientAuthorities : `${clientAuthorities}\n${frontProxyAuthorities}`;
  const trustIn = ({
    clientAuthorities,
    frontProxyAuthorities,
  }: Parameters<HttpsServer['reload']>[0]): Trust | undefined =>
    frontProxyAuthorities === undefined
      ? undefined
      : { client: fingerprints(clientAuthorities), frontProxy: fingerprints(frontProxyAuthorities) };
  const contextsOf = (given: Parameters<HttpsServer['reload']>[0]) =>
    (given.namedCertificates ?? []).map((one) => ({
      names: one.names,
      context: createSecureContext({
        cert: one.certificateChain,
        key: one.privateKey,
        ca: trusted(given),
        ...(given.tls ?? defaultTls),
      }),
    }));
  let contexts = contextsOf(options);
  let trust = trustIn(options);

  const patience = options.patience ?? defaultPatience;
  const limits: object = {
    handshakeTimeout: patience.handshakeMs,
    // Of HTTP/1.1; the types of http2 do not know them.
    headersTimeout: patience.headersMs,
    keepAliveTimeout: patience.idleMs,
    connectionsCheckingInterval: patience.checkMs,
    maxHeaderSize: requestHeadBytesMax,
  };
  const server: Http2SecureServer = http2.createSecureServer({
    ...limits,
    allowHTTP1: true,
    cert: options.certificate.certificateChain,
    key: options.certificate.privateKey,
    ca: trusted(options),
    requestCert: true,
    rejectUnauthorized: false,
    ...(options.tls ?? defaultTls),
    settings: { maxConcurrentStreams: streamsMax },
    maxHeaderListPairs: 512,
    SNICallback(name, done) {
      const asked = name.toLowerCase();
      const parent = `*${asked.slice(asked.indexOf('.'))}`;
      const found =
        contexts.find(({ names }) => names.includes(asked)) ?? contexts.find(({ names }) => names.includes(parent));
      done(null, found?.context);
    },
  });

  /**
   * Requests in work, without those that were let go. A number and no set of them: a set that much is added to and taken from
   * makes itself anew again and again, and what its old tables hold lives on until the next full collection.
   */
  let inWork = 0;
  const letGo = new WeakSet<HttpsResponse>();
  const finished = (): void => {
    if (--inWork === 0) whenIdle?.();
  };
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('secureConnection', (socket) => {
    if (socket.alpnProtocol !== 'h2') readThroughStream(socket);
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', (error) => options.onConnectionError?.(error));
  });
  server.on('request', (request, response) => {
    inWork++;
    // Comes once.
    response.on('close', () => {
      if (!letGo.has(response)) finished();
    });
    // HTTP/1.1 clients are asked to leave when the server is closing; HTTP/2 ones get GOAWAY.
    if (closing && request.httpVersionMajor === 1) response.setHeader('connection', 'close');
    // Without a certificate there is nothing to look at.
    if (trust !== undefined && (request.httpVersionMajor > 1 || (request.socket as TLSSocket).authorized))
      trustOf.set(request, trust);
    options.onRequest(request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (trust !== undefined) trustOf.set(request, trust);
    options.onUpgrade(request, socket, head);
  });
  server.on('tlsClientError', (error) => options.onConnectionError?.(error));
  server.on('sessionError', (error: Error) => options.onConnectionError?.(error));
  server.on('clientError' as 'tlsClientError', (error, socket) => {
    options.onConnectionError?.(error);
    const refusal = refusalOf((error as NodeJS.ErrnoException).code);
    // An answer that has begun would be spoiled by a second one.
    const answering =
      (socket as { _httpMessage?: { headersSent?: boolean } | null })._httpMessage?.headersSent === true;
    if (refusing.has(socket)) return;
    if (refusal === undefined || !socket.writable || answering) socket.destroy();
    else refuse(socket, refusal);
  });

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.address, port: options.port }, () => {
      server.off('error', reject);
      server.on('error', (error) => options.onConnectionError?.(error));
      const { address, port } = server.address() as AddressInfo;
      resolve({
        address,
        port,
        reload(next) {
          contexts = contextsOf(next);
          trust = trustIn(next);
          server.setSecureContext({
            cert: next.certificate.certificateChain,
            key: next.certificate.privateKey,
            ca: trusted(next),
            ...(next.tls ?? defaultTls),
          });
        },
        letGo(response) {
          if (response.closed || letGo.has(response)) return;
          letGo.add(response);
          finished();
        },
        async close(graceMs) {
          closing = true;
          const closed = new Promise<void>((done) => server.close(() => done()));
          for (const session of sessions) session.close();
          if (inWork > 0)
            await new Promise<void>((done) => {
              const timer = setTimeout(done, graceMs);
              whenIdle = () => {
                clearTimeout(timer);
                done();
              };
            });
          for (const session of sessions) session.destroy();
          for (const socket of sockets) socket.destroy();
          await closed;
        },
      });
    });
  });
}
