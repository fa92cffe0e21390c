import assert from 'node:assert/strict';
import { test } from 'node:test';
import facts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import { bootstrapRbac, rbacGroups, reconciledRbac, type RbacFacts, type RbacObject } from './bootstrap-rbac.ts';
import { bootstrapObjects } from './bootstrap-objects.ts';
import { checkConfiguration } from './config/check.ts';
import { contains } from './services/bootstrap.ts';

const rbac = bootstrapRbac(facts as unknown as RbacFacts);

test('every binding names a role that is there', () => {
  const names = new Set([
    ...rbac.clusterRoles.map((one) => `ClusterRole/${one.metadata.name}`),
    ...rbac.roles.map((one) => `Role/${one.metadata.name}`),
  ]);
  const missing = [...rbac.clusterRoleBindings, ...rbac.roleBindings]
    .map((one) => `${one.roleRef.kind}/${one.roleRef.name}`)
    .filter((one) => !names.has(one));
  assert.deepEqual([...new Set(missing)], []);
});

test('view, edit and admin hold the rules of the roles that they aggregate', () => {
  const rulesOf = (name: string) => rbac.clusterRoles.find((one) => one.metadata.name === name)?.rules ?? [];
  const allows = (name: string, verb: string, resource: string) =>
    rulesOf(name).some((rule) => rule.verbs.includes(verb) && rule.resources?.includes(resource) === true);
  assert(allows('view', 'get', 'pods'));
  assert(!allows('view', 'get', 'secrets'));
  assert(allows('edit', 'create', 'pods') && allows('edit', 'get', 'pods'));
  assert(allows('admin', 'create', 'rolebindings') && allows('admin', 'get', 'pods'));
});

test('a name is used once a kind', () => {
  for (const { objects } of rbacGroups(rbac)) {
    const names = objects.map((one) => `${one.metadata.namespace ?? ''}/${one.metadata.name}`);
    assert.equal(new Set(names).size, names.length);
  }
});

const role = (rules: readonly { verbs: string[]; resources: string[] }[], annotations = {}): RbacObject => ({
  metadata: { name: 'x', labels: {}, annotations },
  rules,
});
const get = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
const list = { verbs: ['list'], apiGroups: [''], resources: ['pods'] };

test('a missing rule is added, an added one stays, and nothing is written when all are there', () => {
  assert.deepEqual(reconciledRbac(role([list]), role([get]))?.rules, [list, get]);
  assert.equal(
    reconciledRbac(role([{ resources: ['pods'], verbs: ['get'], apiGroups: [''] }, list]), role([get])),
    undefined,
  );
});

test('a role whose automatic update is off is left alone', () => {
  const off = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
  assert.equal(reconciledRbac(role([], off), role([get])), undefined);
});

test('an object that has what is wanted, and more, is not written', () => {
  const current = {
    metadata: { name: 'a', uid: 'u' },
    spec: { ports: [{ port: 53, nodePort: 1 }], type: 'ClusterIP' },
  };
  assert(contains(current, { metadata: { name: 'a' }, spec: { ports: [{ port: 53 }] } }));
  assert(!contains(current, { spec: { ports: [{ port: 54 }] } }));
  assert(!contains(current, { spec: { ports: [{ port: 53 }, { port: 54 }] } }));
  assert(!contains(current, { data: {} }));
});

test('storage.driver none: there is no default StorageClass', () => {
  const classes = (driver: string): unknown[] => {
    const { configuration } = checkConfiguration(
      new Map([['storage.driver', { value: driver, source: 'test', name: 'storage.driver' }]]),
      {
        hostname: 'edge',
        isRoot: true,
        homeDirectory: '/root',
        homeDataExists: false,
        nodeAddress: () => '192.168.1.10',
      },
    );
    return bootstrapObjects(configuration, { clientPem: '', requestHeaderPem: '' })
      .filter((one) => one.kind.resource === 'storageclasses')
      .map((one) => one.object.metadata.name);
  };
  assert.deepEqual(
    [classes(''), classes('hostpath'), classes('none')],
    [['kubevirt-hostpath-provisioner'], ['kubevirt-hostpath-provisioner'], []],
  );
});
