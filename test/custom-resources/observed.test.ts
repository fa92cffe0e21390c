// What upstream answered to definitions of custom resources and to their objects (observed/*.json) is asked of this server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { definitionsPath } from '#kit/custom-resources.ts';
import { startApiServer, type Json } from '#kit/start-api-server.ts';

const read = (name: string): Json =>
  JSON.parse(readFileSync(new URL(`./observed/${name}.json`, import.meta.url), 'utf8')) as Json;

/** Like a merge patch; `[1]` is an item of a list. */
function changed(target: Json, change: Json): Json {
  if (change === null || typeof change !== 'object' || Array.isArray(change)) return change;
  if (target === null || typeof target !== 'object') return change;
  const result: Json = Array.isArray(target) ? [...target] : { ...target };
  for (const [key, value] of Object.entries(change)) {
    const at = /^\[\d+\]$/.test(key) ? key.slice(1, -1) : key;
    if (value === null) delete result[at];
    else result[at] = changed(result[at], value);
  }
  return result;
}

const causesOf = ({ json }: { readonly json: Json }): string[][] =>
  (json.details?.causes ?? [])
    .map((one: Json) => [one.field, one.reason, one.message.replaceAll(/selfType\d*/g, 'selfType')])
    .toSorted();

/** Known to differ: upstream prints its internal form of all of the schema. */
const differs = new Set(['rootStatusOneOf']);

test('definitions are accepted and refused with the causes that upstream gives', async () => {
  const api = await startApiServer();
  const { base, cases } = read('definitions');
  for (const { name, change, status, causes } of cases) {
    if (differs.has(name)) continue;
    const answer = await api.send('POST', `${definitionsPath}?dryRun=All`, { body: changed(base, change) });
    assert.deepEqual({ status: answer.status, causes: causesOf(answer) }, { status, causes: causes.toSorted() }, name);
  }
  assert.ok(cases.length > 180);
  api.close();
});

test('objects are accepted and refused with the causes that upstream gives', async () => {
  const api = await startApiServer();
  const { definition, first, cases } = read('instances');
  await api.create(definitionsPath, definition);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  const path = '/apis/cel.example.com/v1/namespaces/default/cels';
  const full = (body: Json): Json => ({
    apiVersion: 'cel.example.com/v1',
    kind: 'Cel',
    metadata: { name: 'x' },
    ...body,
  });
  await api.create(path, full(first));
  await api.create(path, full({ metadata: { name: 'other' } }));
  for (const { name, body, status, causes } of cases) {
    const isPatch = name.startsWith('patch ');
    const answer = isPatch
      ? await api.send('PATCH', `${path}/x?dryRun=All`, { body, contentType: 'application/merge-patch+json' })
      : await api.send('POST', `${path}?dryRun=All`, {
          body: { ...full(body), metadata: { name: body.metadata?.name ?? 'new' } },
        });
    assert.deepEqual({ status: answer.status, causes: causesOf(answer) }, { status, causes: causes.toSorted() }, name);
  }
  assert.ok(cases.length > 90);
  api.close();
});
