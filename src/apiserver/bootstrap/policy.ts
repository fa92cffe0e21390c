// The roles and bindings that every cluster has, from the fact table, brought up to date at each start: what is missing is
// added, what somebody added stays, and what carries `autoupdate: "false"` is left alone (upstream's rbac-reconcile).
import facts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles } from '#api/generated/kind-references.ts';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { labelSelectorMatcher } from '#api/meta/label-selector.ts';
import { isAlreadyExists } from '#api/status.ts';
import type { Client } from '#client/client.ts';
import { sameValue } from '../registry/same-object.ts';

const rbacGroup = 'rbac.authorization.k8s.io';
const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate';
const { labels: defaultLabels, annotations: defaultAnnotations } = facts.meta.defaults;

interface Named {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface RoleFact extends Named {
  readonly rules: readonly PolicyRule[];
  readonly aggregateMatchLabels?: readonly Readonly<Record<string, string>>[];
}
interface BindingFact extends Named {
  readonly role: readonly string[];
  readonly subjects: readonly (readonly string[])[];
}
type AnyRole = ClusterRole | Role;
type AnyBinding = ClusterRoleBinding | RoleBinding;

const metadataOf = ({ name, namespace, labels, annotations }: Named) => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  labels: labels ?? defaultLabels,
  annotations: annotations ?? defaultAnnotations,
});

const roleOf = (fact: RoleFact): ClusterRole => ({
  kind: fact.namespace === undefined ? 'ClusterRole' : 'Role',
  apiVersion: `${rbacGroup}/v1`,
  metadata: metadataOf(fact),
  rules: fact.rules,
  ...(fact.aggregateMatchLabels === undefined
    ? {}
    : { aggregationRule: { clusterRoleSelectors: fact.aggregateMatchLabels.map((matchLabels) => ({ matchLabels })) } }),
});

const bindingOf = (fact: BindingFact): ClusterRoleBinding => ({
  kind: fact.namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
  apiVersion: `${rbacGroup}/v1`,
  metadata: metadataOf(fact),
  subjects: fact.subjects.map(([kind = '', namespace = '', name = '']) =>
    kind === 'ServiceAccount' ? { kind, name, namespace } : { kind, apiGroup: rbacGroup, name },
  ),
  roleRef: { apiGroup: rbacGroup, kind: fact.role[0]!, name: fact.role[1]! },
});

/** Rules of the roles that an aggregated role selects, in order of their names, each once. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map((one) => labelSelectorMatcher(one));
  const rules: PolicyRule[] = [];
  for (const other of all.toSorted((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1))) {
    if (other.metadata.name === role.metadata.name) continue;
    if (!selectors.some((selector) => selector.matches(other.metadata.labels))) continue;
    for (const rule of other.rules ?? []) if (!rules.some((one) => sameValue(one, rule))) rules.push(rule);
  }
  return rules;
}

const withDefaults = <T extends KubernetesObject>(there: T, wanted: T): T['metadata'] => ({
  ...there.metadata,
  labels: { ...wanted.metadata.labels, ...there.metadata.labels },
  annotations: { ...wanted.metadata.annotations, ...there.metadata.annotations },
});

/** Undefined: nothing is missing. */
export function reconciledRole<T extends AnyRole>(there: T, wanted: T): T | undefined {
  const missing = (wanted.rules ?? []).filter((rule) => there.rules?.some((one) => sameValue(one, rule)) !== true);
  const next = { ...there, metadata: withDefaults(there, wanted), rules: [...(there.rules ?? []), ...missing] };
  return sameValue(next, { ...there, rules: there.rules ?? [] }) ? undefined : next;
}

export function reconciledBinding<T extends AnyBinding>(there: T, wanted: T): T | undefined {
  const missing = (wanted.subjects ?? []).filter((one) => there.subjects?.some((own) => sameValue(own, one)) !== true);
  const next = { ...there, metadata: withDefaults(there, wanted), subjects: [...(there.subjects ?? []), ...missing] };
  return sameValue(next, { ...there, subjects: there.subjects ?? [] }) ? undefined : next;
}

/** Creates what is missing and completes what is there. One list a kind, writes together: they share the store's commits. */
async function reconcile<T extends KubernetesObject>(
  client: Client,
  kind: KindReference<T>,
  wanted: readonly T[],
  reconciled: (there: T, wanted: T) => T | undefined,
): Promise<void> {
  const resource = client.resource(kind);
  const keyOf = (object: T): string => `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
  const { items } = await resource.list();
  const current = new Map(items.map((object) => [keyOf(object), object]));
  await Promise.all(
    wanted.map(async (object) => {
      const there = current.get(keyOf(object));
      if (there === undefined) {
        await resource.create(object).catch((error: unknown) => {
          if (!isAlreadyExists(error)) throw error;
        });
        return;
      }
      if (there.metadata.annotations?.[autoupdate] === 'false') return;
      const next = reconciled(there, object);
      if (next !== undefined) await resource.update(next);
    }),
  );
}

/** Where the role reference of a binding changed between versions: it is immutable, so the binding is made anew. */
async function replaceChangedReferences<T extends AnyBinding>(
  client: Client,
  kind: KindReference<T>,
  wanted: readonly T[],
): Promise<void> {
  const resource = client.resource(kind);
  for (const there of (await resource.list()).items) {
    const { name = '', namespace } = there.metadata;
    const object = wanted.find((one) => one.metadata.name === name && one.metadata.namespace === namespace);
    if (object === undefined || sameValue(there.roleRef, object.roleRef)) continue;
    if (there.metadata.annotations?.[autoupdate] === 'false') continue;
    await resource.delete({ name, namespace }, { preconditions: { uid: there.metadata.uid } });
  }
}

/** `client` must be of system:masters. The namespaces kube-system and kube-public must exist. */
export async function bootstrapPolicy(client: Client): Promise<void> {
  const extra = facts.openshiftStartupExtra as unknown as readonly (RoleFact & BindingFact & { kind: string })[];
  const roles = [
    ...(facts.clusterRoles as unknown as RoleFact[]),
    ...(facts.controllerRoles as unknown as RoleFact[]),
    ...extra.filter((one) => one.kind === 'ClusterRole'),
  ].map(roleOf);
  const bindings = [
    ...(facts.clusterRoleBindings as unknown as BindingFact[]),
    ...(facts.controllerRoleBindings as unknown as BindingFact[]),
    ...extra.filter((one) => one.kind === 'ClusterRoleBinding'),
  ].map(bindingOf);
  const namespacedBindings = (facts.namespaceRoleBindings as unknown as BindingFact[]).map(bindingOf) as RoleBinding[];
  const complete = roles.map((role) =>
    role.aggregationRule === undefined ? role : { ...role, rules: aggregatedRules(role, roles) },
  );
  await Promise.all([
    reconcile(client, ClusterRoles, complete, reconciledRole),
    reconcile(client, Roles, (facts.namespaceRoles as unknown as RoleFact[]).map(roleOf) as Role[], reconciledRole),
    replaceChangedReferences(client, ClusterRoleBindings, bindings).then(() =>
      reconcile(client, ClusterRoleBindings, bindings, reconciledBinding),
    ),
    replaceChangedReferences(client, RoleBindings, namespacedBindings).then(() =>
      reconcile(client, RoleBindings, namespacedBindings, reconciledBinding),
    ),
  ]);
}
