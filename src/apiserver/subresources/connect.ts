// exec, attach and port-forward: the client's upgraded connection and the node agent's become one tunnel of raw
// bytes; the protocol inside (v5.channel.k8s.io, SPDY/3.1+portforward.k8s.io) is between kubectl and the agent.
import type { Duplex } from 'node:stream';
import type { Pod } from '#api/generated/types.ts';
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { ApiError, badRequestError, conflictError } from '#api/status.ts';
import { checkMayCreate } from '../authorization/check-may-create.ts';
import { admitAction } from '../registry/admit-action.ts';
import { storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import type { UpgradedConnection } from '../ports.ts';
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

/** PodExecOptions, PodAttachOptions, PodPortForwardOptions: what the client asks for, as admission sees it. */
interface ConnectOptions {
  readonly kind: string;
  readonly apiVersion: string;
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly tty?: boolean;
  readonly container?: string;
  readonly command?: readonly string[];
  readonly ports?: readonly number[];
}

const flags = [
  ['stdin', 'input'],
  ['stdout', 'output'],
  ['stderr', 'error'],
  ['tty', 'tty'],
] as const;

function optionsOf({ row, subresource, context }: ResourceRequest): ConnectOptions {
  const { query } = context.request;
  const header = { kind: row.subresources[subresource]!.kind, apiVersion: 'v1' };
  if (subresource === 'portforward') {
    const ports = query.getAll('ports').filter((one) => one !== '');
    const wrong = ports.find((one) => !/^-?\d+$/.test(one));
    if (wrong !== undefined)
      throw badRequestError(`strconv.ParseInt: parsing ${JSON.stringify(wrong)}: invalid syntax`);
    return ports.length === 0 ? header : { ...header, ports: ports.map(Number) };
  }
  const isOn = (value: string | null) => value === 'true' || value === '1';
  const container = query.get('container') ?? '';
  const command = query.getAll('command');
  return {
    ...header,
    ...Object.fromEntries(flags.flatMap(([name]) => (isOn(query.get(name)) ? [[name, true]] : []))),
    ...(container === '' ? {} : { container }),
    ...(subresource === 'exec' && command.length > 0 ? { command } : {}),
  };
}

function agentPath(request: ResourceRequest, pod: Pod, options: ConnectOptions): string {
  const [namespace, name] = [request.namespace, request.name].map(encodeURIComponent);
  if (request.subresource === 'portforward') {
    const { ports = [] } = options;
    const text = new URLSearchParams(ports.map((port) => ['port', String(port)]));
    return `/portForward/${namespace}/${name}${ports.length === 0 ? '' : `?${text.toString()}`}`;
  }
  const container = containerOf(pod, options.container ?? '', 'exec');
  const query = new URLSearchParams();
  for (const [asked, sent] of flags) if (options[asked] === true) query.set(sent, '1');
  if (request.subresource === 'exec') {
    const { command = [] } = options;
    if (command.length === 0) throw badRequestError('you must specify at least 1 command for the container');
    for (const word of command) query.append('command', word);
  }
  return `/${request.subresource === 'exec' ? 'exec' : 'attach'}/${namespace}/${name}/${encodeURIComponent(container)}?${query.toString()}`;
}

/** Browsers bring their token as a subprotocol: it is the API server's alone. */
export function withoutBearer(protocols: string): string | undefined {
  const left = protocols
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '' && !one.startsWith('base64url.bearer.authorization.k8s.io.'));
  return left.length === 0 ? undefined : left.join(', ');
}

const headersFor = (request: ResourceRequest, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const asked = request.context.request.headers[name];
      const value = name === 'sec-websocket-protocol' && asked !== undefined ? withoutBearer(asked) : asked;
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
  // Gone while the node was asked: that is not told again.
  if (client.destroyed) node.destroy();
}

/** Answers 101 with the agent's headers and joins the connections; other answers go back as they are. */
export async function tunnel(request: ResourceRequest, nodeName: string, pathAndQuery: string): Promise<ApiResponse> {
  const { upgrade, signal, method } = request.context.request;
  if (upgrade === undefined) throw new ApiError(400, 'BadRequest', 'Upgrade request required');
  const answer = await nodesOf(request.context).upgrade(nodeName, {
    method,
    pathAndQuery,
    headers: headersFor(request, tunnelHeaders),
    signal,
  });
  return joinUpgraded(upgrade, answer, (name) => answer.status !== 101 || upgradeAnswerHeaders.includes(name));
}

/** Gives the client the answer with the headers that `keeps` names in lower case, and joins the connections. */
export function joinUpgraded(
  upgrade: NonNullable<ApiRequest['upgrade']>,
  answer: UpgradedConnection,
  keeps: (header: string) => boolean,
): ApiResponse {
  const { socket } = upgrade;
  const lines = Object.entries(answer.headers)
    .filter(([name]) => keeps(name.toLowerCase()))
    .map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${answer.status} ${answer.status === 101 ? 'Switching Protocols' : 'Error'}\r\n${lines.join('')}\r\n`;
  if (answer.status === 101) {
    socket.write(head);
    join(socket, upgrade.head, answer.socket, answer.head);
  } else socket.end(Buffer.concat([Buffer.from(head), answer.head]));
  return respond(answer.status, { type: 'upgraded' });
}

/** Throws an ApiError. `options` may be changed. */
export const admitConnection = (request: ResourceRequest, options: object): Promise<void> =>
  admitAction(request, {
    operation: 'CONNECT',
    object: options,
    kind: request.row.subresources[request.subresource]!,
    dryRun: false,
  });

/** pods/exec, pods/attach, pods/portforward. */
export async function connect(request: ResourceRequest): Promise<ApiResponse> {
  // WebSocket clients come with GET (since 1.35 that is not enough).
  await checkMayCreate(request.context);
  const options = optionsOf(request);
  await admitConnection(request, options);
  const pod = storedOf(request).object() as Pod;
  const path = agentPath(request, pod, options);
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
