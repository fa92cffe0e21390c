// The informer of @kubernetes/client-node against the real server over HTTPS: thousands of changes in seconds, watches that are cut,
// a history so short that a late watch gets 410, a front that restarts. What it tells must be a possible history of each object,
// nothing invented, and in the end it has what the server has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import { startHttpsFront } from '#apiserver/https-front.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { fraction, seededRandom, systemRandom } from '#base/random.ts';
import type { HttpsServer } from '#host/https-server.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { issueCertificate, type CertificateUse, type KeyPair } from '#pki/certificate.ts';
import { defaultHistoryLimits } from '#storage/history.ts';
import { createMemoryStore } from '#storage/memory/store.ts';

const issue = (commonName: string, use: CertificateUse, issuer?: KeyPair, organizations: string[] = []): KeyPair =>
  issueCertificate({
    subject: { commonName, organizations },
    use,
    ...(use === 'serving' ? { names: ['127.0.0.1', 'localhost'] } : {}),
    notBeforeMs: Date.now() - 60_000,
    notAfterMs: Date.now() + 3_600_000,
    serial: systemRandom.bytes(16),
    issuer,
  });
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

const collection = '/api/v1/namespaces/churn/configmaps';
const names = 60;
const rounds = 40;
const changesOfRound = 60;
/** Less than what happens while a watch is down for a round. */
const historyEvents = 50;

test('an informer of client-node misses nothing and invents nothing over churn, cut watches, 410 and restarts', async (context) => {
  const clock = systemClock;
  const store = createMemoryStore({
    clock,
    history: { ...defaultHistoryLimits, eventsMax: historyEvents, eventsMin: historyEvents / 2 },
  });
  const api = await startApiServer({ clock, store });
  await api.create('/api/v1/namespaces', { metadata: { name: 'churn' } });
  const authority = issue('authority', 'authority');
  const serving = issue('server', 'serving', authority);
  const alice = issue('alice', 'client', authority, ['system:masters']);
  const open = (port: number): Promise<HttpsServer> =>
    startHttpsFront({
      address: '127.0.0.1',
      port,
      certificate: { certificateChain: serving.certificatePem, privateKey: serving.keyPem },
      clientAuthorities: authority.certificatePem,
      handler: api.server,
      logger: silentLogger,
    });
  let front = await open(0);
  const { port } = front;

  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'c', server: `https://127.0.0.1:${port}`, caData: base64(authority.certificatePem), skipTLSVerify: false },
    { name: 'u', certData: base64(alice.certificatePem), keyData: base64(alice.keyPem) },
  );
  const core = config.makeApiClient(CoreV1Api);
  let lists = 0;
  const informer = makeInformer<V1ConfigMap>(config, collection, () => {
    lists++;
    return core.listNamespacedConfigMap({ namespace: 'churn' });
  });
  /** By name, as informers know objects: one that was made anew while a watch was down is told as changed. */
  const there = new Set<string>();
  /** Every state that ever was, as `uid revision`. */
  const states = new Set<string>();
  const wrong: string[] = [];
  let told = 0;
  let failures = 0;
  let isOver = false;
  const begin = (): void => {
    if (!isOver) informer.start().catch(() => setTimeout(begin, 20));
  };
  informer.on('error', () => {
    failures++;
    setTimeout(begin, 20);
  });
  const hear = (kind: 'add' | 'update' | 'delete'): void =>
    informer.on(kind, ({ metadata }) => {
      told++;
      const uid = metadata!.uid!;
      const name = metadata!.name!;
      if ((kind === 'add') === there.has(name))
        wrong.push(`${kind} of ${name}, ${kind === 'add' ? 'known' : 'unknown'}`);
      if (kind === 'add') there.add(name);
      if (kind === 'delete') there.delete(name);
      // The last state of a deleted object may have the revision of its end.
      if (kind !== 'delete' && !states.has(`${uid} ${metadata!.resourceVersion}`)) wrong.push(`invented ${name}`);
    });
  hear('add');
  hear('update');
  hear('delete');
  context.after(async () => {
    isOver = true;
    await informer.stop();
    await front.close(0);
    api.close();
  });
  await informer.start();

  const random = seededRandom(36);
  const remember = ({ metadata }: { metadata: { uid: string; resourceVersion: string } }): void =>
    void states.add(`${metadata.uid} ${metadata.resourceVersion}`);
  const change = async (): Promise<void> => {
    const name = `map-${Math.floor(fraction(random) * names)}`;
    const path = `${collection}/${name}`;
    const known = await api.send('GET', path);
    const data = { value: String(Math.floor(fraction(random) * 1e9)) };
    if (known.status === 404) remember(await api.create(collection, { metadata: { name }, data }));
    else if (fraction(random) < 0.2) await api.delete(path);
    else remember(await api.patch(path, 'merge', { data }));
  };
  for (let round = 0; round < rounds; round++) {
    const isDown = round % 4 === 3;
    // With a grace of nothing all connections are cut, watches among them.
    if (isDown) await front.close(0);
    for (let index = 0; index < changesOfRound; index++) {
      await change();
      if (index % 10 === 9) await pause(5);
    }
    if (isDown) front = await open(port);
  }

  const rendered = (objects: readonly V1ConfigMap[]): string[] =>
    objects.map(({ metadata }) => `${metadata?.name} ${metadata?.resourceVersion}`).toSorted();
  const expected = rendered((await api.get(collection)).items);
  for (let attempt = 0; attempt < 400 && rendered(informer.list()).join() !== expected.join(); attempt++)
    await pause(25);
  assert.deepEqual(rendered(informer.list()), expected);
  assert.deepEqual(wrong, []);
  assert.deepEqual(there, new Set((await api.get(collection)).items.map((one: V1ConfigMap) => one.metadata!.name)));
  // It was no quiet walk: watches broke, history was lost, and yet it heard of most changes as they came.
  assert.ok(failures >= rounds / 4, `${failures} failures`);
  assert.ok(lists > rounds / 8, `${lists} lists`);
  assert.ok(told > (rounds * changesOfRound) / 3, `${told} told`);
});
