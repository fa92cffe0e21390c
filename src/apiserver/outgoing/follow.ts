// One exchange as upstream's clients make it: redirects are followed, who says `Retry-After` is asked again, and answers may come
// compressed. How long that may take, and how large it may get, is the caller's.
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { messageOf } from '#base/errors.ts';
import type { OutgoingConnector, OutgoingTarget } from '../ports.ts';

const redirectsMax = 10;
const retriesMax = 10;
const unpack = promisify(gunzip);

export class AnswerTooLarge extends Error {}
/** Its answer came and could not be read. */
export class UnreadableAnswer extends Error {}
/** A redirect leads nowhere; `url` is what is told of where it was met. */
export class RedirectError extends Error {}

export interface Exchange {
  readonly method: string;
  /** As errors show it. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  /** Of the first request; asked again where a redirect leads to the same server. */
  target(): OutgoingTarget;
  readonly answerBytesMax: number;
  readonly signal: AbortSignal;
  wait(delayMs: number): Promise<void>;
  /** What is asked now, for errors. */
  onRequest(method: string, url: string, target: OutgoingTarget | undefined): void;
}

export interface ExchangeResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Seconds that an answer asks to wait before the next attempt. */
function retryAfterOf({ status, headers }: ExchangeResult): number | undefined {
  if (status !== 429 && status < 500) return undefined;
  const text = headers['retry-after'] ?? '';
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

export async function exchange(connector: OutgoingConnector, asked: Exchange): Promise<ExchangeResult> {
  for (let attempt = 0; ; attempt++) {
    const answer = await followed(connector, asked);
    const seconds = retryAfterOf(answer);
    if (seconds === undefined || attempt === retriesMax) return answer;
    asked.onRequest(asked.method, asked.url, undefined);
    if (seconds > 0) await asked.wait(seconds * 1000);
    asked.signal.throwIfAborted();
  }
}

const schemes: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80 };

function targetOf(url: URL, { authorities }: OutgoingTarget): OutgoingTarget {
  const port = schemes[url.protocol];
  if (port === undefined)
    throw new RedirectError(`unsupported protocol scheme ${JSON.stringify(url.protocol.slice(0, -1))}`);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? port : Number(url.port),
    secure: url.protocol === 'https:',
    ...(authorities === undefined ? {} : { authorities }),
  };
}

async function followed(connector: OutgoingConnector, asked: Exchange): Promise<ExchangeResult> {
  let { method, body, url: shown } = asked;
  let referer: string | undefined;
  const first = new URL(asked.url);
  let url = first;
  for (let count = 0; ; count++) {
    asked.onRequest(method, shown, undefined);
    const own = asked.target();
    const target = url.origin === first.origin ? own : targetOf(url, own);
    asked.onRequest(method, shown, target);
    const { 'content-type': contentType, ...headers } = asked.headers;
    const answer = await connector.request(target, {
      method,
      pathAndQuery: count === 0 ? asked.url.slice(first.origin.length) : `${url.pathname}${url.search}`,
      headers: {
        ...headers,
        ...(body === undefined || contentType === undefined ? {} : { 'content-type': contentType }),
        'accept-encoding': 'gzip',
        host: url.host,
        ...(body === undefined ? {} : { 'content-length': String(body.length) }),
        ...(referer === undefined ? {} : { referer }),
      },
      body,
      signal: asked.signal,
    });
    const { status } = answer;
    const content = await readAll(answer.stream, asked.answerBytesMax);
    const location = [301, 302, 303, 307, 308].includes(status) ? (answer.headers['location'] ?? '') : '';
    if (location === '')
      return { status, headers: answer.headers, body: await unpacked(answer.headers, content, asked) };
    const next = URL.parse(location, url);
    if (next === null) throw new RedirectError(`failed to parse Location header ${JSON.stringify(location)}`);
    shown = location;
    asked.onRequest(method, shown, target);
    if (count + 1 === redirectsMax) throw new RedirectError(`stopped after ${redirectsMax} redirects`);
    if (status < 307) [method, body] = [method === 'HEAD' ? method : 'GET', undefined];
    referer = url.protocol === 'https:' && next.protocol === 'http:' ? undefined : url.href;
    url = next;
  }
}

async function readAll(stream: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > limit) throw new AnswerTooLarge(`http: response body too large: more than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const gzipHeadBytes = 10;

/** As Go's reader calls what is wrong with compressed bytes. */
function gzipProblem(error: unknown, content: Uint8Array): string {
  const { code } = error as { readonly code?: string };
  if (code === 'Z_BUF_ERROR' || content.length < gzipHeadBytes) return 'unexpected EOF';
  const text = messageOf(error);
  return text.includes('header')
    ? 'gzip: invalid header'
    : text.includes('check')
      ? 'gzip: invalid checksum'
      : `gzip: ${text}`;
}

async function unpacked(
  headers: Readonly<Record<string, string>>,
  content: Uint8Array,
  { answerBytesMax }: Exchange,
): Promise<Uint8Array> {
  if (headers['content-encoding']?.toLowerCase() !== 'gzip' || content.length === 0) return content;
  try {
    return await unpack(content, { maxOutputLength: answerBytesMax });
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new AnswerTooLarge(`http: response body too large: more than ${answerBytesMax} bytes`);
    throw new UnreadableAnswer(
      `unexpected error when reading response body. Please retry. Original error: ${gzipProblem(error, content)}`,
    );
  }
}
