// A selector that has to decode much lets others have the event loop, and still sees one revision.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { selectionTurnBytes } from '#base/limits.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { StoredValue } from '#storage/stored-value.ts';

const collection = '/api/v1/namespaces/default/configmaps';
const objectBytes = 16 * 1024;
const count = (4 * selectionTurnBytes) / objectBytes;

test('it is done in turns; what is written meanwhile is in the next list', async () => {
  const api = await startApiServer();
  for (let index = 0; index < count; index++)
    await api.create(collection, {
      metadata: {
        name: `map-${String(index).padStart(3, '0')}`,
        labels: { half: index % 2 === 0 ? 'first' : 'second' },
      },
      data: { text: 'x'.repeat(objectBytes) },
    });
  // As if nobody held any of them.
  mock.getter(StoredValue.prototype, 'isDecoded', () => false);
  const query = `${collection}?labelSelector=${encodeURIComponent('half!=second')}`;
  let isThere = false;
  const listed = api.get(query).finally(() => (isThere = true));
  let turns = 0;
  let removed: Promise<unknown> | undefined;
  for (; !isThere; turns++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    removed ??= api.send('DELETE', `${collection}/map-${String(count - 2).padStart(3, '0')}`);
  }
  const { items, metadata } = await listed;
  await removed;
  assert.ok(turns >= 3, `${turns} turns`);
  assert.equal(items.length, count / 2);
  const after = await api.get(query);
  assert.equal(after.items.length, count / 2 - 1);
  assert.ok(Number(after.metadata.resourceVersion) > Number(metadata.resourceVersion));
  const page = await api.get(`${query}&limit=${count / 4}`);
  assert.equal(page.items.length, count / 4);
  const rest = await api.get(`${query}&limit=${count}&continue=${page.metadata.continue}`);
  assert.equal(rest.items.length, count / 4 - 1);
  mock.restoreAll();
});
