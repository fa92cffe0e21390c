// Kustomizations are built to what kubectl makes of them, object by object and in the same order, and what kubectl refuses
// is refused with a message that names the file and the field.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { buildKustomization } from '#kustomize/build.ts';
import { memoryFileTree } from '#kustomize/file-tree.ts';
import { KustomizeError } from '#kustomize/kustomize-error.ts';
import { directoryTree } from '#host/directory-tree.ts';
import { parseYamlDocuments } from '#wire/yaml-documents.ts';
import { kustomizeCases } from './cases.ts';

for (const { name, directory, expectedFile } of kustomizeCases.filter((one) => one.expectedFile !== undefined))
  test(`case ${name} gives what kubectl gives`, async () => {
    const built = await buildKustomization(directoryTree, directory);
    assert.deepEqual(built, await parseYamlDocuments(readFileSync(expectedFile!)));
  });

/** Parts of the message, in their order. */
const refusals: Readonly<Record<string, readonly string[]>> = {
  'error-bad-kustomization-yaml': ['/kustomization.yaml: invalid Kustomization: yaml: line 2'],
  'error-bad-literal': ['/kustomization.yaml: configMapGenerator[0]: literal sources: ', 'expected key=value'],
  'error-bad-yaml': ["/kustomization.yaml: accumulating resources from 'a.yaml': MalformedYAMLError: yaml: line 3"],
  'error-component-as-resource': ["from '../comp': expected kind != 'Component' for path '"],
  'error-cycle': ["from '../a': ", "from '../overlay': cycle detected: candidate root '"],
  'error-duplicate-id': [
    "from 'b.yaml': may not add resource with an already registered id: ConfigMap.v1.[noGrp]/same.default",
  ],
  'error-empty': ['/kustomization.yaml: kustomization.yaml is empty'],
  'error-generator-file': ["secretGenerator[0]: file sources: missing.txt: 'missing.txt': no such file or directory"],
  'error-generator-twice': ["configMapGenerator[1]: id ConfigMap.v1.[noGrp]/a.[noNs] exists; can not use behavior: '"],
  'error-json-patch-no-target': ['patches[0]: must specify a target for JSON patch [patch: "['],
  'error-json-patch-path': ['patches[0]: JSON patch operation 0 (replace /data/x) does not apply to ConfigMap.v1.'],
  'error-kind': ['kind should be Kustomization or Component'],
  'error-labels-on-text': ["commonLabels: considering field 'spec/selector' of object Service.v1.", 'expected a map'],
  'error-merge-without-base': ['configMapGenerator[0]: id ', 'does not exist; cannot merge or replace'],
  'error-missing-base': ["from '../does-not-exist': '../does-not-exist': no such file or directory"],
  'error-missing-file': ["/kustomization.yaml: accumulating resources from 'nothing.yaml': ", 'no such file'],
  'error-namespace-conflict': [
    'namespace: namespace transformation produces ID conflict: ConfigMap.v1.[noGrp]/same.ns',
  ],
  'error-no-kind': ["from 'a.yaml': missing kind in object {"],
  'error-no-kustomization': ["unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in "],
  'error-no-name': ["from 'a.yaml': missing metadata.name in object {"],
  'error-number-as-text': ['invalid Kustomization: images[0].newTag must be a text, not 1.5'],
  'error-outside': ["from '../secret.yaml': security; file '", "' is not in or below '"],
  'error-parent': ["from '..': cycle detected: candidate root '"],
  'error-patch-both': ["patches[0]: patch and path can't be set at the same time"],
  'error-patch-neither': ['patches[0]: unable to parse SM or JSON patch from [patch: "just a text"]'],
  'error-patch-target': [
    'patches[0]: no matches for Id ConfigMap.v1.[noGrp]/other.[noNs]; failed to find unique target',
  ],
  'error-repeated-key': ['configMapGenerator[0]: configmap a illegally repeats the key `a`'],
  'error-replacement-field': ['replacements: unable to find field "data.x" in replacement target ConfigMap.v1.'],
  'error-replacement-source': ['replacements: nothing selected by Secret.'],
  'error-replicas-nobody': ['replicas[0]: ', 'resource with name web does not match a config with the following GVK ['],
  'error-resource-as-component': ["from '../base': expected kind 'Component' for path '", "' but got 'Kustomization'"],
  'error-sort-order': ["the field 'sortOptions.order' must be one of [fifo, legacy]"],
  'error-two-files': ['Found multiple kustomization files under: '],
  'error-unknown-field': ['/kustomization.yaml: invalid Kustomization: json: unknown field "resource"'],
  'error-version': ['apiVersion for Kustomization should be kustomize.config.k8s.io/v1beta1'],
  'error-wrong-type': ['invalid Kustomization: resources must be a list, not "a.yaml"'],
  'error-yes-no-name': ['invalid Kustomization: namespace must be a text, not false'],
};

test('every case that kubectl refuses has its message here', () => {
  const refused = kustomizeCases.filter((one) => one.expectedFile === undefined).map((one) => one.name);
  assert.deepEqual(refused, Object.keys(refusals).toSorted());
});

const messageOf = async (build: Promise<unknown>): Promise<string> => {
  const error = await build.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof KustomizeError, `refused with ${String(error)}`);
  return error.message;
};

for (const { name, directory } of kustomizeCases.filter((one) => one.expectedFile === undefined))
  test(`case ${name} is refused`, async () => {
    const message = await messageOf(buildKustomization(directoryTree, directory));
    let from = 0;
    for (const part of refusals[name] ?? []) {
      const at = message.indexOf(part, from);
      assert.ok(at >= 0, `${JSON.stringify(message)} lacks ${part}`);
      from = at + part.length;
    }
  });

test('what needs plugins, the network or a schema of its own is refused by the name of the field', async () => {
  for (const [field, value] of [
    ['helmCharts', '[{name: x}]'],
    ['helmGlobals', '{chartHome: x}'],
    ['generators', '[g.yaml]'],
    ['transformers', '[t.yaml]'],
    ['validators', '[v.yaml]'],
    ['configurations', '[c.yaml]'],
    ['crds', '[c.yaml]'],
    ['openapi', '{path: x}'],
  ] as const) {
    const tree = memoryFileTree({ '/k/kustomization.yaml': `namePrefix: a\n${field}: ${value}\n` });
    assert.match(
      await messageOf(buildKustomization(tree, '/k')),
      new RegExp(`^/k/kustomization\\.yaml: invalid Kustomization: field "${field}" is not supported: `),
    );
  }
});

test('nothing is fetched from other machines', async () => {
  for (const reference of [
    'https://example.com/base?ref=v1',
    'github.com/owner/repository//base',
    'git@example.com:owner/repository.git',
    'ssh://git@example.com/owner/repository',
  ]) {
    const tree = memoryFileTree({ '/k/kustomization.yaml': `resources: ["${reference}"]\n` });
    const message = await messageOf(buildKustomization(tree, '/k'));
    assert.ok(message.includes(`'${reference}' is remote: nothing is fetched from other machines`), message);
  }
});

test('a message about a Secret that cannot be read does not show its data', async () => {
  const tree = memoryFileTree({
    '/k/kustomization.yaml': 'resources: [s.yaml]\n',
    '/k/s.yaml':
      'apiVersion: v1\nkind: ""\nmetadata: {name: s}\ndata: {password: aHVudGVyMg==}\nstringData: {p: hunter2}\n',
  });
  const message = await messageOf(buildKustomization(tree, '/k'));
  assert.match(message, /missing kind/);
  assert.doesNotMatch(message, /hunter2|aHVudGVyMg/);
});
