// However many watch, an event is encoded once for each form that is asked for. Bytes tell it: each encoding makes its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';

const pods = '/api/v1/namespaces/default/pods';
const pod = (name: string, labels = {}) => ({
  metadata: { name, labels },
  spec: { containers: [{ name: 'app', image: 'example' }] },
});
const asTable = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const asMetadata = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const forms = [
  'application/json',
  'application/vnd.kubernetes.protobuf',
  asTable,
  asMetadata,
  'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
];

/** The bytes of each event that a watch tells, as they are. */
async function bytesOf(api: TestApiServer, path: string, accept: string): Promise<Uint8Array[]> {
  const bytes: Uint8Array[] = [];
  const answer = await api.handle('GET', path, { headers: { accept } });
  assert.ok(answer.body.type === 'watch', `${path} in ${accept}: ${answer.status}`);
  answer.body.open({ onEvent: (event) => bytes.push(event.bytes()), onEnd: () => {} });
  return bytes;
}
/** All watchers' bytes of their event number `index`, each once. */
const different = (watchers: readonly Uint8Array[][], index: number): Set<Uint8Array> =>
  new Set(watchers.map((events) => events[index]!));

test('1,000 watches of one resource cost one encoding an event, in each form', async () => {
  const api = await startApiServer();
  await api.create(pods, pod('web', { tier: 'front' }));
  const since = api.store.revision;
  const paths = [
    `${pods}?watch=1&resourceVersion=${since}`,
    `/api/v1/pods?watch=1&resourceVersion=${since}`,
    `${pods}?watch=1&resourceVersion=${since}&labelSelector=tier%3Dfront&allowWatchBookmarks=true`,
    `${pods}?watch=1&resourceVersion=${since}&fieldSelector=metadata.name%3Dweb`,
  ];
  const watchers = new Map<string, Uint8Array[][]>();
  for (const form of forms)
    watchers.set(
      form,
      await Promise.all(Array.from({ length: 1000 }, (_, index) => bytesOf(api, paths[index % 4]!, form))),
    );
  await api.patch(`${pods}/web`, 'merge', { metadata: { annotations: { turn: '1' } } });
  await api.patch(`${pods}/web`, 'merge', { metadata: { annotations: { turn: '2' } } });
  await api.delete(`${pods}/web`, { body: { gracePeriodSeconds: 0 } });
  for (const [form, all] of watchers)
    for (const [index, type] of ['MODIFIED', 'MODIFIED', 'MODIFIED', 'DELETED'].entries()) {
      const bytes = different(all, index);
      assert.equal(bytes.size, 1, `event ${index} in ${form}`);
      assert.match(Buffer.from([...bytes][0]!).toString('latin1'), new RegExp(type));
    }
  const [first, second] = [0, 1].map((index) => JSON.parse(Buffer.from(watchers.get(asTable)![0]![index]!).toString()));
  assert.ok(first.object.columnDefinitions.length > 3, 'columns come with the first event of a watch');
  assert.equal(second.object.columnDefinitions, null, 'and not again');
});

test('a watch that begins later is told columns of its own; options make another form', async () => {
  const api = await startApiServer();
  await api.create(pods, pod('web'));
  const path = `${pods}?watch=1&resourceVersion=${api.store.revision}`;
  const early = await Promise.all([1, 2].map(() => bytesOf(api, path, asTable)));
  await api.patch(`${pods}/web`, 'merge', { metadata: { annotations: { turn: '1' } } });
  const late = await Promise.all(
    [1, 2].map(() => bytesOf(api, `${pods}?watch=1&resourceVersion=${api.store.revision}`, asTable)),
  );
  const bare = await bytesOf(api, `${path}&includeObject=None`, asTable);
  await api.patch(`${pods}/web`, 'merge', { metadata: { annotations: { turn: '2' } } });
  assert.equal(different(early, 1).size, 1);
  assert.equal(different(late, 0).size, 1);
  const tables = [early[0]![1]!, late[0]![0]!, bare.at(-1)!].map(
    (bytes) => JSON.parse(Buffer.from(bytes).toString()).object,
  );
  assert.deepEqual(
    tables.map(({ columnDefinitions, rows }) => [columnDefinitions !== null, rows[0].object !== null]),
    [
      [false, true],
      [true, true],
      [false, false],
    ],
  );
});

test('ages in tables are those of their second', async () => {
  const api = await startApiServer();
  const path = `${pods}?watch=1&resourceVersion=${api.store.revision}`;
  await api.create(pods, pod('web'));
  const ages = [];
  for (const _ of [1, 2]) {
    const [event] = await bytesOf(api, path, asTable);
    const { object } = JSON.parse(Buffer.from(event!).toString());
    const column = object.columnDefinitions.findIndex((one: { name: string }) => one.name === 'Age');
    ages.push(object.rows[0].cells[column]);
    api.virtualClock.advance(60_000);
  }
  assert.deepEqual(ages, ['0s', '60s']);
});

test('what leaves a selection is told once, at the version at which it left', async () => {
  const api = await startApiServer();
  await api.create(pods, pod('web', { tier: 'front' }));
  const selected = `${pods}?watch=1&resourceVersion=${api.store.revision}&labelSelector=tier%3Dfront`;
  const watchers = await Promise.all([1, 2, 3].map(() => bytesOf(api, selected, 'application/json')));
  const left = await api.patch(`${pods}/web`, 'merge', { metadata: { labels: { tier: 'back' } } });
  const bytes = different(watchers, 0);
  assert.equal(bytes.size, 1);
  const { type, object } = JSON.parse(Buffer.from([...bytes][0]!).toString());
  assert.deepEqual([type, object.metadata.labels], ['DELETED', { tier: 'front' }]);
  assert.equal(object.metadata.resourceVersion, left.metadata.resourceVersion);
});
