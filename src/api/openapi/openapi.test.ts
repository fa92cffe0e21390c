import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindTable } from '../kinds.ts';
import { openApiV2 } from './v2.ts';
import { openApiV3, openApiV3Index } from './v3.ts';

interface Node {
  readonly [key: string]: Node;
}
const rows = kindTable.rows.filter((row) => row.servedByDefault);
const document = (group: string, version: string): Node => openApiV3(group, version, rows) as Node;
const referencesIn = (value: unknown): string[] =>
  JSON.stringify(value)
    .match(/"#\/[^"]+"/g)
    ?.map((one) => one.slice(1, -1)) ?? [];

test('the index has a hash-bearing URL for every served group version', () => {
  const { paths } = openApiV3Index(rows);
  assert.match(paths['api/v1']!.serverRelativeURL, /^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{128}$/);
  assert.ok('apis/apps/v1' in paths && 'apis/route.openshift.io/v1' in paths);
  assert.deepEqual(openApiV3Index(rows), { paths });
  const fewer = openApiV3Index(rows.filter((row) => row.resource !== 'pods')).paths;
  assert.notEqual(fewer['api/v1']!.serverRelativeURL, paths['api/v1']!.serverRelativeURL);
  assert.equal(fewer['apis/apps/v1']!.serverRelativeURL, paths['apis/apps/v1']!.serverRelativeURL);
});

test('every reference of every document leads somewhere', () => {
  for (const path of Object.keys(openApiV3Index(rows).paths)) {
    const parts = path.split('/');
    const [group, version] = parts[0] === 'api' ? ['', parts[1]!] : [parts[1]!, parts[2]!];
    const found = document(group, version);
    for (const one of referencesIn(found))
      assert.ok(one.slice('#/components/schemas/'.length) in found['components']!['schemas']!, `${path}: ${one}`);
  }
  const swagger = openApiV2(rows) as Node;
  for (const one of new Set(referencesIn(swagger)))
    assert.ok(one.slice('#/definitions/'.length) in swagger['definitions']!, one);
});

test('what kubectl looks for before it sends fieldValidation and dryRun', () => {
  const patch = document('apps', 'v1')['paths']!['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!['patch']!;
  assert.deepEqual(patch['x-kubernetes-group-version-kind'], { group: 'apps', kind: 'Deployment', version: 'v1' });
  const names = (patch['parameters'] as unknown as { name: string; in: string }[])
    .filter((one) => one.in === 'query')
    .map((one) => one.name);
  assert.deepEqual(names, ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
});

test('what kubectl explain and strategic merge clients read of a schema', () => {
  const schemas = document('', 'v1')['components']!['schemas']!;
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
  for (const item of Object.values(document('', 'v1')['paths']!))
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
  assert.equal(openApiV3('nothing', 'v1', rows), undefined);
});
