// What needs a clock in the hand: silence, pauses, storms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps } from '#api/generated/kind-references.ts';
import { goneError, serviceUnavailableError } from '#api/status.ts';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { seededRandom } from '#base/random.ts';
import { ClusterClient } from './cluster-client.ts';
import type { Transport, TransportWatchHandlers } from './transport.ts';

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

/** A server in the hand of the test. */
class Scripted implements Transport {
  readonly remote: boolean;
  lists = 0;
  readonly watches: { query: URLSearchParams; handlers: TransportWatchHandlers; disposed: boolean }[] = [];
  listError: Error | undefined;

  constructor(remote: boolean) {
    this.remote = remote;
  }
  async send() {
    this.lists++;
    if (this.listError !== undefined) throw this.listError;
    return { status: 200, retryAfterSeconds: undefined, object: { metadata: { resourceVersion: '10' }, items: [] } };
  }
  watch({ query }: { query: URLSearchParams }, handlers: TransportWatchHandlers): Disposable {
    const watch = { query, handlers, disposed: false };
    this.watches.push(watch);
    return { [Symbol.dispose]: () => void (watch.disposed = true) };
  }
  async close() {}
}

async function start(remote: boolean) {
  const clock = new VirtualClock(0);
  const transport = new Scripted(remote);
  const client = new ClusterClient({ transport, clock, random: seededRandom(1), logger: silentLogger });
  const informer = client.informer(ConfigMaps);
  await informer.whenSynced();
  await settle();
  return { clock, transport, client, informer };
}
const bookmark = (resourceVersion: string) => ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion } });

test('a silent watch over the network is given up and resumed from the last bookmark', async () => {
  const { clock, transport, client, informer } = await start(true);
  const first = transport.watches[0]!;
  assert.equal(first.query.get('resourceVersion'), '10');
  assert.equal(first.query.get('allowWatchBookmarks'), 'true');
  const seconds = Number(first.query.get('timeoutSeconds'));
  assert.ok(seconds >= 300 && seconds <= 600, String(seconds));
  clock.advance(200_000);
  assert.equal(first.disposed, false, 'without bookmarks silence is normal');
  first.handlers.onEvent('BOOKMARK', bookmark('25'));
  assert.equal(informer.revision, 25);
  clock.advance(149_000);
  first.handlers.onEvent('BOOKMARK', bookmark('26'));
  clock.advance(149_000);
  assert.equal(first.disposed, false);
  clock.advance(2_000);
  assert.equal(first.disposed, true);
  await settle();
  clock.advance(30_000);
  await settle();
  assert.equal(transport.watches.length, 2);
  assert.equal(transport.watches[1]!.query.get('resourceVersion'), '26');
  assert.equal(transport.lists, 1);
  await client.close();
});

test('a silent watch without bookmarks is given up after its time', async () => {
  const { clock, transport, client } = await start(true);
  clock.advance(Number(transport.watches[0]!.query.get('timeoutSeconds')) * 1_000 + 31_000);
  assert.equal(transport.watches[0]!.disposed, true);
  await client.close();
});

test('in process nothing ticks', async () => {
  const { clock, transport, client } = await start(false);
  assert.equal(clock.nextTimerAt(), undefined);
  assert.equal(transport.watches[0]!.query.get('timeoutSeconds'), null);
  await client.close();
});

test('a server that is away, that ends every watch, or that has no history is asked ever more rarely', async () => {
  for (const failure of [serviceUnavailableError('away'), goneError('compacted'), undefined]) {
    const { clock, transport, client } = await start(true);
    let answered = 0;
    for (let second = 0; second < 600; second++) {
      for (; answered < transport.watches.length; answered++) transport.watches[answered]!.handlers.onEnd(failure);
      await settle();
      clock.advance(1_000);
      await settle();
    }
    assert.ok(answered > 20 && answered < 80, `${answered} watches in ten minutes`);
    assert.equal(transport.lists > 1, failure?.code === 410);
    await client.close();
    assert.equal(clock.nextTimerAt(), undefined, 'nothing is left behind');
  }
});

test('a list that fails is repeated until it is answered', async () => {
  const clock = new VirtualClock(0);
  const transport = new Scripted(false);
  transport.listError = serviceUnavailableError('starting');
  const client = new ClusterClient({ transport, clock, random: seededRandom(1), logger: silentLogger });
  const informer = client.informer(ConfigMaps);
  const synced = informer.whenSynced();
  for (let second = 0; second < 10; second++) {
    await settle();
    clock.advance(1_000);
  }
  assert.ok(transport.lists > 3);
  assert.equal(informer.synced, false);
  transport.listError = undefined;
  for (let second = 0; second < 31 && !informer.synced; second++) {
    clock.advance(1_000);
    await settle();
  }
  await synced;
  await client.close();
});
