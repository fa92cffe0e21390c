// The priority levels and flow schemas that every cluster has: upstream's of 1.36 (k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap).
// The mandatory ones hold even when their objects are not there.
import type {
  FlowSchema,
  FlowSchemaSpec,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  ResourcePolicyRule,
  Subject,
} from '#api/generated/types.ts';

/** `true` on one of these: its spec follows this file. An administrator who changes it sets `false`. */
export const autoUpdateAnnotation = 'apf.kubernetes.io/autoupdate-spec';
export const mandatoryNames: ReadonlySet<string> = new Set(['exempt', 'catch-all']);

const annotations = { [autoUpdateAnnotation]: 'true' };
const level = (name: string, spec: PriorityLevelConfigurationSpec): PriorityLevelConfiguration => ({
  metadata: { name, annotations },
  spec,
});
const queuing = (
  name: string,
  nominalConcurrencyShares: number,
  lendablePercent: number,
  queues: number,
  handSize: number,
): PriorityLevelConfiguration =>
  level(name, {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares,
      lendablePercent,
      limitResponse: { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } },
    },
  });

export const defaultPriorityLevels: readonly PriorityLevelConfiguration[] = [
  level('exempt', { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
  level('catch-all', {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
  }),
  queuing('system', 30, 33, 64, 6),
  queuing('node-high', 40, 25, 64, 6),
  queuing('leader-election', 10, 0, 16, 4),
  queuing('workload-high', 40, 50, 128, 6),
  queuing('workload-low', 100, 90, 128, 6),
  queuing('global-default', 20, 50, 128, 6),
];

const everyResource: ResourcePolicyRule = {
  verbs: ['*'],
  apiGroups: ['*'],
  resources: ['*'],
  clusterScope: true,
  namespaces: ['*'],
};
const everyPath = { verbs: ['*'], nonResourceURLs: ['*'] };
const leases = (verbs: readonly string[]): ResourcePolicyRule => ({
  verbs,
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  namespaces: ['*'],
});

const groups = (...names: readonly string[]): Subject[] => names.map((name) => ({ kind: 'Group', group: { name } }));
const users = (...names: readonly string[]): Subject[] => names.map((name) => ({ kind: 'User', user: { name } }));
const systemAccounts: Subject = { kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name: '*' } };
const everybody = groups('system:unauthenticated', 'system:authenticated');

type Rule = NonNullable<FlowSchemaSpec['rules']>[number];
const all = (subjects: readonly Subject[]): Rule => ({
  subjects,
  resourceRules: [everyResource],
  nonResourceRules: [everyPath],
});

const schema = (
  name: string,
  matchingPrecedence: number,
  priorityLevel: string,
  distinguisher: 'ByUser' | 'ByNamespace' | undefined,
  rule: Rule,
): FlowSchema => ({
  metadata: { name, annotations },
  spec: {
    priorityLevelConfiguration: { name: priorityLevel },
    matchingPrecedence,
    ...(distinguisher === undefined ? {} : { distinguisherMethod: { type: distinguisher } }),
    rules: [rule],
  },
});

export const defaultFlowSchemas: readonly FlowSchema[] = [
  schema('exempt', 1, 'exempt', undefined, all(groups('system:masters'))),
  schema('probes', 2, 'exempt', undefined, {
    subjects: everybody,
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  }),
  schema('system-leader-election', 100, 'leader-election', 'ByUser', {
    subjects: [...users('system:kube-controller-manager', 'system:kube-scheduler'), systemAccounts],
    resourceRules: [leases(['get', 'create', 'update'])],
  }),
  schema('system-node-high', 400, 'node-high', 'ByUser', {
    subjects: groups('system:nodes'),
    resourceRules: [
      { verbs: ['*'], apiGroups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true, namespaces: ['*'] },
      leases(['*']),
    ],
  }),
  schema('system-nodes', 500, 'system', 'ByUser', all(groups('system:nodes'))),
  schema('kube-controller-manager', 800, 'workload-high', 'ByNamespace', all(users('system:kube-controller-manager'))),
  schema('kube-scheduler', 800, 'workload-high', 'ByNamespace', all(users('system:kube-scheduler'))),
  schema('kube-system-service-accounts', 900, 'workload-high', 'ByNamespace', all([systemAccounts])),
  schema('service-accounts', 9000, 'workload-low', 'ByUser', all(groups('system:serviceaccounts'))),
  schema('global-default', 9900, 'global-default', 'ByUser', all(everybody)),
  schema('catch-all', 10_000, 'catch-all', 'ByUser', all(everybody)),
];
