// A small aggregated API server in the test's process: HTTPS, whose clients must come with the front proxy's certificate, and what
// an API server needs to reach it. What it answers is the test's own.
import https from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ApiServerOptions } from '#apiserver/options.ts';
import { OutgoingConnections } from '#host/outgoing-connector.ts';
import { issueCertificate, type KeyPair } from '#pki/certificate.ts';
import type { TestApiServer } from './start-api-server.ts';

const issue = (
  commonName: string,
  use: 'authority' | 'client' | 'serving',
  issuer?: KeyPair,
  names?: string[],
): KeyPair =>
  issueCertificate({
    subject: { commonName },
    use,
    notBeforeMs: Date.UTC(2020, 0),
    notAfterMs: Date.UTC(2099, 0),
    serial: Uint8Array.of(1, names === undefined ? 2 : 3),
    issuer,
    names,
  });

let keys: { frontAuthority: KeyPair; front: KeyPair; authority: KeyPair; serving: KeyPair } | undefined;
const keysOf = () => {
  if (keys !== undefined) return keys;
  const frontAuthority = issue('front-proxy-ca', 'authority');
  const authority = issue('aggregated-ca', 'authority');
  return (keys = {
    frontAuthority,
    front: issue('front-proxy', 'client', frontAuthority),
    authority,
    serving: issue('aggregated', 'serving', authority, ['sample.aggregated.svc']),
  });
};

export interface AggregatedServer extends AsyncDisposable {
  readonly port: number;
  /** Base64 of its authority's certificate: `caBundle` of its APIService. */
  readonly caBundle: string;
  /** Paths with queries that were asked for, in order. */
  readonly asked: readonly string[];
  /** Replaces what it answers. */
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Breaks all connections and listens no more. */
  kill(): Promise<void>;
}

export const sendJson = (
  response: ServerResponse,
  status: number,
  object: unknown,
  contentType = 'application/json',
) => {
  response.writeHead(status, { 'content-type': contentType });
  response.end(JSON.stringify(object));
};

/** Discovery of `v1alpha1` of wardle.example.com with flunders, as old servers give it. */
export function sampleDiscovery(request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '').split('?')[0];
  if (path === '/apis/wardle.example.com/v1alpha1')
    sendJson(response, 200, {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: 'wardle.example.com/v1alpha1',
      resources: [
        {
          name: 'flunders',
          singularName: 'flunder',
          namespaced: true,
          kind: 'Flunder',
          verbs: ['create', 'delete', 'get', 'list', 'watch'],
        },
      ],
    });
  else sendJson(response, 404, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404, reason: 'NotFound' });
}

export async function startAggregatedServer(): Promise<AggregatedServer> {
  const { frontAuthority, authority, serving } = keysOf();
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const server = https.createServer(
    {
      cert: serving.certificatePem,
      key: serving.keyPem,
      ca: frontAuthority.certificatePem,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      asked.push(request.url ?? '');
      // As k8s.io/apiserver: without the front proxy's certificate the headers say nothing.
      if (!(request.socket as TLSSocket).authorized) sendJson(response, 401, { kind: 'Status', code: 401 });
      else self.answer(request, response);
    },
  );
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket, head) => self.upgrade(request, socket, head));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: AggregatedServer = {
    port: (server.address() as AddressInfo).port,
    caBundle: Buffer.from(authority.certificatePem).toString('base64'),
    asked,
    answer: sampleDiscovery,
    upgrade: (_request, socket) => socket.destroy(),
    kill: close,
    [Symbol.asyncDispose]: close,
  };
  return self;
}

/** The product's own connections, with Pods' addresses leading to this machine. */
export function connectionsToHere(): Required<Pick<ApiServerOptions, 'outgoing' | 'frontProxy'>> & Disposable {
  const connections = new OutgoingConnections();
  const here = { host: '127.0.0.1' };
  return {
    outgoing: {
      request: (target, request) => connections.request({ ...target, ...here }, request),
      upgrade: (target, request) => connections.upgrade({ ...target, ...here }, request),
    },
    frontProxy: () => keysOf().front,
    [Symbol.dispose]: () => connections.close(),
  };
}

/** Namespace, Service and EndpointSlice that lead to the server. */
export async function createSampleService(api: TestApiServer, port: number): Promise<void> {
  await api.create('/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'aggregated' } });
  await api.create('/api/v1/namespaces/aggregated/services', {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name: 'sample' },
    spec: { ports: [{ port: 443, targetPort: port }] },
  });
  await api.create('/apis/discovery.k8s.io/v1/namespaces/aggregated/endpointslices', {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: { name: 'sample-1', labels: { 'kubernetes.io/service-name': 'sample' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.42.0.9'], conditions: { ready: true } }],
    ports: [{ name: '', port, protocol: 'TCP' }],
  });
}

export const sampleApiService = (spec: object) => ({
  kind: 'APIService',
  apiVersion: 'apiregistration.k8s.io/v1',
  metadata: { name: 'v1alpha1.wardle.example.com' },
  spec: {
    group: 'wardle.example.com',
    version: 'v1alpha1',
    groupPriorityMinimum: 2000,
    versionPriority: 200,
    service: { namespace: 'aggregated', name: 'sample', port: 443 },
    ...spec,
  },
});
