// Any body of any kind, through every write: the answer is a success or the client's fault, never ours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#kit/fuzz-seed.ts';
import { silentLogger } from '#base/log.ts';
import type { KindRow } from '#api/kind.ts';
import { kindTable } from '#api/kinds.ts';
import { generateObject, wrongValues } from '#kit/generate-object.ts';
import type { Pick } from '#kit/generate-object.ts';
import { pathOf, startApiServer } from '#kit/start-api-server.ts';
import type { TestApiServer } from '#kit/start-api-server.ts';

/** How many objects of each kind. */
const roundsOfKind = 4;

const body = (row: KindRow, name: string, pick: Pick): Record<string, unknown> =>
  generateObject(row, name, { pick, isTyped: false });

async function exercise(api: TestApiServer, row: KindRow, pick: Pick, crashes: string[]): Promise<void> {
  const namespace = row.namespaced ? 'default' : undefined;
  const collection = pathOf(row as never, namespace);
  const send = async (method: string, path: string, what: unknown, contentType = 'application/json') => {
    const bytes = JSON.stringify(what);
    const answer = await api.send(method, path, { bytes, contentType });
    // Upstream answers 500 too, with its reason, for a server-side apply that fits no schema; a crash has none.
    if (answer.text.includes('for a reason that the log tells'))
      crashes.push(`${method} ${path} ${contentType} ${bytes}`);
    return answer;
  };
  const name = 'fuzz';
  const object = `${collection}/${name}`;
  const parts = [
    '',
    ...Object.entries(row.subresources).flatMap(([part, { kind }]) => (kind === row.kind ? [`/${part}`] : [])),
  ];
  await send('POST', `${collection}?dryRun=All`, body(row, name, pick));
  for (let attempt = 0; attempt < 3; attempt++) await send('POST', collection, body(row, name, pick));
  await send('PATCH', `${object}?fieldManager=a&force=true`, body(row, name, pick), 'application/apply-patch+yaml');
  for (const part of parts) {
    const path = `${object}${part}`;
    await send('PUT', path, body(row, name, pick));
    await send('PATCH', path, body(row, name, pick), 'application/merge-patch+json');
    await send('PATCH', path, body(row, name, pick), 'application/strategic-merge-patch+json');
    await send('PATCH', `${path}?fieldManager=b`, body(row, name, pick), 'application/apply-patch+yaml');
    const operation = {
      op: pick(['add', 'replace', 'test', 'remove', 'copy']),
      path: pick(['/spec', '/metadata/labels/a', '/status/x', '', '/-']),
      from: pick(['/metadata', '/spec']),
      value: pick([...wrongValues]),
    };
    await send('PATCH', path, [operation], 'application/json-patch+json');
  }
  if (row.subresources['scale'] !== undefined) {
    await send(
      'PATCH',
      `${object}/scale`,
      pick([{ metadata: null }, { spec: null }, { spec: { replicas: 2 } }]),
      'application/merge-patch+json',
    );
    await send('PUT', `${object}/scale`, pick(wrongValues));
  }
  const table = 'application/json;as=Table;g=meta.k8s.io;v=v1';
  const listed = await api.send('GET', collection, { headers: { accept: table } });
  if (listed.status !== 200) crashes.push(`table of ${row.kind}`);
  await send(
    'DELETE',
    `${object}?gracePeriodSeconds=0`,
    pick([{}, { kind: 'DeleteOptions', preconditions: { uid: null } }]),
  );
}

test('every kind answers every body', async () => {
  const rows = kindTable.rows.filter((row) => row.servedByDefault && row.storage !== undefined);
  const crashes: string[] = [];
  const stacks = new Set<string>();
  const error = (_message: string, fields?: Readonly<Record<string, unknown>>) =>
    void stacks.add(String(fields?.['stack']));
  const logger = { ...silentLogger, error };
  const api = await startApiServer({ logger });
  const property = fc.asyncProperty(fc.gen(), async (gen) => {
    const pick: Pick = (from) => from[gen(fc.nat, { max: from.length - 1 })]!;
    for (const row of rows) await exercise(api, row, pick, crashes);
  });
  await fc.assert(property, { numRuns: roundsOfKind, seed: 1, endOnFailure: true });
  assert.deepEqual([[...stacks].map((stack) => stack.split('\n').slice(0, 4).join('\n')), crashes], [[], []]);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  api.close();
});

/** Work, not waiting: other tests share the processors. */
function processorMs(begin: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1_000;
}

test('texts made to hurt are refused quickly', async () => {
  const stacks: string[] = [];
  const error = (_message: string, fields?: Readonly<Record<string, unknown>>) =>
    void stacks.push(String(fields?.['stack']));
  const api = await startApiServer({ logger: { ...silentLogger, error } });
  const maps = '/api/v1/namespaces/default/configmaps';
  await api.create(maps, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'there' }, data: { a: 'b' } });
  const head = '"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"hurt"}';
  const lists = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const objects = (depth: number) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
  const yaml = 'application/yaml';
  const json = 'application/json';
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x,x]',
    ...'bcdefghij'
      .split('')
      .map(
        (one, index) => `${one}: &${one} [${Array.from({ length: 10 }, () => `*${'abcdefghij'[index]}`).join(',')}]`,
      ),
  ].join('\n');
  const bodies: [string, string | Uint8Array][] = [
    [json, lists(100_000)],
    [json, objects(200_000)],
    [json, `{${head},"data":${objects(100_000)}}`],
    [json, `{${head},"unknown":${lists(100_000)}}`],
    [json, `{${head},"data":{"a":1e999}}`],
    [json, '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"hurt","generation":99999999999999999999}}'],
    [json, `{${head}}{${head}}`],
    [yaml, bomb],
    [yaml, '- '.repeat(20_000)],
    [yaml, '{'.repeat(20_000)],
    [yaml, 'kind: !!js/function "function () {}"'],
    [yaml, `kind: ConfigMap\n---\nkind: ConfigMap`],
    [
      'application/vnd.kubernetes.protobuf',
      Uint8Array.from([0x6b, 0x38, 0x73, 0, ...Array.from({ length: 5_000 }, () => 0x0a)]),
    ],
    ['application/vnd.kubernetes.protobuf', Uint8Array.from([0x6b, 0x38, 0x73, 0, 0x12, 0xff, 0xff, 0xff, 0xff, 0x0f])],
  ];
  for (const [contentType, bytes] of bodies) {
    const begin = process.cpuUsage();
    const { status } = await api.send('POST', maps, { contentType, bytes });
    const what = `${contentType} ${Buffer.from(bytes).subarray(0, 60).toString()}`;
    assert.ok(status >= 400 && status < 500, `${status}: ${what} ${stacks.at(-1)}`);
    assert.ok(processorMs(begin) < 2_000, `${processorMs(begin)} ms: ${what}`);
  }
  const patches: [string, string][] = [
    ['application/merge-patch+json', objects(100_000)],
    ['application/strategic-merge-patch+json', objects(100_000)],
    ['application/merge-patch+json', `{"metadata":{"annotations":${objects(100_000)}}}`],
    ['application/json-patch+json', `[{"op":"add","path":"/data","value":${objects(100_000)}}]`],
    ['application/json-patch+json', `[{"op":"add","path":"${'/a'.repeat(100_000)}","value":1}]`],
    [
      'application/json-patch+json',
      `[${Array.from({ length: 30_000 }, () => '{"op":"copy","from":"/data","path":"/data/a"}').join(',')}]`,
    ],
    ['application/apply-patch+yaml', objects(20_000)],
    ['application/apply-patch+yaml', bomb],
  ];
  for (const [contentType, bytes] of patches) {
    const begin = process.cpuUsage();
    const { status, text } = await api.send('PATCH', `${maps}/there?fieldManager=a`, { contentType, bytes });
    assert.ok(
      !text.includes('for a reason that the log tells') && status >= 400,
      `${status}: ${contentType} ${bytes.slice(0, 60)} ${stacks.at(-1)}`,
    );
    assert.ok(processorMs(begin) < 2_000, `${processorMs(begin)} ms: ${contentType} ${bytes.slice(0, 60)}`);
  }
  assert.deepEqual((await api.get(`${maps}/there`)).data, { a: 'b' });
  api.close();
});
