import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '#api/generated/types.ts';
import type { Mutable } from '#api/kind.ts';
import { ApiError, notFoundError, serviceUnavailableError } from '#api/status.ts';
import { VirtualClock } from '#base/clock.ts';
import { eventQueueMax } from '#base/limits.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { seededRandom } from '#base/random.ts';
import { ClusterClient } from './cluster-client.ts';
import { createEventRecorder } from './event-recorder.ts';
import type { Transport, TransportRequest } from './transport.ts';

const pod = (name = 'web') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', uid: 'u-1', resourceVersion: '7' },
});

/** Keeps Events as the API server does, as far as the recorder can tell. */
class EventServer implements Transport {
  readonly remote = false;
  readonly events = new Map<string, Mutable<Event>>();
  requests = 0;
  refusal: ApiError | undefined;
  async send({ method, path, body, contentType }: TransportRequest) {
    this.requests++;
    await Promise.resolve();
    if (this.refusal !== undefined)
      return { status: this.refusal.code, retryAfterSeconds: undefined, object: this.refusal.toStatus() };
    if (method === 'POST') {
      assert.equal(path, '/api/v1/namespaces/shop/events');
      const event = structuredClone(body) as Mutable<Event>;
      this.events.set(event.metadata.name ?? '', event);
      return { status: 201, retryAfterSeconds: undefined, object: event };
    }
    assert.equal(method, 'PATCH');
    assert.equal(contentType, 'application/strategic-merge-patch+json');
    const name = path.split('/').at(-1) ?? '';
    const event = this.events.get(name);
    if (event === undefined) {
      const status = notFoundError({ group: '', resource: 'events' }, name).toStatus();
      return { status: 404, retryAfterSeconds: undefined, object: status };
    }
    Object.assign(event, body);
    return { status: 200, retryAfterSeconds: undefined, object: event };
  }
  watch(): Disposable {
    throw new Error('the recorder watches nothing');
  }
  async close() {}
  get texts(): string[] {
    return [...this.events.values()].map((event) => `${event.count} ${event.reason}: ${event.message}`);
  }
}

function start() {
  const clock = new VirtualClock(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  const server = new EventServer();
  const logged: string[] = [];
  const log = (message: string): void => void logged.push(message);
  const logger: Logger = { debug() {}, info() {}, warn: log, error: log, named: () => logger };
  const random = seededRandom(1);
  const client = new ClusterClient({ transport: server, clock, random, logger });
  const recorder = createEventRecorder({ client, clock, logger, random, component: 'kubelet', host: 'node-1' });
  return { clock, server, logged, recorder };
}

test('an event has the shape and the name that upstream gives it', async () => {
  const { clock, server, recorder } = start();
  recorder.event(pod(), 'Normal', 'Pulled', 'image is here', 'spec.containers{app}');
  assert.equal(server.requests, 0, 'the caller does not wait');
  await recorder.whenIdle();
  const [name = ''] = server.events.keys();
  const [, hexadecimal] = name.split('.');
  assert.equal(BigInt(`0x${hexadecimal}`) / 1_000_000n, BigInt(clock.now()), 'the time, within the millisecond');
  assert.deepEqual(server.events.get(name), {
    kind: 'Event',
    apiVersion: 'v1',
    metadata: { name, namespace: 'shop' },
    involvedObject: {
      kind: 'Pod',
      namespace: 'shop',
      name: 'web',
      uid: 'u-1',
      apiVersion: 'v1',
      resourceVersion: '7',
      fieldPath: 'spec.containers{app}',
    },
    reason: 'Pulled',
    message: 'image is here',
    source: { component: 'kubelet', host: 'node-1' },
    firstTimestamp: '2026-01-02T03:04:05Z',
    lastTimestamp: '2026-01-02T03:04:05Z',
    count: 1,
    type: 'Normal',
    reportingComponent: 'kubelet',
    reportingInstance: 'node-1',
  });
  assert.equal(clock.nextTimerAt(), undefined);
});

test('two components tell of objects of one name in the same millisecond', async () => {
  const { clock, server, recorder } = start();
  const client = new ClusterClient({ transport: server, clock, random: seededRandom(1), logger: silentLogger });
  const other = createEventRecorder({ client, clock, logger: silentLogger, component: 'horizontal-pod-autoscaler' });
  recorder.event(pod(), 'Normal', 'Pulled', 'one');
  other.event({ ...pod(), kind: 'HorizontalPodAutoscaler' }, 'Normal', 'SuccessfulRescale', 'other');
  await Promise.all([recorder.whenIdle(), other.whenIdle()]);
  assert.deepEqual(server.texts.toSorted(), ['1 Pulled: one', '1 SuccessfulRescale: other']);
});

test('a repeated event is counted, also when the server has removed it meanwhile', async () => {
  const { clock, server, recorder } = start();
  for (let count = 0; count < 3; count++) {
    recorder.event(pod(), 'Warning', 'BackOff', 'back-off');
    recorder.event(pod('other'), 'Warning', 'BackOff', 'back-off');
    clock.advance(10_000);
  }
  await recorder.whenIdle();
  assert.deepEqual(server.texts, ['3 BackOff: back-off', '3 BackOff: back-off']);
  const [event] = server.events.values();
  assert.equal(event?.firstTimestamp, '2026-01-02T03:04:05Z');
  assert.equal(event?.lastTimestamp, '2026-01-02T03:04:25Z');
  server.events.clear();
  recorder.event(pod(), 'Warning', 'BackOff', 'back-off');
  await recorder.whenIdle();
  assert.deepEqual(server.texts, ['4 BackOff: back-off']);
});

test('many messages of one reason become one event', async () => {
  const { server, recorder } = start();
  for (let count = 1; count <= 15; count++) recorder.event(pod(), 'Warning', 'Failed', `attempt ${count}`);
  await recorder.whenIdle();
  assert.equal(server.events.size, 10);
  assert.equal(server.texts.at(-1), '6 Failed: (combined from similar events): attempt 15');
});

test('one object cannot flood', async () => {
  const { clock, server, recorder } = start();
  for (let count = 0; count < 100; count++) recorder.event(pod(), 'Normal', 'Same', 'again');
  recorder.event(pod('other'), 'Normal', 'Same', 'again');
  await recorder.whenIdle();
  assert.equal(server.requests, 26);
  clock.advance(600_000);
  for (let count = 0; count < 10; count++) recorder.event(pod(), 'Normal', 'Same', 'again');
  await recorder.whenIdle();
  assert.equal(server.requests, 28);
});

test('while the server is away events wait, up to a limit; a refused one is dropped', async () => {
  const { clock, server, logged, recorder } = start();
  server.refusal = serviceUnavailableError('away');
  for (let count = 0; count < eventQueueMax + 50; count++) recorder.event(pod(`p${count}`), 'Normal', 'R', 'm');
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assert.ok(server.requests >= 1 && server.requests < 5);
  server.refusal = undefined;
  clock.advance(10_000);
  await recorder.whenIdle();
  assert.equal(server.events.size, eventQueueMax);
  assert.ok(logged.some((one) => one.startsWith('events are dropped')));
  server.refusal = new ApiError(403, 'Forbidden', 'no');
  recorder.event(pod('refused'), 'Normal', 'R', 'm');
  await recorder.whenIdle();
  assert.ok(logged.includes('an event was not written'));
  assert.equal(clock.nextTimerAt(), undefined);
});

test('nothing that is given makes it throw, and close ends it', async () => {
  const { server, logged, recorder } = start();
  recorder.event({ metadata: { name: 'x' } }, 'Normal', 'R', 'm');
  await recorder.whenIdle();
  assert.equal(server.requests, 0);
  assert.equal(logged.length, 1);
  server.refusal = serviceUnavailableError('away');
  recorder.event(pod(), 'Normal', 'R', 'm');
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  await recorder.close();
  const { requests } = server;
  recorder.event(pod(), 'Normal', 'R', 'm');
  await recorder.whenIdle();
  assert.equal(server.requests, requests);
});
