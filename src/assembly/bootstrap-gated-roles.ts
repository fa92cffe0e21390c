// What upstream's bootstrap roles hold besides where a feature gate is on: for users, nodes and the scheduler. Roles of
// controllers that are not here are left out.
import type { FeatureGate, FeatureGates } from '#api/feature-gates.ts';
import type { RbacFacts } from './bootstrap-rbac.ts';

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const scheduling = 'scheduling.k8s.io';
const certificates = 'certificates.k8s.io';

type Row = readonly [
  gate: FeatureGate,
  role: string,
  group: string,
  resources: readonly string[],
  verbs: readonly string[],
];
const discovery = 'system:cluster-trust-bundle-discovery';
const rows: readonly Row[] = [
  ['GenericWorkload', 'system:aggregate-to-edit', scheduling, ['podgroups', 'workloads'], write],
  ['GenericWorkload', 'system:aggregate-to-view', scheduling, ['podgroups', 'podgroups/status', 'workloads'], read],
  ['GenericWorkload', 'system:kube-scheduler', scheduling, ['podgroups'], read],
  ['GenericWorkload', 'system:kube-scheduler', scheduling, ['podgroups/status'], ['patch', 'update']],
  ['ClusterTrustBundle', discovery, certificates, ['clustertrustbundles'], read],
  ['ClusterTrustBundle', 'system:node', certificates, ['clustertrustbundles'], read],
  ['PodCertificateRequest', 'system:node', certificates, ['podcertificaterequests'], ['create', ...read]],
];

export function withGatedRoles(facts: RbacFacts, gates: FeatureGates): RbacFacts {
  const open = rows.filter(([gate]) => gates.isOn(gate));
  if (open.length === 0) return facts;
  const rulesOf = (role: string) =>
    open
      .filter(([, name]) => name === role)
      .map(([, , group, resources, verbs]) => ({ apiGroups: [group], resources, verbs }));
  const found = rulesOf(discovery);
  return {
    ...facts,
    clusterRoles: [
      ...facts.clusterRoles.map((one) => ({ ...one, rules: [...one.rules, ...rulesOf(one.name)] })),
      ...(found.length === 0 ? [] : [{ name: discovery, rules: found }]),
    ],
    clusterRoleBindings: [
      ...facts.clusterRoleBindings,
      ...(found.length === 0
        ? []
        : [
            {
              name: discovery,
              role: ['ClusterRole', discovery] as const,
              subjects: [['Group', '', 'system:serviceaccounts'] as const],
            },
          ]),
    ],
  };
}
