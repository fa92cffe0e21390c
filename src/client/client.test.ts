import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ConfigMaps } from '#api/generated/kind-references.ts';
import type { KubernetesObject } from '#api/kind.ts';
import type { ApiRequest, ApiResponse, RequestHandler, WatchEvent } from '#api/request.ts';
import {
  alreadyExistsError,
  ApiError,
  badRequestError,
  expiredError,
  modifiedError,
  notFoundError,
} from '#api/status.ts';
import { systemClock } from '#base/clock.ts';
import { listPieces, objectBytes, watchLine } from '#storage/encode.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { Store, StoredObject, StoreEvent } from '#storage/store.ts';
import { clientConformance, FaultyHandler, serverHistoryEvents } from './conformance.ts';
import { createHttpsClient } from './https.ts';
import { createInProcessClient } from './in-process.ts';
import { parseKubeconfig } from './kubeconfig.ts';

/** Create, read, update, delete, list and watch over a store: as much of an API server as a client's own tests need. */
class PlainServer implements RequestHandler {
  readonly store: Store;
  constructor(store: Store) {
    this.store = store;
  }
  async handle(request: ApiRequest): Promise<ApiResponse> {
    try {
      return await this.#answer(request);
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
      const status = error.toStatus();
      const bytes = Buffer.from(JSON.stringify(status));
      return {
        status: error.code,
        headers: {},
        warnings: [],
        body: { type: 'object', object: status, bytes: () => [bytes] },
      };
    }
  }
  async #answer(request: ApiRequest): Promise<ApiResponse> {
    const parts = request.path.split('/').slice(3).map(decodeURIComponent);
    const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1]! : '';
    const [resource = '', name] = parts;
    const group = { group: '', resource };
    const prefix = `/registry/${resource}/${namespace === '' ? '' : `${namespace}/`}`;
    const key = `${prefix}${name}`;
    const stored = name === undefined ? undefined : this.store.get(key);
    const body = await bodyOf(request);
    switch (request.method) {
      case 'GET': {
        if (request.query.get('watch') === 'true') return this.#watch(prefix, request);
        if (name === undefined) return this.#list(prefix, request);
        if (stored === undefined) throw notFoundError(group, name);
        return ofStored(200, stored);
      }
      case 'POST': {
        const object = body as KubernetesObject;
        const created = `${prefix}${object.metadata.name}`;
        const result = await this.store.write({ key: created, expectedRevision: 0, object, durability: 'durable' });
        if (!result.ok) throw alreadyExistsError(group, object.metadata.name ?? '');
        return ofStored(201, result.stored);
      }
      case 'PUT':
      case 'PATCH': {
        if (stored === undefined) throw notFoundError(group, name ?? '');
        const object =
          request.method === 'PUT' ? (body as KubernetesObject) : { ...stored.object(), ...(body as KubernetesObject) };
        const version = object.metadata.resourceVersion ?? stored.revision;
        const result = await this.store.write({
          key,
          expectedRevision: Number(version),
          object,
          durability: 'durable',
        });
        if (!result.ok) throw modifiedError(group, name ?? '');
        return ofStored(200, result.stored);
      }
      case 'DELETE': {
        if (stored === undefined) throw notFoundError(group, name ?? '');
        await this.store.write({ key, expectedRevision: stored.revision, object: undefined, durability: 'durable' });
        return ofStored(200, stored);
      }
      default:
        throw badRequestError(request.method);
    }
  }
  #list(prefix: string, { query }: ApiRequest): ApiResponse {
    const selected = selectorOf(query);
    const limit = Number(query.get('limit') ?? Infinity);
    const page = this.store.list(prefix, { startAfter: query.get('continue') ?? undefined, limit });
    const items = page.items.filter(selected);
    const metadata = {
      resourceVersion: String(page.revision),
      ...(page.remaining === 0 ? {} : { continue: page.items.at(-1)!.key }),
    };
    const head = `{"kind":"ConfigMapList","apiVersion":"v1","metadata":${JSON.stringify(metadata)},"items":[`;
    return {
      status: 200,
      headers: {},
      warnings: [],
      body: {
        type: 'list',
        kind: 'ConfigMapList',
        apiVersion: 'v1',
        metadata,
        objects: () => items.map((item) => item.object()),
        bytes: () => [...listPieces(head, items, ']}', false).parts()],
      },
    };
  }
  #watch(prefix: string, { query }: ApiRequest): ApiResponse {
    const selected = selectorOf(query);
    const after = Number(query.get('resourceVersion'));
    if (after < this.store.compactedRevision) throw expiredError(`too old resource version: ${after}`);
    return {
      status: 200,
      headers: {},
      warnings: [],
      body: {
        type: 'watch',
        contentType: 'application/json',
        failure: () => assert.fail('nothing fails here'),
        open: (sink) =>
          this.store.watch(prefix, after, {
            onEvents(events) {
              for (const event of events) {
                const sent = eventFor(event, selected);
                if (sent !== undefined) sink.onEvent(sent);
              }
            },
            onEnd: () => sink.onEnd(),
          })!,
      },
    };
  }
}

function eventFor(event: StoreEvent, selected: (stored: StoredObject) => boolean): WatchEvent | undefined {
  const { stored, previous } = event;
  const is = event.type === 'put' && selected(stored);
  const was = previous !== undefined && selected(previous);
  if (!is && !was) return undefined;
  const type = is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED';
  return { type, object: () => stored.object(), bytes: () => watchLine(type, stored) };
}
function selectorOf(query: URLSearchParams): (stored: StoredObject) => boolean {
  const [, label = '', values = ''] = /^(\w+)(?:=| in \()([\w,]+)\)?$/.exec(query.get('labelSelector') ?? '') ?? [];
  return (stored) => label === '' || values.split(',').includes(stored.object().metadata.labels?.[label] ?? '');
}
const ofStored = (status: number, stored: StoredObject): ApiResponse => ({
  status,
  headers: {},
  warnings: [],
  body: { type: 'object', object: stored.object(), bytes: () => [objectBytes(stored)] },
});
async function bodyOf({ body }: ApiRequest): Promise<unknown> {
  if (body.type === 'none') return undefined;
  if (body.type === 'object') return structuredClone(body.object);
  const bytes = await body.read(1e6);
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

const startServer = async () => {
  const store = createMemoryStore({
    clock: systemClock,
    history: {
      eventsMax: serverHistoryEvents,
      eventsMin: serverHistoryEvents,
      bytesMax: 1e9,
      ageMsMax: 1e9,
      pastListAgeMsMax: 1e9,
    },
  });
  return { handler: new PlainServer(store), close: () => store.close() };
};

/** Puts a handler behind a socket. */
async function respond(
  handler: RequestHandler,
  incoming: http.IncomingMessage,
  outgoing: http.ServerResponse,
): Promise<void> {
  const url = new URL(incoming.url ?? '/', 'http://localhost');
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const response = await handler.handle({
    method: incoming.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: { 'content-type': incoming.headers['content-type'] },
    remoteAddress: '127.0.0.1',
    body: chunks.length === 0 ? { type: 'none' } : { type: 'bytes', read: async () => Buffer.concat(chunks) },
    signal: new AbortController().signal,
  });
  outgoing.writeHead(response.status, { 'content-type': 'application/json', ...response.headers });
  const { body } = response;
  if (body.type === 'watch') {
    outgoing.flushHeaders();
    const stream = body.open({
      onEvent(event) {
        // In two pieces: lines do not arrive as they were sent.
        const bytes = event.bytes();
        outgoing.write(bytes.subarray(0, 20));
        outgoing.write(bytes.subarray(20));
      },
      onEnd: () => outgoing.end(),
    });
    outgoing.on('close', () => stream[Symbol.dispose]());
    return;
  }
  assert.ok(body.type === 'object' || body.type === 'list');
  outgoing.end(Buffer.concat(body.bytes()));
}
async function listen(server: http.Server): Promise<{ port: number; close: () => Promise<void> }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
const serve = (handler: RequestHandler) =>
  http.createServer((incoming, outgoing) => void respond(handler, incoming, outgoing));

clientConformance('in process', {
  startServer,
  async connect(handler, logger) {
    const identity = { name: 'system:test', groups: [] };
    return { client: createInProcessClient({ handler, identity, clock: systemClock, logger }), async close() {} };
  },
});

clientConformance('over the network', {
  startServer,
  async connect(handler, logger) {
    const { port, close } = await listen(serve(handler));
    const server = `http://127.0.0.1:${port}`;
    return { client: createHttpsClient({ server, credentials: () => ({}), clock: systemClock, logger }), close };
  },
});

test('the in-process client shares the stored object and sends its identity', async () => {
  const { handler, close } = await startServer();
  const identity = { name: 'system:kube-scheduler', groups: ['system:authenticated'] };
  const seen: unknown[] = [];
  const faults = new FaultyHandler(handler);
  faults.intercept = (request) => void seen.push(request.identity);
  const client = createInProcessClient({ handler: faults, identity, clock: systemClock });
  const created = await client.resource(ConfigMaps).create({ metadata: { name: 'a', namespace: 'default' } });
  const informer = client.informer(ConfigMaps);
  await informer.whenSynced();
  assert.equal(informer.get('default', 'a'), created);
  assert.equal(handler.store.get('/registry/configmaps/default/a')?.object(), created);
  assert.ok(seen.length > 0 && seen.every((one) => one === identity));
  await client.close();
  await close();
});

test('an answer that breaks off is an error, a read is tried again', async () => {
  let requests = 0;
  const { port, close } = await listen(
    http.createServer((incoming, outgoing) => {
      requests++;
      outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      outgoing.write('{"metadata":');
      setTimeout(() => incoming.socket.destroy(), 5);
    }),
  );
  const client = createHttpsClient({ server: `http://127.0.0.1:${port}`, credentials: () => ({}), clock: systemClock });
  await assert.rejects(client.resource(ConfigMaps).list(), { code: 503 });
  assert.equal(requests, 2);
  const object = { metadata: { name: 'a', namespace: 'default' } };
  await assert.rejects(client.resource(ConfigMaps).create(object), { code: 503 });
  assert.equal(requests, 3, 'a write may have had its effect');
  const ends: unknown[] = [];
  client
    .resource(ConfigMaps)
    .watch({ resourceVersion: '1' }, { onEvent() {}, onEnd: (error) => void ends.push(error) });
  while (ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(ends[0] instanceof ApiError);
  await client.close();
  await close();
});

test('a kubeconfig becomes the options of a client', async () => {
  const encode = (text: string) => Buffer.from(text).toString('base64');
  const text = `
apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: here, context: {cluster: c, user: u}}
- {name: there, context: {cluster: c, user: t}}
- {name: odd, context: {cluster: c, user: e}}
- {name: broken, context: {cluster: missing, user: u}}
clusters:
- name: c
  cluster: {server: 'https://10.0.0.1:6443', certificate-authority-data: ${encode('CA')}, tls-server-name: api}
users:
- name: u
  user: {client-certificate-data: ${encode('CERT')}, client-key: key.pem}
- name: t
  user: {token: old, tokenFile: token}
- name: e
  user: {exec: {command: login}}
`;
  const files: Record<string, string> = { 'key.pem': 'KEY', token: 'first\n' };
  const readFile = (file: string) => files[file] ?? assert.fail(file);
  const here = await parseKubeconfig(text, { readFile });
  assert.deepEqual(
    { ...here, credentials: here.credentials() },
    {
      server: 'https://10.0.0.1:6443',
      certificateAuthority: 'CA',
      serverName: 'api',
      insecureSkipVerify: false,
      credentials: { certificate: 'CERT', key: 'KEY', token: undefined },
    },
  );
  const there = await parseKubeconfig(text, { readFile, context: 'there' });
  assert.equal(there.credentials().token, 'first');
  files['token'] = 'second';
  assert.equal(there.credentials().token, 'second');
  for (const [bad, message] of [
    [{ readFile, context: 'odd' }, /exec of a user is not supported/],
    [{ readFile, context: 'broken' }, /no entry "missing" in clusters/],
    [{ readFile, context: 'none' }, /no entry "none" in contexts/],
  ] as const)
    await assert.rejects(parseKubeconfig(text, bad), { name: 'OperatorError', message });
  await assert.rejects(parseKubeconfig('a: [', { readFile }), { name: 'OperatorError' });
  await assert.rejects(parseKubeconfig('', { readFile }), { name: 'OperatorError' });
});
