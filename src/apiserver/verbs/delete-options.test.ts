// Options of a delete that upstream refuses, and those that it takes, by query and by body; answers as observed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const invalid = 'DeleteOptions.meta.k8s.io "" is invalid: ';
const both = (policy: string): string =>
  `propagationPolicy: Invalid value: "${policy}": orphanDependents and deletionPropagation cannot be both set`;
const unknownPolicy =
  'propagationPolicy: Unsupported value: "Nope": supported values: "Foreground", "Background", "Orphan", "nil"';
const unknownRun = (value: string): string => `dryRun: Unsupported value: ${value}: supported values: "All"`;

const unread = "couldn't get version/kind; json parse error:";
const refused: readonly (readonly [query: string, body: string | undefined, code: number, message: string])[] = [
  ['?gracePeriodSeconds=x', undefined, 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  [
    '?gracePeriodSeconds=99999999999999999999',
    undefined,
    400,
    'strconv.ParseInt: parsing "99999999999999999999": value out of range',
  ],
  ['?orphanDependents=true&propagationPolicy=Orphan', undefined, 422, invalid + both('Orphan')],
  ['?propagationPolicy=Nope', undefined, 422, invalid + unknownPolicy],
  ['?dryRun=Some', undefined, 422, invalid + unknownRun('["Some"]')],
  [
    '',
    '{"gracePeriodSeconds":"x"}',
    400,
    'json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64',
  ],
  [
    '',
    '{"dryRun":"All"}',
    400,
    'json: cannot unmarshal string into Go struct field DeleteOptions.dryRun of type []string',
  ],
  ['', 'junk', 400, `${unread} invalid character 'j' looking for beginning of value`],
  [
    '',
    '[]',
    400,
    `${unread} json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
  ],
  ['', '{"orphanDependents":false,"propagationPolicy":"Background"}', 422, invalid + both('Background')],
  ['', '{"propagationPolicy":"Nope"}', 422, invalid + unknownPolicy],
  ['', '{"dryRun":["All","Some"]}', 422, invalid + unknownRun('["All","Some"]')],
  [
    '',
    '{"orphanDependents":true,"propagationPolicy":"Nope","dryRun":["x"]}',
    422,
    `${invalid}[${both('Nope')}, ${unknownPolicy}, ${unknownRun('["x"]')}]`,
  ],
  [
    '',
    '{"kind":"Pod","apiVersion":"v1"}',
    400,
    'no kind "Pod" is registered for version "v1" in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"',
  ],
];

test('options that cannot be are refused, and nothing is deleted', async () => {
  const api = await startApiServer();
  await api.create(maps, { metadata: { name: 'a' } });
  for (const [query, body, code, message] of refused) {
    const sent = body === undefined ? {} : { bytes: body, contentType: 'application/json' };
    const answer = await api.send('DELETE', `${maps}/a${query}`, sent);
    assert.deepEqual([answer.status, answer.json.message], [code, message], `${query} ${body}`);
  }
  assert.equal((await api.get(maps)).items.length, 1);
});

test('a dry run deletes nothing, whatever else is said; a body counts in place of the query', async () => {
  const api = await startApiServer();
  await api.create(maps, { metadata: { name: 'a' } });
  for (const query of ['?dryRun=All', '?dryRun=All&gracePeriodSeconds=-1', '?dryRun=All&orphanDependents=maybe'])
    assert.equal((await api.send('DELETE', `${maps}/a${query}`)).status, 200, query);
  for (const body of [
    { dryRun: ['All'] },
    { dryRun: ['All'], gracePeriodSeconds: -5 },
    { kind: 'DeleteOptions', apiVersion: 'apps/v1', dryRun: ['All'] },
  ])
    assert.equal((await api.send('DELETE', `${maps}/a?propagationPolicy=Nope`, { body })).status, 200);
  assert.equal((await api.send('DELETE', `${maps}?dryRun=All`)).status, 200);
  assert.equal((await api.get(maps)).items.length, 1);
  assert.equal((await api.get(`${maps}/a`)).metadata.deletionTimestamp, undefined);
  // Like every word of Go but false and 0: yes.
  const orphaned = await api.delete(`${maps}/a?orphanDependents=maybe`);
  assert.deepEqual(orphaned.metadata.finalizers, ['orphan']);
});

test('creates and patches tell of a dry run that is none in the same words', async () => {
  const api = await startApiServer();
  const created = await api.send('POST', `${maps}?dryRun=Some`, { body: { metadata: { name: 'x' } } });
  assert.equal(created.json.message, `CreateOptions.meta.k8s.io "" is invalid: ${unknownRun('["Some"]')}`);
  const patched = await api.send('PATCH', `${maps}/x?dryRun=Some&dryRun=Other`, {
    body: {},
    contentType: 'application/merge-patch+json',
  });
  assert.equal(patched.json.message, `PatchOptions.meta.k8s.io "" is invalid: ${unknownRun('["Some","Other"]')}`);
});
