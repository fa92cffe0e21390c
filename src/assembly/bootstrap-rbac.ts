// Upstream's bootstrap roles and bindings, from the fact table, and the few that this product adds. Pure: a list.
import type {
  AggregationRule,
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
} from '#api/generated/types.ts';
import openshiftFacts from '#api/facts/rbac-openshift.json' with { type: 'json' };
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles } from '#api/generated/kind-references.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { uncoveredRules } from '#rules/rbac-covers.ts';

interface RoleFact {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly rules: readonly PolicyRule[];
  readonly aggregateMatchLabels?: readonly Readonly<Record<string, string>>[];
}
interface BindingFact {
  readonly name: string;
  readonly namespace?: string;
  readonly role: readonly [kind: string, name: string];
  readonly subjects: readonly (readonly [kind: string, namespace: string, name: string])[];
}
/** The parts of rbac-bootstrap.json that are used. */
export interface RbacFacts {
  readonly meta: {
    readonly defaults: {
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
    };
  };
  readonly clusterRoles: readonly RoleFact[];
  readonly clusterRoleBindings: readonly BindingFact[];
  readonly controllerRoles: readonly RoleFact[];
  readonly controllerRoleBindings: readonly BindingFact[];
  readonly namespaceRoles: readonly RoleFact[];
  readonly namespaceRoleBindings: readonly BindingFact[];
}

export interface BootstrapRbac {
  readonly clusterRoles: readonly ClusterRole[];
  readonly clusterRoleBindings: readonly ClusterRoleBinding[];
  readonly roles: readonly Role[];
  readonly roleBindings: readonly RoleBinding[];
}

const readOnly = ['get', 'list', 'watch'];
/** What the network's parts read beyond upstream's roles. */
const addedRoles: readonly RoleFact[] = [
  {
    // Upstream's runs with the rights of the controller manager.
    name: 'microshift:tokens-controller',
    rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'update', 'delete'] }],
  },
  {
    name: 'openshift-dns',
    rules: [
      { apiGroups: [''], resources: ['namespaces', 'pods', 'services', 'nodes'], verbs: readOnly },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: readOnly },
    ],
  },
  {
    name: 'openshift-ingress-router',
    rules: [
      { apiGroups: [''], resources: ['endpoints', 'namespaces', 'services'], verbs: ['list', 'watch'] },
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
      { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
      { apiGroups: ['route.openshift.io'], resources: ['routes'], verbs: ['list', 'watch'] },
      { apiGroups: ['route.openshift.io'], resources: ['routes/status'], verbs: ['update'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
    ],
  },
  {
    name: 'microshift:service-proxy',
    rules: [
      { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
    ],
  },
  {
    name: 'microshift:flow-control',
    rules: [
      {
        apiGroups: ['flowcontrol.apiserver.k8s.io'],
        resources: ['flowschemas', 'prioritylevelconfigurations'],
        verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'],
      },
      { apiGroups: ['flowcontrol.apiserver.k8s.io'], resources: ['flowschemas/status'], verbs: ['update'] },
    ],
  },
  {
    // On a machine that runs a node alone, Pod network, service proxy and DNS have no other identity than the node's.
    name: 'microshift:node-network',
    rules: [
      { apiGroups: [''], resources: ['nodes', 'services', 'namespaces'], verbs: readOnly },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: readOnly },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['microshift-cluster'], verbs: ['get'] },
      // Addresses and labels of other nodes' Pods, which NetworkPolicies speak of.
      { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
      { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
    ],
  },
];

// JSON types its tuples as lists.
const openshift = openshiftFacts as unknown as Omit<RbacFacts, 'meta' | 'controllerRoles' | 'controllerRoleBindings'>;

/** The API server's own identity toward nodes: upstream's installers bind it; MicroShift's startup does. */
const addedBindings: readonly BindingFact[] = [
  {
    name: 'microshift:kube-apiserver-to-kubelet',
    role: ['ClusterRole', 'system:kubelet-api-admin'],
    subjects: [['User', '', 'system:kube-apiserver']],
  },
  {
    name: 'microshift:tokens-controller',
    role: ['ClusterRole', 'microshift:tokens-controller'],
    subjects: [['ServiceAccount', 'kube-system', 'tokens-controller']],
  },
  {
    name: 'openshift-dns',
    role: ['ClusterRole', 'openshift-dns'],
    subjects: [['ServiceAccount', 'openshift-dns', 'dns']],
  },
  {
    name: 'openshift-ingress-router',
    role: ['ClusterRole', 'openshift-ingress-router'],
    subjects: [['ServiceAccount', 'openshift-ingress', 'router']],
  },
  ...openshift.clusterRoleBindings,
  {
    name: 'microshift:flow-control',
    role: ['ClusterRole', 'microshift:flow-control'],
    subjects: [['ServiceAccount', 'kube-system', 'flow-control']],
  },
  {
    name: 'microshift:node-network',
    role: ['ClusterRole', 'microshift:node-network'],
    subjects: [['Group', '', 'system:nodes']],
  },
  // Upstream's installers bind these three: a bootstrap token may ask for a node's certificate, gets it, and the node renews it itself.
  {
    name: 'microshift:node-bootstrapper',
    role: ['ClusterRole', 'system:node-bootstrapper'],
    subjects: [['Group', '', 'system:bootstrappers']],
  },
  {
    name: 'microshift:approve-bootstrapped-nodes',
    role: ['ClusterRole', 'system:certificates.k8s.io:certificatesigningrequests:nodeclient'],
    subjects: [['Group', '', 'system:bootstrappers']],
  },
  {
    name: 'microshift:approve-renewed-nodes',
    role: ['ClusterRole', 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient'],
    subjects: [['Group', '', 'system:nodes']],
  },
  {
    // Of kubelet-serving: upstream leaves the approval to the distribution.
    name: 'microshift:kubelet-serving-approver',
    role: ['ClusterRole', 'system:certificates.k8s.io:kubelet-serving-approver'],
    subjects: [['ServiceAccount', 'kube-system', 'certificate-controller']],
  },
  {
    name: 'microshift:service-proxy',
    role: ['ClusterRole', 'microshift:service-proxy'],
    subjects: [['User', '', 'system:kube-proxy']],
  },
];

/** What this product has beyond upstream's. */
type Additions = Pick<RbacFacts, 'clusterRoles' | 'clusterRoleBindings' | 'namespaceRoles' | 'namespaceRoleBindings'>;
const additions: Additions = {
  ...openshift,
  clusterRoles: [...addedRoles, ...openshift.clusterRoles],
  clusterRoleBindings: addedBindings,
};

export function bootstrapRbac(facts: RbacFacts, added: Partial<Additions> = additions): BootstrapRbac {
  const { labels, annotations } = facts.meta.defaults;
  const metadataOf = (fact: RoleFact | BindingFact) => ({
    name: fact.name,
    ...(fact.namespace === undefined ? {} : { namespace: fact.namespace }),
    labels: 'labels' in fact && fact.labels !== undefined ? fact.labels : labels,
    annotations: 'annotations' in fact && fact.annotations !== undefined ? fact.annotations : annotations,
  });
  const group = 'rbac.authorization.k8s.io';
  const bindingOf = (fact: BindingFact) => ({
    metadata: metadataOf(fact),
    roleRef: { apiGroup: group, kind: fact.role[0], name: fact.role[1] },
    subjects: fact.subjects.map(([kind, namespace, name]) => ({
      kind,
      name,
      ...(kind === 'ServiceAccount' ? { namespace } : { apiGroup: group }),
    })),
  });
  const clusterRoleFacts = [...facts.clusterRoles, ...facts.controllerRoles, ...(added.clusterRoles ?? [])];
  const matches = (fact: RoleFact, wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).every(([key, value]) => (fact.labels ?? labels)[key] === value);
  /** As upstream's aggregation controller leaves it; roles of roles are resolved in depth. */
  const rulesOf = (fact: RoleFact): readonly PolicyRule[] =>
    fact.aggregateMatchLabels === undefined
      ? fact.rules
      : distinct(
          clusterRoleFacts
            .filter((one) => one !== fact && fact.aggregateMatchLabels!.some((wanted) => matches(one, wanted)))
            .toSorted((a, b) => (a.name < b.name ? -1 : 1))
            .flatMap(rulesOf),
        );
  return {
    clusterRoles: clusterRoleFacts.map((fact) => ({
      metadata: metadataOf(fact),
      ...(fact.aggregateMatchLabels === undefined
        ? {}
        : {
            aggregationRule: {
              clusterRoleSelectors: fact.aggregateMatchLabels.map((matchLabels) => ({ matchLabels })),
            },
          }),
      rules: rulesOf(fact),
    })),
    clusterRoleBindings: [
      ...facts.clusterRoleBindings,
      ...facts.controllerRoleBindings,
      ...(added.clusterRoleBindings ?? []),
    ].map(bindingOf),
    roles: [...facts.namespaceRoles, ...(added.namespaceRoles ?? [])].map((fact) => ({
      metadata: metadataOf(fact),
      rules: fact.rules,
    })),
    roleBindings: [...facts.namespaceRoleBindings, ...(added.namespaceRoleBindings ?? [])].map(bindingOf),
  };
}

const distinct = <T>(values: readonly T[]): T[] => [
  ...new Map(values.map((one) => [JSON.stringify(one), one])).values(),
];

/** Each kind with its objects, roles before bindings. */
export const rbacGroups = (rbac: BootstrapRbac): readonly RbacGroup[] => [
  { kind: ClusterRoles, objects: rbac.clusterRoles },
  { kind: ClusterRoleBindings, objects: rbac.clusterRoleBindings },
  { kind: Roles, objects: rbac.roles },
  { kind: RoleBindings, objects: rbac.roleBindings },
];

export interface RbacGroup {
  readonly kind: KindReference;
  readonly objects: readonly RbacObject[];
}

/** What roles and bindings have in common. */
export interface RbacObject extends KubernetesObject {
  readonly rules?: readonly PolicyRule[] | undefined;
  readonly subjects?: readonly object[] | undefined;
  readonly roleRef?: object | undefined;
  readonly aggregationRule?: AggregationRule | undefined;
}

const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';

const isProtected = (current: RbacObject): boolean => current.metadata.annotations?.[autoUpdate] === 'false';

/** A binding to another role than it should be: as a reference cannot be changed, it is deleted and made anew. */
export const bindsOtherRole = (current: RbacObject, wanted: RbacObject): boolean =>
  !isProtected(current) && canonical(current.roleRef) !== canonical(wanted.roleRef);

/**
 * What to write where an object is there already; undefined: nothing. As upstream's reconciliation: what is missing is
 * added, nothing is taken away, and an object with the autoupdate annotation at "false" is left alone.
 */
export function reconciledRbac<T extends RbacObject>(current: T, wanted: T): T | undefined {
  if (isProtected(current)) return undefined;
  const aggregationRule = withMissingSelectors(current.aggregationRule, wanted.aggregationRule);
  const known = new Set((current.rules ?? []).map(canonical));
  // The aggregation controller owns the rules of a role of roles.
  const asked = wanted.aggregationRule === undefined ? (wanted.rules ?? []) : [];
  const missing = uncoveredRules(
    current.rules ?? [],
    asked.filter((one) => !known.has(canonical(one))),
  );
  const subjects = withMissing(current.subjects, wanted.subjects);
  const labels = { ...wanted.metadata.labels, ...current.metadata.labels };
  const annotations = { ...wanted.metadata.annotations, ...current.metadata.annotations };
  const metadataChanges =
    Object.keys(labels).length !== Object.keys(current.metadata.labels ?? {}).length ||
    Object.keys(annotations).length !== Object.keys(current.metadata.annotations ?? {}).length;
  const aggregationChanges = aggregationRule !== current.aggregationRule;
  if (missing.length === 0 && subjects === undefined && !metadataChanges && !aggregationChanges) return undefined;
  const { aggregationRule: _old, ...rest } = current;
  return {
    ...rest,
    metadata: { ...current.metadata, labels, annotations },
    ...(aggregationRule === undefined ? {} : { aggregationRule }),
    ...(missing.length === 0 ? {} : { rules: [...(current.rules ?? []), ...missing] }),
    ...(subjects === undefined ? {} : { subjects }),
  } as T;
}

/** A role that is none of roles does not stay one. */
function withMissingSelectors(
  current: AggregationRule | undefined,
  wanted: AggregationRule | undefined,
): AggregationRule | undefined {
  if (wanted === undefined) return undefined;
  const clusterRoleSelectors = withMissing(current?.clusterRoleSelectors, wanted.clusterRoleSelectors);
  return clusterRoleSelectors === undefined ? current : { ...current, clusterRoleSelectors };
}

function withMissing<T>(current: readonly T[] | undefined, wanted: readonly T[] | undefined): T[] | undefined {
  const there = new Set((current ?? []).map(canonical));
  const missing = (wanted ?? []).filter((one) => !there.has(canonical(one)));
  return missing.length === 0 ? undefined : [...(current ?? []), ...missing];
}

/** JSON with keys in order: the same rule is the same text. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
