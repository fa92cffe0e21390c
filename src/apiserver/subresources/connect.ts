// exec, attach, port-forward and proxy: the client's upgraded connection and the node agent's become one tunnel of raw
// bytes; the protocol inside (v5.channel.k8s.io, SPDY/3.1+portforward.k8s.io) is between kubectl and the agent.
import type { Duplex } from 'node:stream';
import type { Pod, Service, Endpoints } from '#api/generated/types.ts';
import { Endpoints as EndpointsKind } from '#api/generated/kind-references.ts';
import { storageKey } from '#api/kinds.ts';
import type { ApiResponse } from '#api/request.ts';
import { ApiError, badRequestError, conflictError, serviceUnavailableError } from '#api/status.ts';
import { accessForbidden } from '../authorization/forbidden.ts';
import { attributesOf } from '../authorization/attributes.ts';
import { keyOf, storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { respond } from '../responses.ts';
import { containerOf, nodesOf } from './node-request.ts';

const tunnelHeaders = [
  'connection',
  'upgrade',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'x-stream-protocol-version',
];
const upgradeAnswerHeaders = [
  'connection',
  'upgrade',
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'x-stream-protocol-version',
];

function agentPath(request: ResourceRequest, pod: Pod): string {
  const { query } = request.context.request;
  const [namespace, name] = [request.namespace, request.name].map(encodeURIComponent);
  if (request.subresource === 'portforward') {
    const ports = query.getAll('ports').filter((one) => one !== '');
    const text = new URLSearchParams(ports.map((port) => ['port', port]));
    return `/portForward/${namespace}/${name}${ports.length === 0 ? '' : `?${text.toString()}`}`;
  }
  const container = containerOf(pod, query.get('container') ?? '', 'exec');
  const options = new URLSearchParams();
  const isOn = (value: string | null) => value === 'true' || value === '1';
  for (const [asked, sent] of [
    ['stdin', 'input'],
    ['stdout', 'output'],
    ['stderr', 'error'],
    ['tty', 'tty'],
  ] as const)
    if (isOn(query.get(asked))) options.set(sent, '1');
  if (request.subresource === 'exec') {
    const command = query.getAll('command');
    if (command.length === 0) throw badRequestError('you must specify at least 1 command for the container');
    for (const word of command) options.append('command', word);
  }
  return `/${request.subresource === 'exec' ? 'exec' : 'attach'}/${namespace}/${name}/${encodeURIComponent(container)}?${options.toString()}`;
}

const headersFor = (request: ResourceRequest, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = request.context.request.headers[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** Half-closes pass through; when either end is gone, so is the other. Which of them failed is told by the protocol inside. */
function join(client: Duplex, clientHead: Uint8Array, node: Duplex, nodeHead: Uint8Array): void {
  for (const [one, other] of [
    [client, node],
    [node, client],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
  if (nodeHead.length > 0) client.write(nodeHead);
  if (clientHead.length > 0) node.write(clientHead);
  client.pipe(node);
  node.pipe(client);
}

/** Answers 101 with the agent's headers and joins the connections; other answers go back as they are. */
async function tunnel(request: ResourceRequest, nodeName: string, pathAndQuery: string): Promise<ApiResponse> {
  const { upgrade, signal, method } = request.context.request;
  if (upgrade === undefined) throw new ApiError(400, 'BadRequest', 'Upgrade request required');
  const answer = await nodesOf(request.context).upgrade(nodeName, {
    method,
    pathAndQuery,
    headers: headersFor(request, tunnelHeaders),
    signal,
  });
  const { socket } = upgrade;
  const lines = Object.entries(answer.headers)
    .filter(([name]) => answer.status !== 101 || upgradeAnswerHeaders.includes(name.toLowerCase()))
    .map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `HTTP/1.1 ${answer.status} ${answer.status === 101 ? 'Switching Protocols' : 'Error'}\r\n${lines.join('')}\r\n`,
  );
  join(socket, upgrade.head, answer.socket, answer.head);
  return respond(answer.status, { type: 'upgraded' });
}

/** WebSocket clients come with GET; running things in a pod takes the right to `create` all the same (since 1.35). */
function checkMayCreate(request: ResourceRequest): void {
  const { context } = request;
  const attributes = { ...attributesOf(context), verb: 'create' };
  const { decision, reason } = context.server.authorizer.authorize(attributes);
  if (decision !== 'allow') throw accessForbidden(attributes, reason);
}

/** pods/exec, pods/attach, pods/portforward. */
export async function connect(request: ResourceRequest): Promise<ApiResponse> {
  checkMayCreate(request);
  const pod = storedOf(request).object() as Pod;
  const path = agentPath(request, pod);
  const nodeName = pod.spec?.nodeName ?? '';
  if (nodeName === '') throw badRequestError(`pod ${request.name} does not have a host assigned`);
  const { phase } = pod.status ?? {};
  if (request.subresource !== 'portforward' && (phase === 'Succeeded' || phase === 'Failed'))
    throw conflictError(
      { group: '', resource: 'pods' },
      request.name,
      `cannot exec or attach to a container in a completed pod; current phase is ${phase}`,
    );
  return tunnel(request, nodeName, path);
}

interface ProxyName {
  readonly scheme: string;
  readonly name: string;
  readonly port: string;
}

/** `name`, `name:port`, `scheme:name:port`. */
function splitName(text: string): ProxyName {
  const parts = text.split(':');
  if (parts.length === 1) return { scheme: '', name: text, port: '' };
  if (parts.length === 2) return { scheme: '', name: parts[0]!, port: parts[1]! };
  if (parts.length === 3) return { scheme: parts[0]!, name: parts[1]!, port: parts[2]! };
  throw badRequestError(`invalid ${JSON.stringify(text)}`);
}

interface ProxyTarget {
  readonly nodeName: string;
  readonly path: string;
}

function proxyTarget(request: ResourceRequest): ProxyTarget {
  const { row, namespace } = request;
  const { store } = request.context.server.options;
  const { scheme, name, port } = splitName(request.name);
  const named = { ...request, name };
  const rest = request.context.info.rest === '' ? '/' : request.context.info.rest;
  if (row.resource === 'nodes') {
    storedOf(named);
    return { nodeName: name, path: rest };
  }
  // Pods and Services are reached from their node: the agent forwards to the pod's address.
  const viaNode = (pod: Pod, podPort: string): ProxyTarget => {
    const nodeName = pod.spec?.nodeName ?? '';
    if (nodeName === '') throw serviceUnavailableError(`pod ${pod.metadata.name ?? ''} has no node yet`);
    return {
      nodeName,
      path: `/podProxy/${encodeURIComponent(pod.metadata.namespace ?? '')}/${encodeURIComponent(pod.metadata.name ?? '')}/${scheme === '' ? 'http' : scheme}/${podPort}${rest}`,
    };
  };
  if (row.resource === 'pods') {
    const pod = storedOf(named).object() as Pod;
    const declared = pod.spec?.containers.flatMap((one) => one.ports ?? []) ?? [];
    const number =
      port === ''
        ? (declared[0]?.containerPort ?? 80)
        : (declared.find((one) => one.name === port)?.containerPort ?? port);
    return viaNode(pod, String(number));
  }
  const service = storedOf(named).object() as Service;
  const ports = service.spec?.ports ?? [];
  const chosen =
    port === ''
      ? ports.length === 1
        ? ports[0]
        : undefined
      : ports.find((one) => one.name === port || String(one.port) === port);
  if (chosen === undefined && port !== '')
    throw serviceUnavailableError(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
  const endpoints = store.get(storageKey(EndpointsKind, namespace, name))?.object() as Endpoints | undefined;
  for (const subset of endpoints?.subsets ?? []) {
    const endpointPort = subset.ports?.find((one) => chosen === undefined || (one.name ?? '') === (chosen.name ?? ''));
    for (const address of subset.addresses ?? []) {
      if (endpointPort === undefined || address.targetRef?.kind !== 'Pod') continue;
      const podRow = { ...request, row: { ...row, resource: 'pods' } };
      const pod = store.get(keyOf(podRow, address.targetRef.name ?? ''))?.object() as Pod | undefined;
      if (pod !== undefined) return viaNode(pod, String(endpointPort.port));
    }
  }
  throw serviceUnavailableError(`no endpoints available for service ${JSON.stringify(name)}`);
}

/** pods/proxy, services/proxy, nodes/proxy. */
export async function proxy(request: ResourceRequest): Promise<ApiResponse> {
  const { method, query, signal, upgrade, body } = request.context.request;
  const { nodeName, path } = proxyTarget(request);
  const text = query.toString();
  const pathAndQuery = text === '' ? path : `${path}?${text}`;
  if (upgrade !== undefined) return tunnel(request, nodeName, pathAndQuery);
  if (
    body.type !== 'none' &&
    method !== 'GET' &&
    method !== 'HEAD' &&
    (request.context.request.headers['content-length'] ?? '0') !== '0'
  )
    throw new ApiError(501, 'NotImplemented', 'request bodies are not passed on by this proxy yet');
  const answer = await nodesOf(request.context).request(nodeName, { method, pathAndQuery, signal });
  return respond(answer.status, { type: 'stream', contentType: answer.contentType, stream: answer.stream });
}
