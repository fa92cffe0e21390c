// GET pods/NAME/log: checked here, streamed from the node's agent.
import type { Pod } from '#api/generated/types.ts';
import { forbidden, invalid } from '#api/field-error.ts';
import type { FieldError } from '#api/field-error.ts';
import type { ApiResponse } from '#api/request.ts';
import { badRequestError, invalidError } from '#api/status.ts';
import { acceptWebSocket, offeredProtocols } from '#wire/websocket.ts';
import { storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { respond } from '../responses.ts';
import { containerOf, nodesOf } from './node-request.ts';

const passed = ['follow', 'previous', 'sinceSeconds', 'sinceTime', 'timestamps', 'tailLines', 'limitBytes', 'stream'];
const counts = ['sinceSeconds', 'tailLines', 'limitBytes'];

function logQuery(query: URLSearchParams): URLSearchParams {
  const result = new URLSearchParams();
  const errors: FieldError[] = [];
  for (const name of passed) {
    const value = query.get(name);
    if (value === null || value === '') continue;
    if (counts.includes(name)) {
      if (!/^-?\d+$/.test(value))
        throw badRequestError(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
      const least = name === 'tailLines' ? 0 : 1;
      if (Number(value) < least)
        errors.push(invalid(name, Number(value), `must be greater than ${least === 0 ? 'or equal to ' : ''}0`));
    }
    result.set(name, value);
  }
  if (query.has('sinceSeconds') && query.has('sinceTime'))
    errors.push(forbidden('sinceSeconds', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  if (errors.length > 0) throw invalidError({ group: '', kind: 'PodLogOptions' }, '', errors);
  return result;
}

export async function podLog(request: ResourceRequest): Promise<ApiResponse> {
  const { context, namespace, name } = request;
  const { query, signal } = context.request;
  const pod = storedOf(request).object() as Pod;
  const container = containerOf(pod, query.get('container') ?? '', 'pod');
  const options = logQuery(query).toString();
  const nodeName = pod.spec?.nodeName ?? '';
  if (nodeName === '') return respond(200, { type: 'bytes', contentType: 'text/plain', parts: [] });
  const path = `/containerLogs/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${encodeURIComponent(container)}`;
  const answer = await nodesOf(context).request(nodeName, {
    method: 'GET',
    pathAndQuery: options === '' ? path : `${path}?${options}`,
    signal,
  });
  if (answer.status !== 200) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.stream) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8').trim();
    throw badRequestError(text === '' ? `the node's agent answered ${answer.status}` : text);
  }
  if (context.request.upgrade !== undefined) return overWebSocket(request, answer.stream);
  return respond(200, { type: 'stream', contentType: 'text/plain', stream: answer.stream });
}

const binaryProtocol = 'binary.k8s.io';
const base64Protocol = 'base64.binary.k8s.io';

/** For browsers, mostly: each piece of the log is a message. */
async function overWebSocket({ context }: ResourceRequest, log: AsyncIterable<Uint8Array>): Promise<ApiResponse> {
  const { upgrade, headers, method, path } = context.request;
  if (upgrade === undefined || (headers['upgrade'] ?? '').toLowerCase() !== 'websocket')
    throw badRequestError(`unknown upgrade ${JSON.stringify(headers['upgrade'] ?? '')}`);
  const known = [binaryProtocol, base64Protocol];
  const offered = offeredProtocols(headers);
  if (offered.length > 0 && !offered.some((one) => known.includes(one)))
    throw badRequestError(`none of the offered WebSocket subprotocols is supported; use ${known.join(' or ')}`);
  const client = await acceptWebSocket(
    { method, url: path, headers, socket: upgrade.socket, head: upgrade.head },
    known,
    context.server.options.clock,
  );
  const iterator = log[Symbol.asyncIterator]();
  client.onClose(() => void iterator.return?.());
  void (async () => {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      const isBase64 = client.protocol === base64Protocol;
      if (!client.send(isBase64 ? Buffer.from(Buffer.from(next.value).toString('base64')) : next.value))
        await new Promise<void>((resolve) => {
          client.whenDrained(resolve);
          client.onClose(resolve);
        });
    }
    client.close(1000, '');
  })().catch(() => client.close(1011, 'the log broke off'));
  return respond(101, { type: 'upgraded' });
}
