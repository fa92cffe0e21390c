// HTTP requests to addresses of pods, for the API server's proxy subresources. Not here: whom to ask, and whether one may.
import http from 'node:http';
import https from 'node:https';
import { type UpgradeAnswer, upgradeAnswer } from './upgrade-answer.ts';

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}
export interface ProxyRequest {
  readonly method: string;
  readonly pathAndQuery: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  readonly signal: AbortSignal;
}
export interface ProxyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly stream: AsyncIterable<Uint8Array>;
}

const connectTimeoutMs = 30_000;

function begin(target: ProxyTarget, request: Omit<ProxyRequest, 'body'>): http.ClientRequest {
  const options: https.RequestOptions = {
    host: target.host,
    port: target.port,
    method: request.method,
    path: request.pathAndQuery,
    headers: request.headers,
    signal: request.signal,
    timeout: connectTimeoutMs,
    agent: false,
    // A pod's own certificate names no one that this server knows; upstream does not judge it either.
    rejectUnauthorized: false,
  };
  const sent = target.secure ? https.request(options) : http.request(options);
  sent.once('timeout', () => sent.destroy(new Error(`no answer from ${target.host}:${target.port}`)));
  return sent;
}

/** Resolves with the head of the answer; rejects when there is none. */
export function requestPod(target: ProxyTarget, request: ProxyRequest): Promise<ProxyAnswer> {
  return new Promise((resolve, reject) => {
    const sent = begin(target, request);
    sent.on('error', reject);
    sent.once('response', (answer) => {
      sent.setTimeout(0);
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(answer.headers))
        if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
      resolve({ status: answer.statusCode ?? 502, headers, stream: answer as AsyncIterable<Uint8Array> });
    });
    sent.end(request.body);
  });
}

/** The raw connection behind an upgrade (WebSocket), or the pod's refusal. */
export const upgradePod = (target: ProxyTarget, request: Omit<ProxyRequest, 'body'>): Promise<UpgradeAnswer> =>
  upgradeAnswer(begin(target, request));

export const podConnector = { request: requestPod, upgrade: upgradePod };
