// Who may do what from the first second on: upstream's roles and bindings as they are served, restored at a start, and roles of
// roles. Orders and owners of fields are upstream's, observed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import factTable from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles } from '#api/generated/kind-references.ts';
import { bootstrapRbac, rbacGroups, type RbacFacts } from '#assembly/bootstrap-rbac.ts';
import { ensureRbac } from '#assembly/services/bootstrap.ts';
import type { Json } from '#kit/start-api-server.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const facts = factTable as unknown as RbacFacts;
let cluster: TestControlPlane;
before(async () => void (cluster = await startControlPlane()));
after(() => cluster[Symbol.asyncDispose]());

/** What the next start of the product does. */
const restart = async (): Promise<void> => {
  for (const group of rbacGroups(bootstrapRbac(facts))) await ensureRbac(cluster.admin, group);
};
const role = (name: string): Promise<Json> => cluster.find(ClusterRoles, undefined, name);
const rolePath = (name: string): string => `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}`;
const bindingPath = (name: string): string => `/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/${name}`;

test('roles and bindings are served as upstream has them', async () => {
  const { labels, annotations } = facts.meta.defaults;
  const servedBy = async (
    kind: typeof ClusterRoles | typeof ClusterRoleBindings | typeof Roles | typeof RoleBindings,
  ) =>
    new Map<string, Json>(
      (await cluster.list(kind)).map((one) => [`${one.metadata.namespace ?? ''}/${one.metadata.name}`, one]),
    );
  const keyOf = (fact: { namespace?: string; name: string }): string => `${fact.namespace ?? ''}/${fact.name}`;
  const clusterRoles = await servedBy(ClusterRoles);
  for (const fact of [...facts.clusterRoles, ...facts.controllerRoles]) {
    const served = clusterRoles.get(keyOf(fact));
    assert.deepEqual(served?.metadata.labels, fact.labels ?? labels, fact.name);
    assert.deepEqual(served.metadata.annotations, fact.annotations ?? annotations, fact.name);
    const selectors = served.aggregationRule?.clusterRoleSelectors;
    if (fact.aggregateMatchLabels === undefined) assert.deepEqual(served.rules, fact.rules, fact.name);
    else
      assert.deepEqual(
        selectors,
        fact.aggregateMatchLabels.map((matchLabels) => ({ matchLabels })),
        fact.name,
      );
  }
  const roles = await servedBy(Roles);
  for (const fact of facts.namespaceRoles) assert.deepEqual(roles.get(keyOf(fact))?.rules, fact.rules, fact.name);
  const group = 'rbac.authorization.k8s.io';
  for (const [kind, bindings] of [
    [ClusterRoleBindings, [...facts.clusterRoleBindings, ...facts.controllerRoleBindings]],
    [RoleBindings, facts.namespaceRoleBindings],
  ] as const) {
    const served = await servedBy(kind);
    for (const fact of bindings) {
      const [roleKind, name] = fact.role;
      assert.deepEqual(served.get(keyOf(fact))?.roleRef, { apiGroup: group, kind: roleKind, name }, fact.name);
      assert.deepEqual(
        (served.get(keyOf(fact))?.subjects ?? []).map((one: Json) => [one.kind, one.namespace ?? '', one.name]),
        fact.subjects,
        fact.name,
      );
    }
  }
});

test('a start restores what was taken from a default role or binding, and keeps what was added', async () => {
  const { rules } = await role('system:node-proxier');
  const own = { verbs: ['get'], apiGroups: ['example.com'], resources: ['things'] };
  await cluster.api.patch(rolePath('system:node-proxier'), 'merge', {
    metadata: { labels: null, annotations: { mine: 'x' } },
    rules: [...rules.slice(1), own],
  });
  await cluster.api.patch(bindingPath('system:basic-user'), 'merge', {
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'eve' }],
  });
  await cluster.api.delete(rolePath('system:discovery'));
  await restart();
  const restored = await role('system:node-proxier');
  const [lost] = rules;
  assert.deepEqual(restored.rules.slice(0, rules.length), [...rules.slice(1), own]);
  assert.deepEqual(
    restored.rules.slice(rules.length),
    lost.apiGroups.flatMap((group: string) =>
      lost.resources.flatMap((resource: string) =>
        lost.verbs.map((verb: string) => ({ verbs: [verb], apiGroups: [group], resources: [resource] })),
      ),
    ),
    'each permission that is missing becomes a rule',
  );
  assert.deepEqual(restored.metadata.labels, { 'kubernetes.io/bootstrapping': 'rbac-defaults' });
  assert.equal(restored.metadata.annotations.mine, 'x');
  const { subjects } = await cluster.find(ClusterRoleBindings, undefined, 'system:basic-user');
  assert.deepEqual(
    subjects.map((one: Json) => one.name),
    ['eve', 'system:authenticated'],
  );
  assert.ok(await role('system:discovery'));

  const before = await Promise.all([cluster.list(ClusterRoles), cluster.list(ClusterRoleBindings)]);
  await restart();
  assert.deepEqual(await Promise.all([cluster.list(ClusterRoles), cluster.list(ClusterRoleBindings)]), before);
});

test('a wider rule is enough: nothing is added to it', async () => {
  const all = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
  await cluster.api.patch(rolePath('system:kube-dns'), 'merge', { rules: all });
  await restart();
  assert.deepEqual((await role('system:kube-dns')).rules, all);
});

test('whoever turns automatic updates off keeps the role as it is', async () => {
  const off = { metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } } };
  await cluster.api.patch(rolePath('system:public-info-viewer'), 'merge', { ...off, rules: [] });
  await cluster.api.patch(bindingPath('system:public-info-viewer'), 'merge', { ...off, subjects: [] });
  await restart();
  assert.deepEqual((await role('system:public-info-viewer')).rules ?? [], []);
  const binding = await cluster.find(ClusterRoleBindings, undefined, 'system:public-info-viewer');
  assert.deepEqual(binding.subjects ?? [], []);
});

test('a binding to another role is made anew; a role that should be no role of roles is none after a start', async () => {
  const name = 'system:volume-scheduler';
  const other = { matchLabels: { none: 'here' } };
  const { metadata, roleRef } = await cluster.find(ClusterRoleBindings, undefined, name);
  await cluster.api.delete(bindingPath(name));
  await cluster.create(ClusterRoleBindings, {
    metadata: { name },
    roleRef: { ...roleRef, name: 'cluster-admin' },
    subjects: [],
  });
  await cluster.api.patch(rolePath('system:volume-scheduler'), 'merge', {
    aggregationRule: { clusterRoleSelectors: [other] },
  });
  await cluster.api.patch(rolePath('view'), 'merge', { aggregationRule: { clusterRoleSelectors: [other] } });
  await restart();
  const binding = await cluster.find(ClusterRoleBindings, undefined, name);
  assert.deepEqual(binding.roleRef, roleRef);
  assert.deepEqual(binding.metadata.labels, metadata.labels);
  assert.equal((await role('system:volume-scheduler')).aggregationRule, undefined);
  const selectors = [other, { matchLabels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } }];
  assert.deepEqual((await role('view')).aggregationRule.clusterRoleSelectors, selectors);
});

test('a role of roles has the rules of all that its selectors match, in their order, whatever is written into it', async () => {
  const rule = (resource: string) => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });
  const make = (name: string, label: string, ...resources: string[]) =>
    cluster.create(ClusterRoles, { metadata: { name, labels: { part: label } }, rules: resources.map(rule) });
  await cluster.create(ClusterRoles, {
    metadata: { name: 'all' },
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: '2' } }, { matchLabels: { part: '1' } }] },
    rules: [rule('its-own')],
  });
  await make('b', '1', 'b', 'both');
  await make('a', '1', 'a', 'both');
  await make('z', '2', 'z');
  const settles = (...resources: string[]) =>
    cluster.eventually(async () =>
      assert.deepEqual((await role('all')).rules, resources.length === 0 ? null : resources.map(rule)),
    );
  await settles('z', 'a', 'both', 'b');
  const { managedFields } = (await role('all')).metadata;
  assert.deepEqual(
    managedFields.map((one: Json) => [one.manager, one.operation, one.fieldsV1]),
    [
      ['clusterrole-aggregation-controller', 'Apply', { 'f:rules': {} }],
      ['kit', 'Update', { 'f:aggregationRule': { '.': {}, 'f:clusterRoleSelectors': {} } }],
    ],
  );
  await cluster.api.patch(rolePath('all'), 'merge', { rules: [] });
  await settles('z', 'a', 'both', 'b');
  await cluster.api.patch(rolePath('z'), 'merge', { metadata: { labels: null } });
  await cluster.api.delete(rolePath('b'));
  await settles('a', 'both');
  await cluster.api.delete(rolePath('a'));
  await settles();
  assert.deepEqual(cluster.complaints, []);
});
