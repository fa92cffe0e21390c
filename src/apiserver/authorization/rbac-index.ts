// Which bindings name a subject, kept current by watching the store; roles are read from the store when asked for.
// Built at the first question; after that each change of a binding touches only its own subjects.
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles } from '#api/generated/kind-references.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '#api/generated/types.ts';
import type { Identity } from '#api/request.ts';
import type { Store } from '#storage/store.ts';
import type { AccessRule, RuleResolver } from '../context.ts';
import { serviceAccountOf } from '../authentication/service-account-names.ts';
import { createStoreIndex } from '../registry/store-index.ts';

type Binding = ClusterRoleBinding | RoleBinding;

const subjectKeys = (binding: Binding): string[] =>
  (binding.subjects ?? []).flatMap((subject) => {
    if (subject.kind === 'User') return [`u:${subject.name}`];
    if (subject.kind === 'Group') return [`g:${subject.name}`];
    const namespace = subject.namespace ?? binding.metadata.namespace ?? '';
    return subject.kind === 'ServiceAccount' && namespace !== '' ? [`s:${subject.name}/${namespace}`] : [];
  });

const noRules: readonly AccessRule[] = [];
const rulesOfRole = new WeakMap<object, readonly AccessRule[]>();
const none: readonly string[] = [];

function rulesIn(role: ClusterRole | Role): readonly AccessRule[] {
  let rules = rulesOfRole.get(role);
  if (rules === undefined) {
    rules = (role.rules ?? []).map((rule) => ({
      verbs: rule.verbs,
      apiGroups: rule.apiGroups ?? none,
      resources: rule.resources ?? none,
      resourceNames: rule.resourceNames ?? none,
      nonResourceURLs: rule.nonResourceURLs ?? none,
    }));
    rulesOfRole.set(role, rules);
  }
  return rules;
}

export interface RbacIndex extends RuleResolver, Disposable {
  /** The rules of a role as they are now; undefined: there is no such role. */
  rulesOf(reference: { kind: string; name: string }, namespace: string): readonly AccessRule[] | undefined;
  /** Calls `visit` for each rule until it returns true. Returns what could not be resolved. */
  visit(user: Identity, namespace: string, visit: (rule: AccessRule, source: string) => boolean): readonly string[];
}

export function createRbacIndex(store: Store): RbacIndex {
  const valuesOf = (binding: Binding): string[] => {
    const scope = binding.metadata.namespace ?? '';
    return subjectKeys(binding).map((subject) => `${scope}|${subject}`);
  };
  const clusterWide = createStoreIndex<Binding>(store, storagePrefix(ClusterRoleBindings), valuesOf);
  const namespaced = createStoreIndex<Binding>(store, storagePrefix(RoleBindings), valuesOf);

  const rulesOf: RbacIndex['rulesOf'] = (reference, namespace) => {
    const stored =
      reference.kind === 'ClusterRole'
        ? store.get(storageKey(ClusterRoles, undefined, reference.name))
        : store.get(storageKey(Roles, namespace, reference.name));
    return stored === undefined ? undefined : rulesIn(stored.object() as ClusterRole | Role);
  };

  const visit: RbacIndex['visit'] = (user, namespace, visitor) => {
    const errors: string[] = [];
    const account = serviceAccountOf(user.name);
    const subjects = [
      `u:${user.name}`,
      ...(account === undefined ? [] : [`s:${account.name}/${account.namespace}`]),
      ...user.groups.map((group) => `g:${group}`),
    ];
    for (const scope of namespace === '' ? [''] : ['', namespace])
      for (const subject of subjects)
        for (const binding of (scope === '' ? clusterWide : namespaced).find(`${scope}|${subject}`)) {
          const { roleRef } = binding;
          const rules = rulesOf(roleRef, scope);
          if (rules === undefined)
            errors.push(
              roleRef.kind === 'ClusterRole'
                ? `clusterrole.rbac.authorization.k8s.io ${JSON.stringify(roleRef.name)} not found`
                : `role.rbac.authorization.k8s.io ${JSON.stringify(roleRef.name)} not found`,
            );
          const source = `${scope === '' ? 'ClusterRoleBinding' : 'RoleBinding'} "${binding.metadata.name}${scope === '' ? '' : `/${scope}`}" of ${roleRef.kind} "${roleRef.name}" to ${describe(subject)}`;
          for (const rule of rules ?? noRules) if (visitor(rule, source)) return errors;
        }
    return errors;
  };

  return {
    rulesOf,
    visit,
    rulesFor(user, namespace) {
      const rules: AccessRule[] = [];
      const errors = visit(user, namespace, (rule) => {
        rules.push(rule);
        return false;
      });
      return { rules, errors };
    },
    [Symbol.dispose]() {
      clusterWide[Symbol.dispose]();
      namespaced[Symbol.dispose]();
    },
  };
}

const subjectKinds: Readonly<Record<string, string>> = { u: 'User', s: 'ServiceAccount', g: 'Group' };
const describe = (subject: string): string => `${subjectKinds[subject[0]!]} ${JSON.stringify(subject.slice(2))}`;
