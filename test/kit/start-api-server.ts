// The real API server on the memory store, without a socket: what tests of clients, controllers and the server itself use.
import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { VirtualClock, type Clock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { seededRandom } from '#base/random.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import type { ApiRequest, ApiResponse, Identity, WatchEvent } from '#api/request.ts';
import { ApiError } from '#api/status.ts';
import type { StatusObject } from '#api/status.ts';
import { createApiServer } from '#apiserver/api-server.ts';
import type { ApiServer } from '#apiserver/api-server.ts';
import type { ApiServerOptions } from '#apiserver/options.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { Store } from '#storage/store.ts';

export const administrator: Identity = { name: 'system:admin', groups: ['system:masters'] };

export interface SendOptions {
  /** Default: the administrator. Null: none, as an unauthenticated caller from the network. */
  readonly as?: Identity | null | undefined;
  /** A list is sent as a header of its own for each value. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  readonly body?: unknown;
  /** Instead of `body`: as from the network. */
  readonly bytes?: string | Uint8Array | undefined;
  /** Instead of `body`: one that comes when the test lets it. */
  readonly pendingBytes?: Promise<Uint8Array> | undefined;
  readonly contentType?: string | undefined;
  readonly certificate?: ApiRequest['certificate'];
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
  readonly contentType: string;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  // oxlint-disable-next-line no-explicit-any -- tests read answers of every shape
  readonly json: Json;
}
/** Loosely typed JSON, for assertions only. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface TestApiServer {
  readonly server: ApiServer;
  readonly store: Store;
  readonly clock: Clock;
  /** The clock when the test did not bring one: time moves only by advance. */
  readonly virtualClock: VirtualClock;
  readonly tokenKey: KeyObject;
  /** The raw answer; `path` may have a query. */
  handle(method: string, path: string, options?: SendOptions): Promise<ApiResponse>;
  /** The answer read to its end. Failures are answers too. */
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  /** These throw ApiError for failures and give the body otherwise. */
  get(path: string, options?: SendOptions): Promise<Json>;
  create(path: string, object: unknown, options?: SendOptions): Promise<Json>;
  update(path: string, object: unknown, options?: SendOptions): Promise<Json>;
  patch(
    path: string,
    type: 'json' | 'merge' | 'strategic' | 'apply',
    patch: unknown,
    options?: SendOptions,
  ): Promise<Json>;
  delete(path: string, options?: SendOptions): Promise<Json>;
  /** Collects events; `events` grows while the test goes on. */
  watch(
    path: string,
    options?: SendOptions,
  ): Promise<{ events: { type: string; object: Json }[]; ended: boolean; stop(): void }>;
  close(): void;
}

const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** The path of a kind's collection or of one object. */
export const pathOf = (kind: KindReference<KubernetesObject>, namespace?: string, name?: string): string =>
  [
    kind.group === '' ? '/api' : `/apis/${kind.group}`,
    kind.version,
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    kind.resource,
    ...(name === undefined ? [] : [name]),
  ].join('/');

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function startApiServer(overrides: Partial<ApiServerOptions> = {}): Promise<TestApiServer> {
  const virtualClock = new VirtualClock(Date.parse('2026-01-02T03:04:05Z'));
  const clock = overrides.clock ?? virtualClock;
  const store = overrides.store ?? createMemoryStore({ clock });
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const options: ApiServerOptions = {
    store,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    version: {
      major: '1',
      minor: '36',
      gitVersion: 'v1.36.2+microshift',
      gitCommit: '',
      gitTreeState: 'clean',
      buildDate: '2026-01-01T00:00:00Z',
      goVersion: 'node',
      compiler: 'v8',
      platform: 'linux/amd64',
    },
    serviceAccountTokens: {
      issuer: 'https://kubernetes.default.svc',
      audiences: ['https://kubernetes.default.svc'],
      publicKeys: () => [{ id: 'test', key: publicKey }],
      signer: {
        sign: async (claims) => {
          const text = `${base64({ alg: 'ES256', kid: 'test' })}.${base64(claims)}`;
          const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
          return `${text}.${signature.toString('base64url')}`;
        },
      },
    },
    serviceCidrs: ['10.43.0.0/16'],
    nodePortRange: { from: 30_000, to: 32_767 },
    clusterDomain: 'cluster.local',
    routeDomain: 'apps.example.com',
    ...overrides,
  };
  const server = createApiServer(options);

  const handle: TestApiServer['handle'] = (method, path, send = {}) => {
    const url = new URL(path, 'https://localhost');
    const bytes = typeof send.bytes === 'string' ? Buffer.from(send.bytes) : send.bytes;
    const identity = send.as === undefined ? administrator : (send.as ?? undefined);
    return server.handle({
      method,
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: {
        'user-agent': 'kit/1',
        ...(send.contentType === undefined ? {} : { 'content-type': send.contentType }),
        ...Object.fromEntries(Object.entries(send.headers ?? {}).map(([name, value]) => [name, String(value)])),
      },
      rawHeaders: Object.entries(send.headers ?? {}).flatMap(([name, value]) =>
        (typeof value === 'string' ? [value] : value).flatMap((one) => [name, one]),
      ),
      identity: send.certificate === undefined && send.headers?.['authorization'] === undefined ? identity : undefined,
      certificate: send.certificate,
      remoteAddress: '127.0.0.1',
      body:
        bytes !== undefined
          ? { type: 'bytes', read: async (limit) => bytes.subarray(0, limit + 1) }
          : send.pendingBytes !== undefined
            ? { type: 'bytes', read: () => send.pendingBytes! }
            : send.body === undefined
              ? { type: 'none' }
              : { type: 'object', object: send.body },
      signal: send.signal ?? new AbortController().signal,
    });
  };

  const send: TestApiServer['send'] = async (method, path, sendOptions) => {
    const response = await handle(method, path, sendOptions);
    const { body, status, headers, warnings } = response;
    const parts: Uint8Array[] = [];
    let contentType = 'application/json';
    if (body.type === 'bytes') {
      contentType = body.contentType;
      parts.push(...body.parts);
    } else if (body.type === 'object' || body.type === 'list') parts.push(...body.bytes());
    else if (body.type === 'stream') {
      contentType = body.contentType;
      for await (const chunk of body.stream) parts.push(chunk);
    }
    const text = Buffer.concat(parts).toString('utf8');
    let json: unknown;
    try {
      json = text === '' ? undefined : JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status, headers, warnings, contentType, text, json };
  };
  const ok = async (method: string, path: string, sendOptions?: SendOptions): Promise<Json> => {
    const answer = await send(method, path, sendOptions);
    if (answer.status >= 400)
      throw answer.json === undefined
        ? new ApiError(answer.status, '', answer.text)
        : ApiError.fromStatus(answer.json as StatusObject);
    return answer.json;
  };

  const test: TestApiServer = {
    server,
    store,
    clock,
    virtualClock,
    tokenKey: privateKey,
    handle,
    send,
    get: (path, more) => ok('GET', path, more),
    create: (path, object, more) => ok('POST', path, { body: object, ...more }),
    update: (path, object, more) => ok('PUT', path, { body: object, ...more }),
    patch: (path, type, patch, more) => ok('PATCH', path, { body: patch, contentType: patchTypes[type], ...more }),
    delete: (path, more) => ok('DELETE', path, more),
    async watch(path, more) {
      const response = await handle('GET', path, more);
      if (response.body.type !== 'watch') throw new Error(`no watch but ${response.status}`);
      const result = { events: [] as { type: string; object: Json }[], ended: false, stop: () => {} };
      const opened = response.body.open({
        onEvent: (event: WatchEvent) =>
          void result.events.push(JSON.parse(Buffer.from(event.bytes()).toString('utf8')) as never),
        onEnd: () => void (result.ended = true),
      });
      result.stop = () => opened[Symbol.dispose]();
      return result;
    },
    close: () => server.close(),
  };
  // What the bootstrap and the service account controller make in a cluster.
  if (overrides.store === undefined)
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
      await test.create('/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name } });
      await test.create(`/api/v1/namespaces/${name}/serviceaccounts`, {
        kind: 'ServiceAccount',
        apiVersion: 'v1',
        metadata: { name: 'default' },
      });
    }
  return test;
}
