// Lists that are made part by part say what lists in one piece say, and their parts are made when they are asked for.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { ResponseBody } from '#api/request.ts';
import { listStepItemsMax } from '#base/limits.ts';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import { StoredValue } from '#storage/stored-value.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const events = '/apis/events.k8s.io/v1/namespaces/default/events';
const count = listStepItemsMax * 3;

async function filled(): Promise<TestApiServer> {
  const api = await startApiServer();
  for (let index = 0; index < count; index++) {
    await api.create(maps, { metadata: { name: `map-${index}` }, data: { text: 'é'.repeat(1000) } });
    await api.create('/api/v1/namespaces/default/events', {
      metadata: { name: `event-${index}`, namespace: 'default' },
      involvedObject: { kind: 'Pod', name: 'a', namespace: 'default' },
      reason: 'Seen',
      type: 'Normal',
      source: { component: 'test' },
    });
  }
  return api;
}
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const partial = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

async function bodyOf(
  api: TestApiServer,
  path: string,
  accept: string,
): Promise<ResponseBody & { type: 'object' | 'list' }> {
  const { body } = await api.handle('GET', path, { headers: { accept } });
  assert.ok(body.type === 'object' || body.type === 'list', `${path} ${accept}: ${body.type}`);
  return body;
}

test('pages of few and a list of many say the same of each object, in every form', async () => {
  const api = await filled();
  const few = listStepItemsMax / 2;
  const forms = ['application/json', table, partial];
  const paths = [maps, '/api/v1/namespaces/default/events', events];
  for (const accept of forms)
    for (const path of paths) {
      const body = await bodyOf(api, path, accept);
      const pieces = body.pieces!();
      const parts = [...pieces.parts()];
      const text = Buffer.concat(parts).toString();
      assert.equal(Buffer.concat([...body.bytes()]).toString(), text);
      if (pieces.length !== undefined) assert.equal(pieces.length, Buffer.byteLength(text));
      assert.ok(text.endsWith(']}\n'));
      const whole = JSON.parse(text);
      const itemsOf = (list: { items?: unknown[]; rows?: unknown[] }): unknown[] => list.items ?? list.rows!;
      if (body.type === 'object') assert.deepEqual(JSON.parse(JSON.stringify(body.object)), whole);
      assert.equal(itemsOf(whole).length, count);
      const paged: unknown[] = [];
      let next = '';
      do {
        const page = (await api.send('GET', `${path}?limit=${few}&continue=${next}`, { headers: { accept } })).json;
        paged.push(...itemsOf(page));
        next = page.metadata.continue ?? '';
        assert.deepEqual(
          { ...page, metadata: {}, items: [], rows: [] },
          { ...whole, metadata: {}, items: [], rows: [] },
          `${path} in ${accept}`,
        );
      } while (next !== '');
      assert.deepEqual(itemsOf(whole), paged, `${path} in ${accept}`);
    }
});

test('a part is made when it is asked for: of a table, and of objects in another version', async () => {
  const api = await filled();
  const decoded = mock.method(StoredValue.prototype, 'object');
  for (const [path, accept] of [
    [maps, `${table}`],
    [`${maps}?includeObject=Object`, table],
    [maps, partial],
    [events, 'application/json'],
  ] as const) {
    const body = await bodyOf(api, path, accept);
    decoded.mock.resetCalls();
    const parts = body.pieces!().parts()[Symbol.iterator]();
    const first = parts.next();
    assert.ok(first.done === false && first.value.length > 60_000);
    const calls = decoded.mock.callCount();
    assert.ok(calls > 0 && calls < count, `${calls} of ${count} objects for the first part of ${path} in ${accept}`);
  }
  mock.restoreAll();
});

test('an option that nobody knows is refused before anything is sent', async () => {
  const api = await filled();
  const answer = await api.send('GET', `${maps}?includeObject=Some`, { headers: { accept: table } });
  assert.deepEqual([answer.status, answer.json.reason], [400, 'BadRequest']);
});

test('protobuf of a long list lets others have the event loop in between', async () => {
  const api = await filled();
  await api.send('GET', `${maps}?limit=1`, { headers: { accept: 'application/vnd.kubernetes.protobuf' } });
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const { body } = await api.handle('GET', maps, { headers: { accept: 'application/vnd.kubernetes.protobuf' } });
  isOver = true;
  assert.ok(body.type === 'bytes' && body.parts.length > count);
  assert.ok(turns >= count / listStepItemsMax - 1, `${turns} turns`);
});
