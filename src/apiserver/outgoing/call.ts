// One call of the API server to a server that somebody named in an object: by URL or by Service. The whole answer is read, up
// to a limit; failures are told as upstream tells them.
import { X509Certificate } from 'node:crypto';
import type { ApiServerOptions } from '../options.ts';
import type { OutgoingTarget } from '../ports.ts';
import { connectionError } from './connection-errors.ts';
import { AnswerTooLarge, exchange, RedirectError, UnreadableAnswer } from './follow.ts';
import { serviceAddress } from './service-address.ts';

/** As clientConfig of webhooks says it. */
export interface ClientConfig {
  readonly url?: string | undefined;
  readonly service?:
    | {
        readonly namespace: string;
        readonly name: string;
        readonly path?: string | undefined;
        readonly port?: number | undefined;
      }
    | undefined;
  /** Base64 of PEM. */
  readonly caBundle?: string | undefined;
}

export interface OutgoingCall {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** Put behind the path, such as `timeout=10s`. */
  readonly query: string;
  /** Absent: only `signal` ends it. */
  readonly timeoutMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly answerBytesMax: number;
}

export interface OutgoingResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** `message` is upstream's: `Post "https://a.b.svc:443/?timeout=10s": context deadline exceeded`. */
export class OutgoingError extends Error {
  /** Who asked has gone, or the whole request ran out of time. */
  readonly isCanceled: boolean;
  /** What was configured cannot be called at all. */
  readonly isMisconfigured: boolean;
  constructor(message: string, { isCanceled = false, isMisconfigured = false } = {}) {
    super(message);
    this.name = 'OutgoingError';
    this.isCanceled = isCanceled;
    this.isMisconfigured = isMisconfigured;
  }
}

interface Place {
  /** With host and port, as errors show it. */
  readonly origin: string;
  readonly path: string;
  target(): OutgoingTarget;
}

const defaultPort = 443;

function placeOf(options: ApiServerOptions, config: ClientConfig): Place {
  const { service, url, caBundle = '' } = config;
  const authorities = caBundle === '' ? {} : { authorities: authoritiesOf(caBundle) };
  if (service !== undefined) {
    const { namespace, name, path = '', port = defaultPort } = service;
    const serverName = `${name}.${namespace}.svc`;
    return {
      origin: `https://${serverName}:${port}`,
      path: rooted(path),
      target: () => ({
        ...serviceAddress(options.store, options.random, { namespace, name, port }),
        secure: true,
        serverName,
        ...authorities,
      }),
    };
  }
  if (url === undefined || url === '') throw new OutgoingError('webhook configuration must have either service or URL');
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new OutgoingError(`Unparsable URL: ${url}`, { isMisconfigured: true });
  }
  const secure = parsed.protocol === 'https:';
  return {
    origin: `${parsed.protocol}//${parsed.host}`,
    path: rooted(parsed.pathname),
    target: () => ({
      host: parsed.hostname.replace(/^\[|\]$/g, ''),
      port: parsed.port === '' ? (secure ? defaultPort : 80) : Number(parsed.port),
      secure,
      ...authorities,
    }),
  };
}

/** Bundles that were read: a webhook is called with every write. */
const readBundles = new Map<string, string>();
const readBundlesMax = 64;

/** Throws an OutgoingError for what holds no certificate; validation lets it pass, as upstream's. */
function authoritiesOf(caBundle: string): string {
  const known = readBundles.get(caBundle);
  if (known !== undefined) return known;
  const text = Buffer.from(caBundle, 'base64').toString('utf8');
  const unusable = (cause: string) =>
    new OutgoingError(`unable to load root certificates: ${cause}`, { isMisconfigured: true });
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (blocks === null) throw unusable('unable to parse bytes as PEM block');
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch {
    throw unusable('failed to parse certificate');
  }
  if (readBundles.size >= readBundlesMax) readBundles.clear();
  readBundles.set(caBundle, text);
  return text;
}

const rooted = (path: string): string => (path.startsWith('/') ? path : `/${path}`);

/** Rejects with an OutgoingError. */
export async function callOutgoing(
  options: ApiServerOptions,
  config: ClientConfig,
  call: OutgoingCall,
): Promise<OutgoingResult> {
  const place = placeOf(options, config);
  const pathAndQuery = `${place.path}${call.query === '' ? '' : `?${call.query}`}`;
  let [method, url] = [call.method, `${place.origin}${pathAndQuery}`];
  const failed = (cause: string, isCanceled = false): OutgoingError =>
    new OutgoingError(`${method.charAt(0)}${method.slice(1).toLowerCase()} "${url}": ${cause}`, { isCanceled });
  if (options.outgoing === undefined) throw failed('this API server makes no connections to others');

  const ending = new AbortController();
  let isLate = false;
  const timer =
    call.timeoutMs === undefined
      ? undefined
      : options.clock.schedule(call.timeoutMs, () => {
          isLate = true;
          ending.abort();
        });
  const cancel = (): void => ending.abort();
  if (call.signal.aborted) cancel();
  call.signal.addEventListener('abort', cancel, { once: true });
  let target: OutgoingTarget | undefined;
  let isRead = false;
  try {
    const result = await exchange(options.outgoing, {
      method,
      url,
      headers: { ...call.headers, 'user-agent': 'kube-apiserver-admission' },
      body: call.body,
      target: () => place.target(),
      answerBytesMax: call.answerBytesMax,
      signal: ending.signal,
      wait: (delayMs) => waitFor(options, delayMs, ending.signal),
      onRequest(nextMethod, nextUrl, nextTarget) {
        [method, url, target] = [nextMethod, nextUrl, nextTarget];
      },
    });
    isRead = true;
    return result;
  } catch (error) {
    if (isLate) throw failed('context deadline exceeded');
    if (ending.signal.aborted) throw failed('context canceled', true);
    if (error instanceof UnreadableAnswer) throw new OutgoingError(error.message);
    if (error instanceof AnswerTooLarge || error instanceof RedirectError) throw failed(error.message);
    // Before there is a target the error is the resolver's, in its own words.
    throw failed(target === undefined ? (error as Error).message : connectionError(error, target));
  } finally {
    timer?.cancel();
    call.signal.removeEventListener('abort', cancel);
    // An answer that was not read to its end must not hold its connection.
    if (!isRead) ending.abort();
  }
}

/** Ends at once when the signal does. */
function waitFor({ clock }: Pick<ApiServerOptions, 'clock'>, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.schedule(delayMs, end);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
