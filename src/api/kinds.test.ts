import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindTable, rowOfObject, storageKey, storagePrefix } from './kinds.ts';
import * as references from './generated/kind-references.ts';

test('every kind that a default 1.36 server has is in the table, and those of OpenShift', () => {
  assert.equal(kindTable.rows.filter((row) => row.servedByDefault).length, 68 + 6 + 2);
  for (const [group, resource] of [
    ['route.openshift.io', 'routes'],
    ['project.openshift.io', 'projects'],
    ['project.openshift.io', 'projectrequests'],
    ['security.openshift.io', 'securitycontextconstraints'],
    ['security.openshift.io', 'rangeallocations'],
    ['user.openshift.io', 'users'],
  ] as const)
    assert.ok(kindTable.find(group, 'v1', resource)?.servedByDefault, resource);
  assert.equal(kindTable.find('certificates.k8s.io', 'v1beta1', 'clustertrustbundles')?.servedByDefault, false);
  assert.equal(kindTable.find('', 'v1', 'pizzas'), undefined);
});

test('rows carry names, columns and strategy of upstream', () => {
  const pods = kindTable.find('', 'v1', 'pods')!;
  assert.equal(pods.typeName, 'io.k8s.api.core.v1.Pod');
  assert.deepEqual(pods.shortNames, ['po']);
  assert.equal(pods.storageVersionHash, 'xPOwRZ+Yhw8=');
  assert.equal(pods.subresources['eviction']?.group, 'policy');
  const deployments = kindTable.findKind('apps', 'v1', 'Deployment')!;
  assert.deepEqual(deployments.strategy, {
    generationBumpOn: ['spec', 'metadata.annotations'],
    hasGeneration: true,
    resetsStatus: true,
    keepsStatusOnCreate: false,
    allowCreateOnUpdate: false,
    allowUnconditionalUpdate: true,
    defaultPropagation: 'Background',
    resetFields: { '': ['status'], status: ['spec', 'metadata.labels'] },
  });
  assert.equal(kindTable.find('batch', 'v1', 'jobs')!.strategy.defaultPropagation, 'Orphan');
  assert.equal(kindTable.find('', 'v1', 'nodes')!.strategy.keepsStatusOnCreate, true);
  assert.equal(kindTable.find('authorization.k8s.io', 'v1', 'subjectaccessreviews')!.storage, undefined);
  assert.deepEqual(
    kindTable.find('', 'v1', 'limitranges')!.columns.map(([name]) => name),
    ['Name', 'Created At'],
  );
});

test('what is stored is a version that is served', () => {
  for (const row of kindTable.rows.filter((one) => one.servedByDefault && one.storage !== undefined))
    assert.ok(
      kindTable.findKind(row.storage!.group, row.storage!.version, row.storage!.kind)?.servedByDefault,
      row.typeName,
    );
});

test('groups come in the order of discovery with their preferred version', () => {
  assert.deepEqual(
    kindTable.groups.slice(0, 3).map((group) => group.name),
    ['', 'apiregistration.k8s.io', 'apps'],
  );
  assert.equal(kindTable.groups.find((group) => group.name === 'autoscaling')?.preferredVersion, 'v2');
  assert.equal(
    kindTable.groups.find((group) => group.name === 'internal.apiserver.k8s.io')?.preferredVersion,
    undefined,
  );
  for (const row of kindTable.rows) {
    const group = kindTable.groups.find((one) => one.name === row.group);
    assert.ok(
      group?.versions.some((one) => one.version === row.version),
      row.typeName,
    );
  }
});

test('keys are those of upstream', () => {
  assert.equal(storageKey(references.Pods, 'default', 'web'), '/registry/pods/default/web');
  assert.equal(storageKey(references.Services, 'default', 'web'), '/registry/services/specs/default/web');
  assert.equal(storageKey(references.Nodes, undefined, 'n1'), '/registry/minions/n1');
  assert.equal(storagePrefix(references.Nodes), '/registry/minions/');
  assert.equal(storagePrefix(references.Services), '/registry/services/specs/');
  assert.equal(storagePrefix(references.Services, 'default'), '/registry/services/specs/default/');
  assert.equal(storageKey(references.Routes, 'default', 'web'), '/registry/route.openshift.io/routes/default/web');
  const widgets = { group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget', namespaced: true };
  assert.equal(storageKey(widgets, 'default', 'a'), '/registry/example.com/widgets/default/a');
});

test('an object finds its row', () => {
  assert.equal(rowOfObject({ apiVersion: 'apps/v1', kind: 'Deployment' })?.resource, 'deployments');
  assert.equal(rowOfObject({ apiVersion: 'v1', kind: 'Pod' })?.resource, 'pods');
  assert.equal(rowOfObject({ apiVersion: 'v1', kind: 'Deployment' }), undefined);
});
