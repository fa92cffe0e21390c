// A whole document as Go's http.ServeContent gives it: with validators, ranges and conditions of both kinds.
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { respond, respondText } from '../responses.ts';

export interface Content {
  readonly bytes: Uint8Array;
  /** '' for none. */
  readonly contentType: string;
  /** Without quotes; '' for none. */
  readonly etag: string;
  readonly modifiedAtMs: number;
  /**
   * Where `modifiedAtMs` is the time of the answer: since when it has been the same. The times of conditions are whole seconds, so
   * what changed within the second in which a client asked is new to it.
   */
  readonly sameSinceMs?: number | undefined;
}

const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

/** A weak validator is as good as a strong one for these. */
function listHas(header: string, quoted: string): boolean {
  return header.split(',').some((one) => ['*', quoted].includes(one.trim().replace(/^W\//, '')));
}

/** The status that a condition of the request asks for; undefined: none does. */
function failedCondition({ method, headers }: ApiRequest, content: Content): 304 | 412 | undefined {
  const { etag, modifiedAtMs, sameSinceMs } = content;
  const isRead = method === 'GET' || method === 'HEAD';
  const quoted = JSON.stringify(etag);
  const match = headers['if-match'];
  const time = (name: string): number => Date.parse(headers[name] ?? '');
  if (match !== undefined && !listHas(match, quoted)) return 412;
  if (match === undefined && time('if-unmodified-since') < wholeSeconds(modifiedAtMs)) return 412;
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined && etag !== '') return listHas(noneMatch, quoted) ? (isRead ? 304 : 412) : undefined;
  const since = time('if-modified-since');
  const isSame = sameSinceMs === undefined ? since >= wholeSeconds(modifiedAtMs) : since > sameSinceMs;
  return isRead && isSame ? 304 : undefined;
}

type Range = { readonly from: number; readonly to: number } | 'all' | 'none' | 'invalid';

/** One range; who asks for several gets everything. */
function rangeOf({ headers }: ApiRequest, { bytes, etag }: Content): Range {
  const text = headers['range'];
  const condition = headers['if-range'];
  if (text === undefined || (condition !== undefined && condition !== JSON.stringify(etag))) return 'all';
  if (text.includes(',')) return 'all';
  const match = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/.exec(text);
  if (match === null || (match[1] === '' && match[2] === '')) return 'invalid';
  const [, first = '', last = ''] = match;
  if (first === '') return { from: Math.max(0, bytes.length - Number(last)), to: bytes.length };
  if (last !== '' && Number(last) < Number(first)) return 'invalid';
  if (Number(first) >= bytes.length) return 'none';
  return { from: Number(first), to: last === '' ? bytes.length : Math.min(bytes.length, Number(last) + 1) };
}

export function serveContent(
  request: ApiRequest,
  content: Content,
  headers: Readonly<Record<string, string>> = {},
): ApiResponse {
  const { bytes, contentType, etag, modifiedAtMs } = content;
  const tag: Readonly<Record<string, string>> = etag === '' ? {} : { etag: JSON.stringify(etag) };
  const modified = { 'last-modified': new Date(modifiedAtMs).toUTCString() };
  const failed = failedCondition(request, content);
  if (failed !== undefined)
    return respond(failed, { type: 'none' }, { ...headers, ...tag, ...(etag === '' ? modified : {}) });
  const range = rangeOf(request, content);
  if (range === 'none' || range === 'invalid') {
    const answer = respondText(`invalid range${range === 'none' ? ': failed to overlap' : ''}\n`, 416);
    const { vary } = headers;
    return {
      ...answer,
      headers: {
        ...answer.headers,
        ...(vary === undefined ? {} : { vary }),
        ...(range === 'none' ? { 'content-range': `bytes */${bytes.length}` } : {}),
      },
    };
  }
  const all = { ...headers, ...tag, ...modified, 'accept-ranges': 'bytes' };
  if (range === 'all') return respond(200, { type: 'bytes', contentType, parts: [bytes] }, all);
  return respond(
    206,
    { type: 'bytes', contentType, parts: [bytes.subarray(range.from, range.to)] },
    { ...all, 'content-range': `bytes ${range.from}-${range.to - 1}/${bytes.length}` },
  );
}
