// A control plane over TLS, with HTTP/1.1 or HTTP/2. A lost connection is made anew at the next request.
import http2 from 'node:http2';
import https from 'node:https';
import type { Readable } from 'node:stream';
import tls from 'node:tls';
import { type Answer, type Asked, NoAnswer, type OpenWatch, type Transport } from './transport.ts';

export interface Endpoint {
  readonly url: string;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface Response {
  readonly status: number;
  readonly body: Readable;
  abandon(): void;
}
type Send = (asked: Asked) => Promise<Response>;

const answerTimeoutMs = 8_000;

export function httpsTransport(endpoint: Endpoint, version: 1 | 2): Transport {
  const { send, close } = version === 1 ? http1(endpoint) : http2Sender(endpoint);
  return {
    close,
    async ask(asked) {
      const response = await send(asked);
      const timeout = setTimeout(() => response.abandon(), answerTimeoutMs);
      try {
        return { status: response.status, json: JSON.parse(await text(response.body)) } satisfies Answer;
      } catch (error) {
        throw new NoAnswer(true, error);
      } finally {
        clearTimeout(timeout);
      }
    },
    watch(path, onEvent): OpenWatch {
      let response: Response | undefined;
      let isClosed = false;
      const follow = async (): Promise<number> => {
        response = await send({ method: 'GET', path });
        if (isClosed) response.abandon();
        if (response.status !== 200) {
          response.abandon();
          return response.status;
        }
        let rest = '';
        for await (const chunk of response.body.setEncoding('utf8')) {
          const lines = `${rest}${String(chunk)}`.split('\n');
          rest = lines.pop()!;
          if (isClosed) break;
          for (const line of lines) onEvent(JSON.parse(line));
        }
        return 200;
      };
      return {
        ended: follow().catch(() => (response === undefined ? 0 : 200)),
        close() {
          isClosed = true;
          response?.abandon();
        },
      };
    },
  };
}

async function text(body: Readable): Promise<string> {
  let all = '';
  for await (const chunk of body.setEncoding('utf8')) all += String(chunk);
  return all;
}

const bodyOf = ({ body }: Asked): string => (body === undefined ? '' : JSON.stringify(body));
/** Node.js sends the body of a DELETE without its length otherwise. */
const headersOf = (asked: Asked): Record<string, string> =>
  asked.body === undefined
    ? {}
    : {
        'content-type': asked.contentType ?? 'application/json',
        'content-length': String(Buffer.byteLength(bodyOf(asked))),
      };

/** Nobody listens: then it certainly did not arrive. */
const mayHaveArrived = (error: unknown): boolean =>
  !(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED');

/** Made once: connections are refused and made by the hundreds. */
const contexts = new WeakMap<Endpoint, tls.SecureContext>();
function contextOf(endpoint: Endpoint): tls.SecureContext {
  const there = contexts.get(endpoint) ?? tls.createSecureContext(endpoint);
  contexts.set(endpoint, there);
  return there;
}

function http1(endpoint: Endpoint): { send: Send; close: () => void } {
  const { url } = endpoint;
  const agent = new https.Agent({ keepAlive: true, secureContext: contextOf(endpoint) });
  return {
    close: () => agent.destroy(),
    send: (asked) =>
      new Promise((resolve, reject) => {
        const outgoing = https.request(new URL(asked.path, url), {
          method: asked.method,
          agent,
          headers: headersOf(asked),
        });
        const timeout = setTimeout(() => outgoing.destroy(new Error('no answer in time')), answerTimeoutMs);
        outgoing.on('response', (body) => {
          clearTimeout(timeout);
          resolve({ status: body.statusCode ?? 0, body, abandon: () => void body.destroy() });
        });
        outgoing.on('error', (error) => {
          clearTimeout(timeout);
          reject(new NoAnswer(mayHaveArrived(error), error));
        });
        outgoing.end(bodyOf(asked));
      }),
  };
}

function http2Sender(endpoint: Endpoint): { send: Send; close: () => void } {
  let session: http2.ClientHttp2Session | undefined;
  const connected = (): http2.ClientHttp2Session => {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    session = http2.connect(endpoint.url, { secureContext: contextOf(endpoint) });
    // Each stream is told as well.
    session.on('error', () => {});
    return session;
  };
  return {
    close: () => session?.destroy(),
    send: (asked) =>
      new Promise((resolve, reject) => {
        const stream = connected().request(
          { ':method': asked.method, ':path': asked.path, ...headersOf(asked) },
          // And without its body here.
          { endStream: asked.body === undefined },
        );
        const timeout = setTimeout(() => stream.destroy(new Error('no answer in time')), answerTimeoutMs);
        stream.on('response', (headers) => {
          clearTimeout(timeout);
          resolve({ status: Number(headers[':status']), body: stream, abandon: () => void stream.destroy() });
        });
        stream.on('error', (error) => {
          clearTimeout(timeout);
          reject(new NoAnswer(mayHaveArrived(error), error));
        });
        // A session that ends may close its streams without an error.
        stream.on('close', () => {
          clearTimeout(timeout);
          reject(new NoAnswer(true, 'the stream was closed'));
        });
        if (asked.body !== undefined) stream.end(bodyOf(asked));
      }),
  };
}
