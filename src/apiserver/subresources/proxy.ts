// pods/proxy, services/proxy and nodes/proxy: the request goes on to the pod's address or to the node's agent.
import type { EndpointAddress, Endpoints, Pod, Service } from '#api/generated/types.ts';
import { Endpoints as EndpointsKind, Pods } from '#api/generated/kind-references.ts';
import { storageKey } from '#api/kinds.ts';
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { messageOf } from '#base/errors.ts';
import { ApiError, badRequestError, serviceUnavailableError } from '#api/status.ts';
import { isIdentityHeader } from '../aggregation/front-proxy-headers.ts';
import { readBytes } from '../content/read-body.ts';
import type { PodConnector } from '../ports.ts';
import { contains, familyOf, parseAddress, parseRange } from '#rules/addresses.ts';
import { storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { respond } from '../responses.ts';
import { connectionHeaders } from '../outgoing/connection-headers.ts';
import { admitConnection, joinUpgraded, tunnel, withoutBearer } from './connect.ts';
import { nodesOf } from './node-request.ts';
import { rewriteLinks, throughProxy, type ProxyPlace } from './proxy-links.ts';

interface ProxyName {
  readonly scheme: string;
  readonly name: string;
  readonly port: string;
}
interface ProxyAddress {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

/** `name`, `name:port`, `scheme:name:port`. */
function splitName(text: string): ProxyName {
  const parts = text.split(':');
  const [first = '', second = '', third = ''] = parts;
  if (parts.length === 1) return { scheme: '', name: first, port: '' };
  if (parts.length === 2) return { scheme: '', name: first, port: second };
  if (parts.length === 3) return { scheme: first, name: second, port: third };
  throw badRequestError(`invalid request ${JSON.stringify(text)}`);
}

/** This machine, its links, groups, and all of IPv4 in the form of IPv6. */
const notReached = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/127',
  '::ffff:0:0/96',
  'fe80::/10',
  'ff00::/8',
].map(parseRange);

/** A pod's status says its address, and others than the node may write that: never this machine, nor what is on its links. */
function mayReach(address: string): boolean {
  const value = parseAddress(address);
  const family = familyOf(address);
  return value !== undefined && !notReached.some((range) => range.family === family && contains(range, value));
}

function podAddress(request: ResourceRequest, { scheme, name, port }: ProxyName): ProxyAddress {
  const pod = storedOf({ ...request, name }).object() as Pod;
  const host = pod.status?.podIP ?? '';
  if (!mayReach(host)) throw badRequestError('address not allowed');
  const declared = pod.spec.containers.flatMap((one) => one.ports ?? []);
  const number =
    port === ''
      ? (declared[0]?.containerPort ?? 80)
      : (declared.find((one) => one.name === port)?.containerPort ?? Number(port));
  if (!Number.isInteger(number) || number < 1 || number > 65_535)
    throw badRequestError(`no port ${JSON.stringify(port)} found for pod ${JSON.stringify(name)}`);
  return { host, port: number, secure: scheme === 'https' };
}

/** Endpoints are written by users too: only the address of a pod of this namespace is gone to. */
function isOfPod(request: ResourceRequest, { ip, targetRef }: EndpointAddress): boolean {
  if (targetRef?.namespace !== request.namespace || !mayReach(ip)) return false;
  const { store } = request.context.server.options;
  const pod = store.get(storageKey(Pods, request.namespace, targetRef.name ?? ''))?.object() as Pod | undefined;
  return pod?.status?.podIPs?.some((one) => one.ip === ip) === true;
}

function serviceAddress(request: ResourceRequest, { scheme, name, port }: ProxyName): ProxyAddress {
  const { store } = request.context.server.options;
  const service = storedOf({ ...request, name }).object() as Service;
  const ports = service.spec?.ports ?? [];
  const chosen =
    port === ''
      ? ports.length === 1
        ? ports[0]
        : undefined
      : ports.find((one) => one.name === port || String(one.port) === port);
  if (chosen === undefined)
    throw serviceUnavailableError(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
  const endpoints = store.get(storageKey(EndpointsKind, request.namespace, name))?.object() as Endpoints | undefined;
  for (const subset of endpoints?.subsets ?? []) {
    const found = subset.ports?.find((one) => (one.name ?? '') === (chosen.name ?? ''));
    const address = subset.addresses?.find((one) => isOfPod(request, one));
    if (found?.port !== undefined && address !== undefined)
      return { host: address.ip, port: found.port, secure: scheme === 'https' };
  }
  throw serviceUnavailableError(`no endpoints available for service ${JSON.stringify(name)}`);
}

const notPassedOn = new Set([
  ...connectionHeaders,
  'content-length',
  'accept-encoding', // pages come readable: their links are rewritten
]);
const passedOn = (headers: Readonly<Record<string, string | undefined>>): Record<string, string> => {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !notPassedOn.has(name) && !name.startsWith('impersonate-') && !isIdentityHeader(name))
      result[name] = value;
  return result;
};

async function proxyToPod(
  request: ResourceRequest,
  address: ProxyAddress,
  prefix: string,
  path: string,
  search: string,
): Promise<ApiResponse> {
  const { pods } = request.context.server.options;
  if (pods === undefined) throw serviceUnavailableError('this API server has no connection to pods');
  const asked = request.context.request;
  const headers = { ...passedOn(asked.headers), 'x-forwarded-uri': `${prefix}${path}` };
  const pathAndQuery = `${path}${search}`;
  if (asked.upgrade !== undefined) return upgradeToPod(pods, asked, asked.upgrade, address, pathAndQuery, headers);
  const body = await readBytes(asked);
  const answer = await pods
    .request(address, { method: asked.method, pathAndQuery, headers, body, signal: asked.signal })
    .catch((error: unknown) => {
      throw serviceUnavailableError(`error trying to reach service: ${messageOf(error)}`);
    });
  const { 'content-type': contentType = 'application/octet-stream', ...rest } = passedOn(answer.headers);
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  const place: ProxyPlace = { prefix, hosts: [`${host}:${address.port}`, host, asked.headers['host'] ?? ''] };
  const location = rest['location'] ?? '';
  if (location !== '') rest['location'] = throughProxy(location, place);
  const isPage = location === '' && contentType.split(';')[0]!.trim() === 'text/html';
  const isReadable = ['', 'identity'].includes(rest['content-encoding'] ?? '');
  const stream = isPage && isReadable ? rewriteLinks(answer.stream, place) : answer.stream;
  return respond(answer.status, { type: 'stream', contentType, stream }, rest);
}

/** A WebSocket, or whatever else the pod speaks behind an upgrade. */
async function upgradeToPod(
  pods: PodConnector,
  { method, headers: asked, signal }: ApiRequest,
  upgrade: NonNullable<ApiRequest['upgrade']>,
  address: ProxyAddress,
  pathAndQuery: string,
  headers: Record<string, string>,
): Promise<ApiResponse> {
  const protocols = withoutBearer(headers['sec-websocket-protocol'] ?? '');
  delete headers['sec-websocket-protocol'];
  Object.assign(headers, { connection: 'Upgrade', upgrade: asked['upgrade'] ?? '' });
  if (protocols !== undefined) headers['sec-websocket-protocol'] = protocols;
  const answer = await pods.upgrade(address, { method, pathAndQuery, headers, signal }).catch((error: unknown) => {
    throw serviceUnavailableError(`error trying to reach service: ${messageOf(error)}`);
  });
  if (answer.status === 101 || answer.status >= 400) return joinUpgraded(upgrade, answer, () => true);
  throw new ApiError(500, 'InternalError', `invalid upgrade response: status code ${answer.status}`);
}

async function proxyToNode(request: ResourceRequest, nodeName: string, pathAndQuery: string): Promise<ApiResponse> {
  const { method, signal, upgrade, headers: asked } = request.context.request;
  storedOf({ ...request, name: nodeName });
  if (upgrade !== undefined) return tunnel(request, nodeName, pathAndQuery);
  const body = await readBytes(request.context.request);
  const headers = passedOn(asked);
  const answer = await nodesOf(request.context).request(nodeName, { method, pathAndQuery, headers, body, signal });
  return respond(answer.status, { type: 'stream', contentType: answer.contentType, stream: answer.stream });
}

const encodeSegment = (segment: string): string => encodeURI(segment).replaceAll(/[?#]/g, encodeURIComponent);

export const encodePath = (path: string): string => path.split('/').map(encodeSegment).join('/');

export async function proxy(request: ResourceRequest): Promise<ApiResponse> {
  const { query, method, upgrade } = request.context.request;
  const { info } = request.context;
  // The path came decoded: what is no path's text is encoded again, or it would become a query or another request.
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  const name = splitName(request.name);
  const toNode = request.row.resource === 'nodes';
  // Links of a page at `proxy` itself would lead beside it.
  if (info.rest === '' && ['GET', 'HEAD'].includes(method) && upgrade === undefined && !toNode) {
    const location = `${encodePath(info.path)}/${search}`;
    return respond(301, { type: 'none' }, { location });
  }
  const options = { kind: request.row.subresources['proxy']!.kind, apiVersion: 'v1', path: info.rest };
  await admitConnection(request, options);
  const path = options.path === '' ? '/' : encodePath(options.path);
  if (toNode) return proxyToNode(request, name.name, `${path}${search}`);
  const address = request.row.resource === 'pods' ? podAddress(request, name) : serviceAddress(request, name);
  const prefix = encodePath(info.path.slice(0, info.path.length - info.rest.length));
  return proxyToPod(request, address, prefix, path, search);
}
