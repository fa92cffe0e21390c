// What every client must do. One suite; it runs against a real request handler with a layer of faults before it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigMaps, Namespaces, ServiceAccounts } from '#api/generated/kind-references.ts';
import type { ConfigMap } from '#api/generated/types.ts';
import type { ApiRequest, ApiResponse, RequestHandler, WatchSink } from '#api/request.ts';
import { ApiError, isAlreadyExists, isConflict, isGone, isNotFound } from '#api/status.ts';
import type { Logger } from '#base/log.ts';
import type { Client, InformerChange } from './client.ts';

export interface ClientUnderTest {
  /** A new, empty server that keeps few events, so that history is soon over; the namespace `default` exists or is not needed. */
  startServer(): Promise<{ readonly handler: RequestHandler; close(): Promise<void> }>;
  connect(handler: RequestHandler, logger: Logger): Promise<{ readonly client: Client; close(): Promise<void> }>;
}

/** Events that the server under test keeps. */
export const serverHistoryEvents = 5;

/** Counts requests, refuses them, ends watches. */
export class FaultyHandler implements RequestHandler {
  readonly #handler: RequestHandler;
  readonly #watches = new Set<() => void>();
  readonly seen: string[] = [];
  /** Gives the answer in place of the server. */
  intercept: ((request: ApiRequest) => ApiResponse | undefined) | undefined;

  constructor(handler: RequestHandler) {
    this.#handler = handler;
  }
  get watches(): number {
    return this.#watches.size;
  }
  endWatches(): void {
    for (const end of this.#watches) end();
  }
  async handle(request: ApiRequest): Promise<ApiResponse> {
    this.seen.push(`${request.query.get('watch') === 'true' ? 'WATCH' : request.method} ${request.path}`);
    const response = this.intercept?.(request) ?? (await this.#handler.handle(request));
    if (response.body.type !== 'watch') return response;
    const { body } = response;
    return { ...response, body: { ...body, open: (sink) => this.#open(sink, (own) => body.open(own)) } };
  }
  #open(sink: WatchSink, open: (sink: WatchSink) => Disposable): Disposable {
    let over = false;
    const opened: Disposable[] = [];
    const stop = (): boolean => {
      if (over) return false;
      over = true;
      this.#watches.delete(end);
      for (const stream of opened) stream[Symbol.dispose]();
      return true;
    };
    const end = (): void => {
      if (stop()) sink.onEnd();
    };
    this.#watches.add(end);
    const stream = open({
      onEvent: (event) => {
        if (!over) sink.onEvent(event);
      },
      onEnd: end,
    });
    // It may have ended while it was opened.
    if (over) stream[Symbol.dispose]();
    else opened.push(stream);
    return { [Symbol.dispose]: () => void stop() };
  }
}

export function refusal(code: number, reason: string, headers: Record<string, string> = {}): ApiResponse {
  const status = new ApiError(code, reason, `refused for the test: ${reason}`).toStatus();
  const bytes = Buffer.from(JSON.stringify(status));
  return { status: code, headers, warnings: [], body: { type: 'object', object: status, bytes: () => [bytes] } };
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let round = 0; !condition(); round++) {
    assert.ok(round < 2_000, `still waiting: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const configMap = (name: string, value = '', namespace = 'default'): ConfigMap => ({
  metadata: { name, namespace, labels: { value } },
  data: { value },
});
const valueOf = (object: ConfigMap | undefined): string | undefined => object?.data?.['value'];

export function clientConformance(name: string, subject: ClientUnderTest): void {
  interface World {
    readonly client: Client;
    readonly faults: FaultyHandler;
    readonly logged: string[];
  }
  const withClient = (run: (world: World) => Promise<void>) => async (): Promise<void> => {
    const server = await subject.startServer();
    const faults = new FaultyHandler(server.handler);
    const logged: string[] = [];
    const log = (message: string): void => void logged.push(message);
    const logger: Logger = { debug() {}, info() {}, warn: log, error: log, named: () => logger };
    const connected = await subject.connect(faults, logger);
    const { client } = connected;
    try {
      await run({ client, faults, logged });
    } finally {
      await client.close();
      await connected.close();
      await server.close();
    }
  };

  describe(`${name}: a client`, () => {
    it(
      'creates, reads, updates, patches and deletes',
      withClient(async ({ client }) => {
        const maps = client.resource(ConfigMaps);
        const created = await maps.create(configMap('a', '1'));
        assert.equal(created.kind, 'ConfigMap');
        assert.equal(created.apiVersion, 'v1');
        assert.ok(Number(created.metadata.resourceVersion) > 0);
        assert.deepEqual(await maps.get({ namespace: 'default', name: 'a' }), created);
        const updated = await maps.update({ ...created, data: { value: '2' } });
        assert.notEqual(updated.metadata.resourceVersion, created.metadata.resourceVersion);
        const patched = await maps.patch(
          { namespace: 'default', name: 'a' },
          { type: 'merge', value: { data: { value: '3' } } },
        );
        assert.equal(valueOf(patched), '3');
        await maps.delete({ namespace: 'default', name: 'a' });
        assert.equal(await maps.find({ namespace: 'default', name: 'a' }), undefined);
      }),
    );

    it(
      'fails with the ApiError of the answer',
      withClient(async ({ client }) => {
        const maps = client.resource(ConfigMaps);
        const key = { namespace: 'default', name: 'a' };
        await assert.rejects(maps.get(key), (error) => {
          assert.ok(isNotFound(error));
          assert.equal(error.message, 'configmaps "a" not found');
          assert.equal(error.details?.kind, 'configmaps');
          return true;
        });
        const created = await maps.create(configMap('a'));
        await assert.rejects(maps.create(configMap('a')), isAlreadyExists);
        await maps.update({ ...created, data: { value: '2' } });
        await assert.rejects(maps.update({ ...created, data: { value: '3' } }), isConflict);
        await assert.rejects(maps.get({ name: 'a' }), { code: 400 });
        await assert.rejects(maps.get({ namespace: 'default', name: '' }), { code: 400 });
        await assert.rejects(maps.create({ metadata: { name: 'a' } }), { code: 400 });
      }),
    );

    it(
      'sends names and selectors as they are',
      withClient(async ({ client, faults }) => {
        await assert.rejects(client.resource(Namespaces).get({ name: 'a:b;c=d e+f' }), ApiError);
        // The path may be decoded on the way to the server's handler.
        assert.equal(
          decodeURIComponent(faults.seen.at(-1)!.replaceAll('%20', ' ')),
          'GET /api/v1/namespaces/a:b;c=d e+f',
        );
        await client.resource(ConfigMaps).create(configMap('a', '1'));
        await client.resource(ConfigMaps).create(configMap('b', '2'));
        const list = await client.resource(ConfigMaps).list({ namespace: 'default', labelSelector: 'value in (1,3)' });
        assert.deepEqual(
          list.items.map((one) => one.metadata.name),
          ['a'],
        );
      }),
    );

    it(
      'lists in pages, each item with its kind',
      withClient(async ({ client }) => {
        const maps = client.resource(ConfigMaps);
        for (const one of ['a', 'b', 'c']) await maps.create(configMap(one));
        const first = await maps.list({ namespace: 'default', limit: 2 });
        assert.equal(first.items.length, 2);
        assert.ok(first.items.every((one) => one.kind === 'ConfigMap' && one.apiVersion === 'v1'));
        const second = await maps.list({ namespace: 'default', limit: 2, continue: first.metadata.continue });
        assert.deepEqual(
          [...first.items, ...second.items].map((one) => one.metadata.name),
          ['a', 'b', 'c'],
        );
        assert.equal(second.metadata.continue ?? '', '');
      }),
    );

    it(
      'asks again when it is told to come back later',
      withClient(async ({ client, faults }) => {
        await client.resource(ConfigMaps).create(configMap('a'));
        let refused = 0;
        faults.intercept = () => (refused++ < 2 ? refusal(429, 'TooManyRequests', { 'retry-after': '0' }) : undefined);
        assert.ok(await client.resource(ConfigMaps).get({ namespace: 'default', name: 'a' }));
        assert.equal(refused, 3);
        faults.intercept = () => refusal(429, 'TooManyRequests');
        await assert.rejects(client.resource(ConfigMaps).get({ namespace: 'default', name: 'a' }), { code: 429 });
      }),
    );

    it(
      'watches in order and stops at once',
      withClient(async ({ client }) => {
        const maps = client.resource(ConfigMaps);
        const { metadata } = await maps.list();
        const events: string[] = [];
        const watch = maps.watch(
          { namespace: 'default', resourceVersion: metadata.resourceVersion },
          {
            onEvent: ({ type, object }) => void events.push(`${type} ${object.metadata.name} ${valueOf(object)}`),
            onEnd: (error) => void events.push(`end ${String(error)}`),
          },
        );
        const created = await maps.create(configMap('a', '1'));
        await maps.update({ ...created, data: { value: 'grün' } });
        await maps.delete({ namespace: 'default', name: 'a' });
        await until(() => events.length === 3, 'three events');
        assert.deepEqual(events, ['ADDED a 1', 'MODIFIED a grün', 'DELETED a grün']);
        watch[Symbol.dispose]();
        await maps.create(configMap('b'));
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.equal(events.length, 3);
      }),
    );

    it(
      'says when a watch ends, and when it is too late for one',
      withClient(async ({ client, faults }) => {
        const maps = client.resource(ConfigMaps);
        const old = await maps.create(configMap('first'));
        for (let count = 0; count <= serverHistoryEvents; count++) await maps.create(configMap(`c${count}`));
        const ends: unknown[] = [];
        const watch = (resourceVersion: string) =>
          maps.watch({ resourceVersion }, { onEvent() {}, onEnd: (error) => void ends.push(error) });
        watch(old.metadata.resourceVersion ?? '');
        await until(() => ends.length === 1, 'the refusal');
        assert.ok(isGone(ends[0]), String(ends[0]));
        watch((await maps.list()).metadata.resourceVersion);
        await until(() => faults.watches === 1, 'the watch');
        faults.endWatches();
        await until(() => ends.length === 2, 'the end');
        assert.equal(ends[1], undefined);
      }),
    );
  });

  describe(`${name}: an informer`, () => {
    const keysOf = (object: ConfigMap): readonly string[] => [object.data?.['value'] ?? ''];
    const byValue = { name: 'value', keysOf };

    it(
      'has what is there, then follows',
      withClient(async ({ client }) => {
        const maps = client.resource(ConfigMaps);
        await maps.create(configMap('a', '1'));
        const informer = client.informer(ConfigMaps);
        assert.equal(client.informer(ConfigMaps), informer);
        assert.equal(informer.synced, false);
        const changes: string[] = [];
        const note = ({ previous, current }: InformerChange<ConfigMap>): void => {
          const object = current ?? previous;
          assert.equal(informer.get('default', object?.metadata.name ?? ''), current, 'visible before it is told');
          changes.push(`${object?.metadata.name} ${valueOf(previous) ?? '-'} ${valueOf(current) ?? '-'}`);
        };
        using _listener = informer.onChange(note);
        await informer.whenSynced();
        assert.equal(informer.synced, true);
        const b = await maps.create(configMap('b', '1'));
        const b2 = await maps.update({ ...b, data: { value: '2' } });
        await until(() => informer.revision >= Number(b2.metadata.resourceVersion), 'b2');
        assert.deepEqual(
          informer.byIndex(byValue, '1').map((one) => one.metadata.name),
          ['a'],
        );
        assert.deepEqual(
          informer.byIndex(byValue, '2').map((one) => one.metadata.name),
          ['b'],
        );
        await maps.delete({ namespace: 'default', name: 'a' });
        await until(() => informer.get('default', 'a') === undefined, 'the deletion');
        assert.deepEqual(changes, ['a - 1', 'b - 1', 'b 1 2', 'a 1 -']);
        assert.deepEqual(informer.byIndex(byValue, '1'), []);
        assert.equal(informer.list().length, 1);
        assert.equal(informer.list('default').length, 1);
        assert.equal(informer.list('other').length, 0);
        assert.equal(informer.list(), informer.list(), 'lists are made once a change');
        const late: string[] = [];
        informer.onChange(({ current }) => void late.push(current?.metadata.name ?? ''));
        assert.deepEqual(late, ['b'], 'what is there comes at once');
      }),
    );

    it(
      'resumes where a watch ended, without a list and without a gap',
      withClient(async ({ client, faults }) => {
        const maps = client.resource(ConfigMaps);
        const informer = client.informer(ConfigMaps);
        const seen: string[] = [];
        informer.onChange(({ current }) => void seen.push(current?.metadata.name ?? ''));
        await informer.whenSynced();
        await until(() => faults.watches === 1, 'the watch');
        faults.intercept = ({ query }) =>
          query.get('watch') === 'true' ? refusal(503, 'ServiceUnavailable') : undefined;
        faults.endWatches();
        await maps.create(configMap('a'));
        await maps.create(configMap('b'));
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.deepEqual(seen, []);
        faults.intercept = undefined;
        await until(() => seen.length === 2, 'both');
        assert.deepEqual(seen, ['a', 'b']);
        assert.equal(faults.seen.filter((one) => one === 'GET /api/v1/configmaps').length, 1);
      }),
    );

    it(
      'lists again when history is over, and tells the differences only',
      withClient(async ({ client, faults }) => {
        const maps = client.resource(ConfigMaps);
        const kept = await maps.create(configMap('kept', '1'));
        const changed = await maps.create(configMap('changed', '1'));
        await maps.create(configMap('gone', '1'));
        const informer = client.informer(ConfigMaps);
        await informer.whenSynced();
        const changes: string[] = [];
        informer.onChange(({ previous, current }) => {
          if (previous !== undefined || current?.metadata.name === 'new' || changes.length > 0)
            changes.push(
              `${(current ?? previous)?.metadata.name} ${valueOf(previous) ?? '-'} ${valueOf(current) ?? '-'}`,
            );
        });
        await until(() => faults.watches === 1, 'the watch');
        faults.intercept = ({ query }) =>
          query.get('watch') === 'true' ? refusal(503, 'ServiceUnavailable') : undefined;
        faults.endWatches();
        await maps.update({ ...changed, data: { value: '2' } });
        await maps.delete({ namespace: 'default', name: 'gone' });
        let filler = await maps.create(configMap('new', '1'));
        for (let count = 2; count <= serverHistoryEvents + 2; count++)
          filler = await maps.update({ ...filler, data: { value: String(count) } });
        faults.intercept = undefined;
        await until(() => valueOf(informer.get('default', 'new')) === String(serverHistoryEvents + 2), 'the new list');
        assert.deepEqual(changes, ['gone 1 -', 'changed 1 2', `new - ${serverHistoryEvents + 2}`]);
        assert.equal(informer.get('default', 'kept')?.metadata.resourceVersion, kept.metadata.resourceVersion);
        await maps.create(configMap('after'));
        await until(() => informer.get('default', 'after') !== undefined, 'the watch behind the list');
      }),
    );

    it(
      'follows a part only, and keeps one informer for each part',
      withClient(async ({ client }) => {
        const maps = client.resource(ConfigMaps);
        const all = client.informer(ConfigMaps);
        const part = client.informer(ConfigMaps, { labelSelector: 'value=1' });
        assert.ok(all !== part);
        await Promise.all([all.whenSynced(), part.whenSynced()]);
        const a = await maps.create(configMap('a', '1'));
        await maps.create(configMap('b', '2'));
        await until(() => all.list().length === 2 && part.list().length === 1, 'both informers');
        await maps.update({ ...a, metadata: { ...a.metadata, labels: { value: '2' } } });
        await until(() => part.list().length === 0, 'the object that is no part any more');
        assert.equal(all.list().length, 2);
      }),
    );

    it(
      'is not harmed by a listener that throws',
      withClient(async ({ client, logged }) => {
        const informer = client.informer(ConfigMaps);
        const seen: string[] = [];
        informer.onChange(() => {
          throw new Error('a listener with a bug');
        });
        informer.onChange(({ current }) => void seen.push(current?.metadata.name ?? ''));
        await informer.whenSynced();
        for (const one of ['a', 'b']) await client.resource(ConfigMaps).create(configMap(one));
        await until(() => seen.length === 2, 'both');
        assert.equal(logged.filter((one) => one === 'a listener of an informer failed').length, 2);
      }),
    );

    it(
      'waits for the server, and gives up with the caller or the client',
      withClient(async ({ client, faults, logged }) => {
        faults.intercept = () => refusal(500, 'InternalError');
        const informer = client.informer(ServiceAccounts);
        const abort = new AbortController();
        const waiting = informer.whenSynced(abort.signal);
        await until(() => faults.seen.length >= 3, 'repeated attempts');
        assert.equal(logged.length, 1, 'the same problem is reported once');
        abort.abort(new Error('no longer'));
        await assert.rejects(waiting, /no longer/);
        faults.intercept = undefined;
        await informer.whenSynced();
        faults.intercept = () => refusal(500, 'InternalError');
        const other = client.informer(Namespaces).whenSynced();
        await client.close();
        await assert.rejects(other, /closed/);
        await assert.rejects(client.resource(ConfigMaps).list(), { code: 503 });
      }),
    );
  });
}
