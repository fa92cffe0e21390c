import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { kindTable } from '../kinds.ts';
import { hashOfBuiltIn } from './hashes.ts';
import { documentSources } from './items.ts';
import observed from './observed-hashes.json' with { type: 'json' };
import { openApiV2 } from './v2.ts';
import { openApiV2Protobuf } from './v2-protobuf.ts';
import { openApiV3 } from './v3.ts';
import { openApiV3Protobuf } from './v3-protobuf.ts';

interface Node {
  readonly [key: string]: Node;
}
const rows = kindTable.rows.filter((row) => row.servedByDefault);
const sources = documentSources(rows);
const parsed = (pieces: Iterable<string>): Node => JSON.parse([...pieces].join('')) as Node;
const document = (place: string): Node => parsed(openApiV3(sources.get(place)!));
/** As the observed ones are cut. */
const hash = (bytes: string | Uint8Array): string =>
  createHash('sha512').update(bytes).digest('hex').toUpperCase().slice(0, 32);
const referencesIn = (value: unknown): string[] =>
  JSON.stringify(value)
    .match(/"#\/[^"]+"/g)
    ?.map((one) => one.slice(1, -1)) ?? [];

/** What upstream has not. */
const upstreamRows = rows.filter(({ group }) => !group.endsWith('openshift.io') && group !== 'metrics.k8s.io');

test("every document of OpenAPI v3 is upstream's to the byte, in JSON and in protobuf", async () => {
  const upstream = documentSources(upstreamRows);
  const golden = observed.v3 as unknown as Readonly<Record<string, readonly [json: string, protobuf: string]>>;
  assert.deepEqual([...upstream.keys()], Object.keys(golden));
  for (const [place, source] of upstream) {
    const text = [...openApiV3(source)].join('');
    const binary = await openApiV3Protobuf(JSON.parse(text) as Node);
    assert.deepEqual([hash(text), hash(binary)], golden[place], place);
  }
});

test("the document of OpenAPI v2 is upstream's to the byte, in JSON and in protobuf", async () => {
  const text = [...openApiV2(upstreamRows)].join('');
  assert.deepEqual([hash(text), hash(await openApiV2Protobuf(JSON.parse(text) as Node))], observed.v2);
});

test('a hash that was made before is of exactly the kinds of a group version', () => {
  const apps = sources.get('apis/apps/v1')!.rows;
  assert.equal(
    hashOfBuiltIn('apis/apps/v1', apps)?.slice(0, 32),
    hash([...openApiV3(sources.get('apis/apps/v1')!)].join('')),
  );
  assert.equal(hashOfBuiltIn('apis/apps/v1', apps.slice(1)), undefined);
  assert.equal(hashOfBuiltIn('apis/apps/v1', [{ ...apps[0]! }, ...apps.slice(1)]), undefined);
  assert.equal(hashOfBuiltIn('toString', []), undefined);
});

test('every reference of every document leads somewhere', () => {
  for (const place of sources.keys()) {
    const found = document(place);
    for (const one of referencesIn(found))
      assert.ok(one.slice('#/components/schemas/'.length) in found['components']!['schemas']!, `${place}: ${one}`);
  }
  const swagger = parsed(openApiV2(rows));
  for (const one of new Set(referencesIn(swagger))) {
    const [, part = '', name = ''] = one.split('/');
    assert.ok(name in swagger[part]!, one);
  }
});

test('what kubectl looks for before it sends fieldValidation and dryRun', () => {
  const patch =
    document('apis/apps/v1')['paths']!['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!['patch']!;
  assert.deepEqual(patch['x-kubernetes-group-version-kind'], { group: 'apps', kind: 'Deployment', version: 'v1' });
  const names = (patch['parameters'] as unknown as { name: string; in: string }[])
    .filter((one) => one.in === 'query')
    .map((one) => one.name);
  assert.deepEqual(names, ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
});

test('what kubectl explain and strategic merge clients read of a schema', () => {
  const schemas = document('api/v1')['components']!['schemas']!;
  const containers = schemas['io.k8s.api.core.v1.PodSpec']!['properties']!['containers']!;
  assert.match(containers['description'] as unknown as string, /^List of containers belonging to the pod/);
  const { description: _, ...facts } = containers;
  assert.deepEqual(facts, {
    type: 'array',
    items: { $ref: '#/components/schemas/io.k8s.api.core.v1.Container' },
    'x-kubernetes-list-map-keys': ['name'],
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-patch-merge-key': 'name',
    'x-kubernetes-patch-strategy': 'merge',
  });
  assert.deepEqual(schemas['io.k8s.api.core.v1.Pod']!['x-kubernetes-group-version-kind'], [
    { group: '', kind: 'Pod', version: 'v1' },
  ]);
  assert.deepEqual(schemas['io.k8s.api.core.v1.PodSpec']!['required'], ['containers']);
  assert.deepEqual(schemas['io.k8s.apimachinery.pkg.util.intstr.IntOrString']!['oneOf'], [
    { type: 'integer' },
    { type: 'string' },
  ]);
});

test('operation names are upstream’s and unique', () => {
  const ids: string[] = [];
  for (const item of Object.values(document('api/v1')['paths']!))
    for (const method of ['get', 'put', 'post', 'patch', 'delete'])
      if (method in item) ids.push(item[method]!['operationId'] as unknown as string);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of [
    'listCoreV1PodForAllNamespaces',
    'createCoreV1NamespacedPod',
    'deleteCoreV1CollectionNamespacedPod',
    'connectCoreV1GetNamespacedPodExec',
    'replaceCoreV1NamespacedPodStatus',
    'readCoreV1Node',
  ])
    assert.ok(ids.includes(id), id);
});

test('a group version that nothing is served of has no document', () => {
  assert.equal(sources.get('apis/nothing/v1'), undefined);
});
