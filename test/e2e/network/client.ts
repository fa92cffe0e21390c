// A test client that stays: requests over HTTP/1.1 and HTTP/2, a steady load, and tunnels, as its parent orders. Node 192.0.2.1.
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

export interface RequestOrder {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly address?: string;
  readonly http2?: boolean;
  /** Of the client. */
  readonly certificate?: string;
  readonly key?: string;
  readonly tlsVersion?: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** Of a tunnel: nothing is written. */
  readonly idle?: boolean;
  /** A connection that stays, shared by all such requests. */
  readonly keep?: boolean;
}
export interface Answer {
  /** 0: no answer, and `body` says why. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly protocol: string;
  /** Common name in the server's certificate. */
  readonly certificateName: string;
}
export interface LoadResult {
  readonly good: number;
  readonly failures: readonly string[];
}

const failed = (error: unknown): Answer => ({
  status: 0,
  headers: {},
  body: error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error),
  protocol: '',
  certificateName: '',
});
const kept = {
  http: new http.Agent({ keepAlive: true, maxSockets: 2 }),
  https: new https.Agent({ keepAlive: true, maxSockets: 2 }),
};

function request(order: RequestOrder): Promise<Answer> {
  const url = new URL(order.url);
  if (order.http2 === true) return request2(order, url);
  const secure = url.protocol === 'https:';
  return new Promise((resolve) => {
    const sent = (secure ? https : http).request(
      {
        host: order.address ?? '192.0.2.1',
        port: url.port || (secure ? 443 : 80),
        method: order.method ?? 'GET',
        path: `${url.pathname}${url.search}`,
        headers: { host: url.host, ...order.headers },
        agent: order.keep === true ? (secure ? kept.https : kept.http) : false,
        timeout: 5_000,
        ...(secure
          ? {
              rejectUnauthorized: false,
              servername: url.hostname,
              cert: order.certificate,
              key: order.key,
              ...(order.tlsVersion === undefined
                ? {}
                : { minVersion: order.tlsVersion, maxVersion: order.tlsVersion, ciphers: 'DEFAULT:@SECLEVEL=0' }),
            }
          : {}),
      },
      (response) => {
        // When the connection ends with the answer, it has no certificate any more.
        const peer = secure ? (response.socket as TLSSocket).getPeerCertificate().subject?.CN : undefined;
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => (body += part));
        response.on('error', (error) => resolve(failed(error)));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body,
            protocol: `HTTP/${response.httpVersion}`,
            certificateName: String(peer ?? ''),
          }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('timeout')));
    sent.on('error', (error) => resolve(failed(error)));
    sent.end(order.body);
  });
}

function request2(order: RequestOrder, url: URL): Promise<Answer> {
  return new Promise((resolve) => {
    const session = http2.connect(url.origin, {
      host: order.address ?? '192.0.2.1',
      servername: url.hostname,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    session.on('error', (error) => resolve(failed(error)));
    const stream = session.request({ ':path': url.pathname, ...order.headers });
    let body = '';
    let headers: Answer['headers'] = {};
    stream.on('response', (all) => (headers = all as Answer['headers']));
    stream.setEncoding('utf8').on('data', (part: string) => (body += part));
    stream.on('error', (error) => resolve(failed(error)));
    stream.on('end', () => {
      resolve({
        status: Number(headers[':status'] ?? 0),
        headers,
        body,
        protocol: session.alpnProtocol === 'h2' ? 'HTTP/2' : '',
        certificateName: '',
      });
      session.close();
    });
  });
}

let loading: { stopped: boolean; done: Promise<LoadResult> } | undefined;
function load(orders: readonly RequestOrder[], everyMs: number): void {
  const state = { stopped: false, done: Promise.resolve<LoadResult>({ good: 0, failures: [] }) };
  const run = async (): Promise<LoadResult> => {
    let good = 0;
    const failures: string[] = [];
    const open = new Set<Promise<void>>();
    for (let count = 0; !state.stopped; count++) {
      const order = orders[count % orders.length]!;
      const one = request(order).then(({ status, body }) => {
        open.delete(one);
        if (status === 200) good++;
        else failures.push(`${order.url}: ${status} ${body.slice(0, 80)}`);
      });
      open.add(one);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    await Promise.all(open);
    return { good, failures };
  };
  state.done = run();
  loading = state;
}

/** A connection beyond HTTP (Upgrade): what is written comes back. */
let tunnel: { socket: Duplex; echoed: number; ended: string | undefined } | undefined;
function openTunnel(order: RequestOrder): Promise<string> {
  const url = new URL(order.url);
  return new Promise((resolve) => {
    const sent = https.request({
      host: '192.0.2.1',
      port: 443,
      path: '/',
      headers: { host: url.host, connection: 'Upgrade', upgrade: 'echo' },
      agent: false,
      rejectUnauthorized: false,
      servername: url.hostname,
    });
    sent.on('upgrade', (_response, socket) => {
      const state = { socket, echoed: 0, ended: undefined as string | undefined };
      tunnel = state;
      socket.on('data', (part: Buffer) => (state.echoed += part.length));
      socket.on('error', (error) => (state.ended = error.message));
      socket.on('close', () => (state.ended ??= 'closed'));
      const timer = setInterval(() => {
        if (state.ended !== undefined) clearInterval(timer);
        else if (order.idle !== true) socket.write('x');
      }, 20);
      resolve('open');
    });
    sent.on('response', (response) => resolve(`answer ${response.statusCode}`));
    sent.on('error', (error) => resolve(error.message));
    sent.end();
  });
}

process.on(
  'message',
  (message: { id: number; type: string; order?: RequestOrder; orders?: RequestOrder[]; everyMs?: number }) => {
    const reply = (result: unknown) => process.send?.({ id: message.id, result });
    switch (message.type) {
      case 'request':
        void request(message.order!).then(reply);
        break;
      case 'load':
        load(message.orders!, message.everyMs ?? 10);
        reply('started');
        break;
      case 'endLoad':
        if (loading !== undefined) {
          loading.stopped = true;
          void loading.done.then(reply);
        }
        break;
      case 'tunnel':
        void openTunnel(message.order!).then(reply);
        break;
      default:
        reply({ echoed: tunnel?.echoed ?? 0, ended: tunnel?.ended });
    }
  },
);
process.on('disconnect', () => process.exit(0));
process.send?.({ id: 0, result: 'ready' });
