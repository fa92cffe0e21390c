import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyRule } from '#api/generated/types.ts';
import { ruleAllowsPath, rulesAllow, uncoveredRules } from './rbac-allows.ts';

const rule = (fields: Partial<PolicyRule>): PolicyRule => ({
  verbs: ['get'],
  apiGroups: [''],
  resources: ['pods'],
  ...fields,
});
const request = { verb: 'get', apiGroup: '', resource: 'pods', subresource: '', name: 'web' };
for (const [name, fields, change, expected] of [
  ['the same', {}, {}, true],
  ['another verb', {}, { verb: 'list' }, false],
  ['any verb', { verbs: ['*'] }, { verb: 'list' }, true],
  ['another group', {}, { apiGroup: 'apps' }, false],
  ['any group', { apiGroups: ['*'] }, { apiGroup: 'apps' }, true],
  ['a subresource is not the resource', {}, { subresource: 'log' }, false],
  ['the subresource', { resources: ['pods/log'] }, { subresource: 'log' }, true],
  ['a subresource of all', { resources: ['*/scale'] }, { subresource: 'scale' }, true],
  ['all resources', { resources: ['*'] }, { subresource: 'log' }, true],
  ['its name', { resourceNames: ['web'] }, {}, true],
  ['another name', { resourceNames: ['db'] }, {}, false],
  ['no name in a list', { verbs: ['list'], resourceNames: ['web'] }, { verb: 'list', name: '' }, false],
] as const)
  test(`a rule and a request: ${name}: ${expected}`, () =>
    assert.equal(rulesAllow([rule(fields as Partial<PolicyRule>)], { ...request, ...change }), expected));

test('paths match whole or by their beginning', () => {
  const paths = { verbs: ['get'], nonResourceURLs: ['/healthz', '/metrics/*'] };
  assert.equal(ruleAllowsPath(paths, { verb: 'get', path: '/healthz' }), true);
  assert.equal(ruleAllowsPath(paths, { verb: 'get', path: '/healthz/etcd' }), false);
  assert.equal(ruleAllowsPath(paths, { verb: 'get', path: '/metrics/cadvisor' }), true);
  assert.equal(ruleAllowsPath(paths, { verb: 'post', path: '/healthz' }), false);
});

test('nobody grants more than they have: what is missing is told part by part', () => {
  const owned = [
    rule({ verbs: ['get', 'list'], resources: ['pods', '*/scale'] }),
    rule({ resources: ['secrets'], resourceNames: ['a'] }),
  ];
  assert.deepEqual(uncoveredRules(owned, [rule({ verbs: ['get', 'list'] })]), []);
  assert.deepEqual(uncoveredRules(owned, [rule({ resources: ['deployments/scale'] })]), []);
  assert.deepEqual(uncoveredRules(owned, [rule({ resources: ['secrets'], resourceNames: ['a'] })]), []);
  assert.deepEqual(uncoveredRules(owned, [rule({ resources: ['secrets'] })]), [rule({ resources: ['secrets'] })]);
  assert.deepEqual(uncoveredRules(owned, [rule({ verbs: ['get', 'delete'] })]), [rule({ verbs: ['delete'] })]);
  assert.deepEqual(
    uncoveredRules([rule({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] })], [rule({ verbs: ['*'] })]),
    [],
  );
  assert.deepEqual(uncoveredRules([], [{ verbs: ['get'], nonResourceURLs: ['/x'] }]), [
    { verbs: ['get'], nonResourceURLs: ['/x'] },
  ]);
  assert.deepEqual(
    uncoveredRules([{ verbs: ['get'], nonResourceURLs: ['/x*'] }], [{ verbs: ['get'], nonResourceURLs: ['/x/y'] }]),
    [],
  );
});
