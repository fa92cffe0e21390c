// Passes a request on to the server behind an APIService: who may was decided before, who asks is told in headers, bodies are
// streams both ways. Loaded with the first such request. Texts of upstream's aggregator.
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { messageOf } from '#base/errors.ts';
import { requestTimeoutSeconds } from '#base/limits.ts';
import type { RequestContext } from '../context.ts';
import { respond, respondText } from '../responses.ts';
import { connectionError } from '../outgoing/connection-errors.ts';
import type { OutgoingTarget } from '../ports.ts';
import { isLongRunning } from '../steps/flow-control.ts';
import { joinUpgraded, withoutBearer } from '../subresources/connect.ts';
import { connectionHeaders } from '../outgoing/connection-headers.ts';
import { encodePath } from '../subresources/proxy.ts';
import type { RemoteApiService } from './api-services.ts';
import { targetOf } from './ask-server.ts';
import { identityHeaders, isIdentityHeader } from './front-proxy-headers.ts';

const notPassedOn = new Set([...connectionHeaders, 'proxy-connection', 'http2-settings']);
const discoveryTimeoutMs = 5_000;

const isOurs = (name: string): boolean =>
  notPassedOn.has(name) || name.startsWith('impersonate-') || isIdentityHeader(name);

function headersFor(context: RequestContext): Record<string, string | string[]> {
  const { headers: asked, remoteAddress } = context.request;
  const dropped = new Set((asked['connection'] ?? '').split(',').map((one) => one.trim().toLowerCase()));
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(asked))
    if (value !== undefined && !isOurs(name) && !dropped.has(name)) headers[name] = value;
  const forwarded = asked['x-forwarded-for'];
  return {
    ...headers,
    'x-forwarded-for': forwarded === undefined ? remoteAddress : `${forwarded}, ${remoteAddress}`,
    'x-forwarded-host': asked['host'] ?? '',
    'x-forwarded-proto': 'https',
    'x-forwarded-uri': encodePath(context.info.path),
    ...identityHeaders(context.user),
  };
}

function bodyOf(
  { body }: ApiRequest,
  headers: Record<string, string | string[]>,
): AsyncIterable<Uint8Array> | undefined {
  if (body.type === 'none') return undefined;
  if (body.type === 'bytes') {
    return body.stream?.() ?? once(() => body.read(Number.MAX_SAFE_INTEGER));
  }
  const bytes = Buffer.from(JSON.stringify(body.object));
  headers['content-type'] ??= 'application/json';
  headers['content-length'] = String(bytes.length);
  return once(async () => bytes);
}
async function* once(make: () => Promise<Uint8Array>): AsyncIterable<Uint8Array> {
  yield await make();
}

const unavailable = (text = 'service unavailable'): ApiResponse => respondText(`${text}\n`, 503);

export async function proxyToServer(context: RequestContext, remote: RemoteApiService): Promise<ApiResponse> {
  const { server, request, info } = context;
  const { outgoing, clock } = server.options;
  if (!remote.available || outgoing === undefined) return unavailable();
  let target: OutgoingTarget;
  try {
    target = targetOf(server, remote);
  } catch {
    return unavailable();
  }
  const headers = headersFor(context);
  const search = request.query.size === 0 ? '' : `?${request.query.toString()}`;
  const pathAndQuery = `${encodePath(info.path)}${search}`;
  const { method, upgrade } = request;
  if (upgrade !== undefined) {
    const protocols = withoutBearer(request.headers['sec-websocket-protocol'] ?? '');
    delete headers['sec-websocket-protocol'];
    Object.assign(headers, { connection: 'Upgrade', upgrade: request.headers['upgrade'] ?? '' });
    if (protocols !== undefined) headers['sec-websocket-protocol'] = protocols;
    try {
      const answer = await outgoing.upgrade(target, { method, pathAndQuery, headers, signal: request.signal });
      if (answer.status === 101 || answer.status >= 400) return joinUpgraded(upgrade, answer, () => true);
      answer.socket.destroy();
      return unavailable(`invalid upgrade response: status code ${answer.status}`);
    } catch (error) {
      return unavailable(`error dialing backend: ${connectionError(error, target)}`);
    }
  }
  // Watches and the like end with their client; the rest may not hold a connection for longer than a request may take.
  const stop = new AbortController();
  const onGone = (): void => stop.abort(request.signal.reason);
  request.signal.addEventListener('abort', onGone, { once: true });
  const timeoutMs = info.isResource ? requestTimeoutSeconds * 1000 : discoveryTimeoutMs;
  const timer = isLongRunning(info)
    ? undefined
    : clock.schedule(timeoutMs, () => stop.abort(new Error('context deadline exceeded')));
  const settled = (): void => {
    timer?.cancel();
    request.signal.removeEventListener('abort', onGone);
  };
  try {
    const body = bodyOf(request, headers);
    const answer = await outgoing.request(target, { method, pathAndQuery, headers, body, signal: stop.signal });
    return answered(method, answer, settled);
  } catch (error) {
    settled();
    const reason = stop.signal.aborted ? messageOf(stop.signal.reason) : connectionError(error, target);
    return unavailable(`error trying to reach service: ${reason}`);
  }
}

function answered(
  method: string,
  answer: { status: number; headers: Readonly<Record<string, string>>; stream: AsyncIterable<Uint8Array> },
  settled: () => void,
): ApiResponse {
  const { status, headers: given } = answer;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) if (!notPassedOn.has(name)) headers[name] = value;
  // Redirects could lead clients, with their credentials, wherever the server behind likes.
  if (status >= 300 && status <= 399 && headers['location'] !== undefined) {
    settled();
    drain(answer.stream);
    return respondText('the backend attempted to redirect this request, which is not permitted', 502);
  }
  if (method === 'HEAD' || status === 204 || status === 304) {
    settled();
    drain(answer.stream);
    return respond(status, { type: 'none' }, headers);
  }
  const { 'content-type': contentType = 'application/octet-stream', ...rest } = headers;
  return respond(status, { type: 'stream', contentType, stream: until(answer.stream, settled) }, rest);
}

async function* until(stream: AsyncIterable<Uint8Array>, settled: () => void): AsyncIterable<Uint8Array> {
  try {
    yield* stream;
  } finally {
    settled();
  }
}

/** Lets the connection be used again, or ends it with an error that nobody needs. */
function drain(stream: AsyncIterable<Uint8Array>): void {
  (stream as { resume?: () => void }).resume?.();
}
