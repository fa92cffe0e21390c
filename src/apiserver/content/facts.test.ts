// What the bytes tell of a selector: never that an object does not match which does.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { kindTable } from '#api/kinds.ts';
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import { escapeFieldValue } from '#api/meta/field-selector.ts';
import { fraction, seededRandom } from '#base/random.ts';
import { generateObject, type Pick } from '#kit/generate-object.ts';
import { established, cronTabs } from '#kit/custom-resources.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { encodeObject } from '#storage/encode.ts';
import { StoredValue } from '#storage/stored-value.ts';
import { selectionOf } from './selection.ts';

const random = seededRandom(5);
const pick: Pick = (from) => from[Math.floor(fraction(random) * from.length)]!;
const storedOf = (object: KubernetesObject & { readonly data?: object }): StoredValue => {
  const encoded = encodeObject(object);
  return new StoredValue('/registry/x/default/a', 7, 7, encoded, 0, true);
};

test('fields: what a generated object says can be selected by it, and its bytes do not deny it', () => {
  const resources = ['pods', 'events', 'secrets', 'namespaces', 'services', 'certificatesigningrequests'];
  const rows: KindRow[] = kindTable.rows.filter((row) => resources.includes(row.resource));
  assert.ok(rows.length >= resources.length);
  let withFacts = 0;
  for (const row of rows)
    for (let turn = 0; turn < 200; turn++) {
      const made = generateObject(row, 'a', { pick, isTyped: true }) as unknown as KubernetesObject;
      const object = { spec: {}, ...made, metadata: { ...made.metadata, name: 'a' } };
      const stored = storedOf(object);
      const values = kindTable.behaviour(row).selectableFields?.(stored.object()) ?? {};
      for (const [field, value] of Object.entries(values)) {
        if (typeof value !== 'string' || !row.fieldSelectors.includes(field)) continue;
        const selection = selectionOf(row, '', `${field}=${escapeFieldValue(value)}`);
        if (!selection.matches(stored)) continue;
        assert.equal(
          selection.mayMatch(storedOf(object)),
          true,
          `${row.resource} ${field}=${value}: ${JSON.stringify(object)}`,
        );
        if (selection.facts.length > 0) withFacts++;
      }
    }
  assert.ok(withFacts > 300, `${withFacts} selections were judged by bytes`);
});

test('labels: by value, by one of several, by being there; other requirements say nothing of the bytes', () => {
  const row = kindTable.rows.find((one) => one.resource === 'pods')!;
  const selectors = [
    'app=web',
    'app==web',
    'app in (web)',
    'app in (web,db)',
    'app',
    'app=web,tier=front',
    'tier',
    'app=',
  ];
  const others = ['app!=web', 'app notin (web)', '!app', '!tier'];
  const labels: Readonly<Record<string, string>>[] = [
    {},
    { app: 'web' },
    { app: 'db' },
    { app: '' },
    { app: 'web', tier: 'front' },
    { tier: 'web', app: 'front' },
  ];
  for (const one of labels) {
    // Anew each time: of one that is decoded nobody asks the bytes.
    const stored = () => storedOf({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a', labels: one } });
    for (const text of [...selectors, ...others]) {
      const selection = selectionOf(row, text, '');
      if (selection.matches(stored()))
        assert.equal(selection.mayMatch(stored()), true, `${text} of ${JSON.stringify(one)}`);
    }
    for (const text of others) assert.deepEqual(selectionOf(row, text, '').facts, []);
  }
  const web = storedOf({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a', labels: { app: 'web' } } });
  assert.deepEqual(
    selectors.map((text) => selectionOf(row, text, '').mayMatch(web)),
    [true, true, true, true, true, false, false, false],
  );
});

test('a text that looks like the label, in a string of the object, is no label', () => {
  const row = kindTable.rows.find((one) => one.resource === 'configmaps')!;
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' }, data: { text: '"app":"web"' } };
  const selection = selectionOf(row, 'app=web', '');
  assert.equal(selection.mayMatch(storedOf(object)), false, 'quotes in strings are escaped');
  assert.equal(selection.mayMatch(storedOf({ ...object, data: { app: 'web' } })), true);
  assert.equal(selection.matches(storedOf({ ...object, data: { app: 'web' } })), false);
});

test('stored objects are not decoded for GET, for LIST, and for what a selector leaves out', async () => {
  const api = await startApiServer();
  const maps = '/api/v1/namespaces/default/configmaps';
  for (let index = 0; index < 20; index++)
    await api.create(maps, {
      metadata: { name: `map-${index}`, labels: { part: `${index % 4}` } },
      data: { index: `${index}` },
    });
  await established(api, cronTabs());
  const tabs = '/apis/stable.example.com/v1/namespaces/default/crontabs';
  for (const name of ['a', 'b', 'c']) await api.create(tabs, { metadata: { name }, spec: { cronSpec: '* * * * *' } });
  await api.get(tabs);
  const decoded = mock.method(StoredValue.prototype, 'object');
  const decodedBy = async (path: string): Promise<number> => {
    decoded.mock.resetCalls();
    const answer = await api.send('GET', path);
    assert.equal(answer.status, 200);
    return decoded.mock.calls.filter((call) => /\/(configmaps|crontabs)\//.test((call.this as StoredValue).key)).length;
  };
  assert.equal(await decodedBy(`${maps}/map-3`), 0);
  assert.equal(await decodedBy(maps), 0);
  assert.equal(await decodedBy(`${maps}?limit=7`), 0);
  assert.equal(await decodedBy('/api/v1/configmaps?resourceVersion=0'), 0);
  assert.equal(await decodedBy(`${maps}?labelSelector=part%3D2`), 5, 'the five that are selected');
  assert.equal(await decodedBy(`${maps}?fieldSelector=metadata.name%3Dmap-7`), 1);
  assert.equal(await decodedBy(tabs), 0, 'custom resources that were shown before');
  assert.equal(await decodedBy(`${tabs}/b`), 0);
  mock.restoreAll();
});
