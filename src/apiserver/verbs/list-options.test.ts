// Every combination of resourceVersion, resourceVersionMatch, limit and continue, as upstream answered to it (observed with five
// objects, on a server whose store no longer has revision 1).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { defaultHistoryLimits } from '#storage/history.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import observed from './list-options-observed.json' with { type: 'json' };

const collection = '/api/v1/namespaces/default/configmaps';

test('lists: versions, matches, limits and continuations in all combinations', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const history = { ...defaultHistoryLimits, eventsMax: 6, eventsMin: 3 };
  const store = createMemoryStore({ clock, history });
  const api = await startApiServer({ clock, store });
  await api.create('/api/v1/namespaces', { metadata: { name: 'default' } });
  for (const name of ['a', 'b', 'c', 'd', 'e']) await api.create(collection, { metadata: { name } });
  for (let count = 0; count < 8; count++) await api.patch(`${collection}/b`, 'merge', { data: { count: `${count}` } });
  const { metadata } = await api.get(`${collection}?limit=1`);
  const now = metadata.resourceVersion as string;
  const future = String(Number(now) + 1_000_000);
  const words = new Map([
    ['NOW', now],
    ['FUTURE', future],
    ['CONT', metadata.continue as string],
  ]);
  const differing: unknown[] = [];
  for (const { ask, answer } of observed) {
    const query = new URLSearchParams(
      Object.entries(ask).map(([name, value]) => [name, words.get(value) ?? value] as [string, string]),
    );
    const pending = api.send('GET', `${collection}?${query.toString()}`);
    // A list of the future waits for it a while.
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(3_000);
    }
    const { status, json } = await pending;
    const got =
      status === 200
        ? {
            items: json.items.length,
            ...(json.metadata.continue === undefined ? {} : { continues: true }),
            ...(json.metadata.remainingItemCount === undefined ? {} : { remaining: json.metadata.remainingItemCount }),
          }
        : {
            code: status,
            reason: json.reason,
            message: json.message
              .replaceAll(future, 'FUTURE')
              .replaceAll(` ${now}`, ' NOW')
              .replace(/(continue key is not valid: ).*/, '$1WHY'),
            ...(json.details?.causes === undefined
              ? {}
              : {
                  causes: json.details.causes.map((one: { reason: string; field?: string }) => [
                    one.reason,
                    one.field ?? '',
                  ]),
                }),
            ...(json.details?.retryAfterSeconds === undefined
              ? {}
              : { retryAfterSeconds: json.details.retryAfterSeconds }),
          };
    try {
      assert.deepEqual(got, answer);
    } catch {
      differing.push({ ask, got, answer });
    }
  }
  assert.deepEqual(differing, []);
});

test('a deletecollection deletes what a list with its options shows: a page, the rest of one, nothing of what cannot be listed', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const history = { ...defaultHistoryLimits, eventsMax: 6, eventsMin: 3 };
  const api = await startApiServer({ clock, store: createMemoryStore({ clock, history }) });
  await api.create('/api/v1/namespaces', { metadata: { name: 'default' } });
  for (const name of ['a', 'b', 'c', 'd', 'e']) await api.create(collection, { metadata: { name } });
  for (let count = 0; count < 8; count++) await api.patch(`${collection}/b`, 'merge', { data: { count: `${count}` } });
  const names = (list: { items: { metadata: { name: string } }[] }) => list.items.map((one) => one.metadata.name);
  const remove = (query: string) => api.send('DELETE', `${collection}?${query}`);

  const page = (await remove('limit=2')).json;
  assert.deepEqual(names(page), ['a', 'b']);
  assert.equal(page.metadata.remainingItemCount, 3);
  assert.deepEqual(names(await api.get(collection)), ['c', 'd', 'e']);
  const next = (await remove(`limit=1&continue=${page.metadata.continue}`)).json;
  assert.deepEqual(names(next), ['c']);

  const refusals: [string, number, string][] = [
    ['resourceVersionMatch=Exact&resourceVersion=1', 410, 'The resourceVersion for the provided list is too old.'],
    [
      'resourceVersion=junk',
      400,
      'invalid resource version: resourceVersion: Invalid value: "junk": strconv.ParseUint: parsing "junk": invalid syntax',
    ],
    [
      'resourceVersionMatch=Exact',
      422,
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
  ];
  for (const [query, status, message] of refusals) {
    const answer = await remove(query);
    assert.deepEqual([answer.status, answer.json.message], [status, message]);
  }
  assert.equal((await remove('continue=junk')).status, 400);
  assert.equal((await remove('resourceVersion=99999999')).status, 504);
  assert.deepEqual(names(await api.get(collection)), ['d', 'e']);
  assert.deepEqual(names((await remove('')).json), ['d', 'e']);
  assert.deepEqual(names(await api.get(collection)), []);
});

test('a continuation from a state that is gone is refused with one that goes on from where it was, in what is there now', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const history = { ...defaultHistoryLimits, eventsMax: 6, eventsMin: 3 };
  const api = await startApiServer({ clock, store: createMemoryStore({ clock, history }) });
  await api.create('/api/v1/namespaces', { metadata: { name: 'default' } });
  for (const name of ['a', 'b', 'c']) await api.create(collection, { metadata: { name } });
  const first = await api.get(`${collection}?limit=1`);
  for (let count = 0; count < 8; count++) await api.patch(`${collection}/c`, 'merge', { data: { count: `${count}` } });
  await api.create(collection, { metadata: { name: 'aa' } });
  const late = await api.send('GET', `${collection}?limit=1&continue=${first.metadata.continue}`);
  const { continue: token, ...rest } = late.json.metadata;
  assert.deepEqual(
    { ...late.json, metadata: rest },
    {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message:
        'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
      reason: 'Expired',
      code: 410,
    },
  );
  assert.deepEqual(JSON.parse(Buffer.from(token, 'base64url').toString()), {
    v: 'meta.k8s.io/v1',
    rv: -1,
    start: 'a\0',
  });
  const next = await api.get(`${collection}?limit=1&continue=${token}`);
  assert.equal(next.items[0].metadata.name, 'aa', 'made since');
  assert.equal(next.metadata.remainingItemCount, 2);
  // From here on it is consistent again.
  const { rv } = JSON.parse(Buffer.from(next.metadata.continue, 'base64url').toString());
  assert.equal(String(rv), next.metadata.resourceVersion);
});
