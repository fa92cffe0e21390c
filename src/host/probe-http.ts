// HTTP and HTTPS probes of containers and hooks: one request, no connection kept.
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';

export interface HttpProbe {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
  readonly redirectsMax: number;
}

export interface HttpProbeAnswer {
  readonly status: number;
  readonly body: string;
}

/** Follows redirects to the same host only, as upstream's probe; certificates are not verified, as documented there. */
export function probeHttp(request: HttpProbe): Promise<HttpProbeAnswer> {
  return new Promise((resolve, reject) => {
    const url = new URL(request.url);
    const options = { headers: request.headers, agent: false, signal: AbortSignal.timeout(request.timeoutMs) } as const;
    const onAnswer = (message: IncomingMessage): void => {
      const status = message.statusCode ?? 0;
      const { location } = message.headers;
      if (status >= 300 && status < 400 && location !== undefined && request.redirectsMax > 0) {
        const next = new URL(location, url);
        if (next.hostname === url.hostname) {
          message.destroy();
          resolve(probeHttp({ ...request, url: next.href, redirectsMax: request.redirectsMax - 1 }));
          return;
        }
      }
      const chunks: Buffer[] = [];
      let length = 0;
      const done = () =>
        resolve({ status, body: Buffer.concat(chunks).subarray(0, request.bodyBytesMax).toString('utf8') });
      message.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length >= request.bodyBytesMax) {
          done();
          message.destroy();
        }
      });
      message.on('end', done);
      message.on('error', reject);
    };
    const call =
      url.protocol === 'https:'
        ? httpsGet(url, { ...options, rejectUnauthorized: false }, onAnswer)
        : httpGet(url, options, onAnswer);
    call.on('error', (error: NodeJS.ErrnoException) => {
      const target = `Get ${JSON.stringify(request.url)}`;
      if (error.name === 'TimeoutError' || error.name === 'AbortError' || error.code === 'ABORT_ERR')
        reject(new Error(`${target}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)`));
      else if (error.code === 'ECONNREFUSED')
        reject(new Error(`${target}: dial tcp ${url.host}: connect: connection refused`));
      else reject(new Error(`${target}: ${error.message}`));
    });
  });
}
