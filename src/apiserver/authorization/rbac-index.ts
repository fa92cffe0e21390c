// Which bindings name a subject, kept current by watching the store; roles are read from the store when asked for.
// Built at the first question; after that each change of a binding touches only its own subjects.
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles } from '#api/generated/kind-references.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '#api/generated/types.ts';
import type { Identity } from '#api/request.ts';
import type { Store, StoredObject } from '#storage/store.ts';
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

/** Namespaces that are remembered of one user, */
const scopesMax = 1_000;
/** and of all users together; a longer text is none's name, and nobody's memory. */
const allScopesMax = 20_000;
const scopeLengthMax = 63;

/** A role that some binding gives to one subject. */
export class BoundRole {
  readonly #store: Store;
  readonly #binding: Binding;
  readonly #scope: string;
  readonly #subject: string;
  readonly #key: string;
  #stored: StoredObject | undefined;
  #rules: readonly AccessRule[] | undefined;
  #source: string | undefined;

  constructor(store: Store, binding: Binding, scope: string, subject: string) {
    const { roleRef } = binding;
    this.#store = store;
    this.#binding = binding;
    this.#scope = scope;
    this.#subject = subject;
    this.#key =
      roleRef.kind === 'ClusterRole'
        ? storageKey(ClusterRoles, undefined, roleRef.name)
        : storageKey(Roles, scope, roleRef.name);
  }
  /** As they are now; undefined: there is no such role. */
  rules(): readonly AccessRule[] | undefined {
    const stored = this.#store.get(this.#key);
    if (stored !== this.#stored) {
      this.#stored = stored;
      this.#rules = stored === undefined ? undefined : rulesIn(stored.object() as ClusterRole | Role);
    }
    return this.#rules;
  }
  get missing(): string {
    const { kind, name } = this.#binding.roleRef;
    return `${kind === 'ClusterRole' ? 'clusterrole' : 'role'}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`;
  }
  /** Who gives what to whom, in upstream's words. */
  get source(): string {
    return (this.#source ??= this.#describe());
  }
  #describe(): string {
    const { metadata, roleRef } = this.#binding;
    const binding =
      this.#scope === '' ? `ClusterRoleBinding "${metadata.name}"` : `RoleBinding "${metadata.name}/${this.#scope}"`;
    return `${binding} of ${roleRef.kind} "${roleRef.name}" to ${describe(this.#subject)}`;
  }
}

export interface RbacIndex extends RuleResolver, Disposable {
  /** The rules of a role as they are now; undefined: there is no such role. */
  rulesOf(reference: { kind: string; name: string }, namespace: string): readonly AccessRule[] | undefined;
  /** Calls `visit` for each rule until it returns true. Returns what could not be resolved. */
  visit(user: Identity, namespace: string, visit: (rule: AccessRule, role: BoundRole) => boolean): readonly string[];
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

  const boundTo = (user: Identity, scope: string): readonly BoundRole[] => {
    const account = serviceAccountOf(user.name);
    const subjects = [
      `u:${user.name}`,
      ...(account === undefined ? [] : [`s:${account.name}/${account.namespace}`]),
      ...user.groups.map((group) => `g:${group}`),
    ];
    const index = scope === '' ? clusterWide : namespaced;
    return subjects.flatMap((subject) =>
      Array.from(index.find(`${scope}|${subject}`), (binding) => new BoundRole(store, binding, scope, subject)),
    );
  };
  /** By user, as long as no binding changes; what their roles say is looked up each time. */
  let known = new WeakMap<Identity, Map<string, readonly BoundRole[]>>();
  let knownAt = [-1, -1];
  let scopes = 0;
  const rolesOf = (user: Identity, scope: string): readonly BoundRole[] => {
    const [cluster, namespace] = [clusterWide.version(), namespaced.version()];
    if (cluster !== knownAt[0] || namespace !== knownAt[1]) {
      known = new WeakMap();
      scopes = 0;
      knownAt = [cluster, namespace];
    }
    let byScope = known.get(user);
    if (byScope === undefined) known.set(user, (byScope = new Map()));
    let roles = byScope.get(scope);
    if (roles === undefined) {
      roles = boundTo(user, scope);
      if (scope.length > scopeLengthMax) return roles;
      if (byScope.size >= scopesMax) byScope.clear();
      if (++scopes > allScopesMax) {
        known = new WeakMap([[user, (byScope = new Map())]]);
        scopes = 1;
      }
      byScope.set(scope, roles);
    }
    return roles;
  };

  const visit: RbacIndex['visit'] = (user, namespace, visitor) => {
    let errors: string[] | undefined;
    for (let scope = ''; ; scope = namespace) {
      for (const role of rolesOf(user, scope)) {
        const rules = role.rules();
        if (rules === undefined) (errors ??= []).push(role.missing);
        else for (const rule of rules) if (visitor(rule, role)) return errors ?? none;
      }
      if (scope === namespace) return errors ?? none;
    }
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
