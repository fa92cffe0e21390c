// What objects take of a ResourceQuota, and which quotas are about them. Rules of upstream's quota evaluators; admission and the
// quota's status count alike.
import { ownValue } from '#base/own-value.ts';
import type { PersistentVolumeClaim, Pod, PodAffinityTerm, ResourceQuota, Service } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { addQuantities, compareQuantities, formatQuantity } from '#api/quantity.ts';
import { podIsTerminal } from './pod-is-active.ts';

/** Resource name -> quantity. */
export type Usage = Readonly<Record<string, string>>;

const plainCounts = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);

export const sumUsages = (usages: Iterable<Usage>): Record<string, string> => {
  const total = new Map<string, string>();
  for (const usage of usages)
    for (const [name, amount] of Object.entries(usage)) {
      const before = total.get(name);
      total.set(name, before === undefined ? amount : formatQuantity(addQuantities(before, amount)));
    }
  return Object.fromEntries(total);
};

const larger = (one: string | undefined, other: string): string =>
  one !== undefined && compareQuantities(one, other) > 0 ? one : other;

function podUsage(pod: Pod): Usage {
  if (podIsTerminal(pod)) return { 'count/pods': '1' };
  const usage: Record<string, string> = { 'count/pods': '1', pods: '1' };
  const { spec } = pod;
  for (const part of ['requests', 'limits'] as const) {
    const total = sumUsages(spec.containers.map((one) => (one.resources?.[part] ?? {}) as Usage));
    // Init containers run one after the other: the largest counts, if it is more than all the others together.
    for (const container of spec.initContainers ?? [])
      for (const [name, amount] of Object.entries((container.resources?.[part] ?? {}) as Usage))
        total[name] =
          container.restartPolicy === 'Always'
            ? formatQuantity(addQuantities(ownValue(total, name) ?? '0', amount))
            : larger(ownValue(total, name), amount);
    for (const [name, amount] of Object.entries((spec.overhead ?? {}) as Usage))
      if (Object.hasOwn(total, name)) total[name] = formatQuantity(addQuantities(total[name]!, amount));
    for (const [name, amount] of Object.entries(total)) {
      usage[`${part}.${name}`] = amount;
      if (part === 'requests') usage[name] = amount;
    }
  }
  return usage;
}

function serviceUsage({ spec }: Service): Usage {
  const usage: Record<string, string> = { 'count/services': '1', services: '1' };
  const ports = String((spec?.ports ?? []).filter((port) => (port.nodePort ?? 0) > 0).length);
  if (spec?.type === 'NodePort' || spec?.type === 'LoadBalancer') usage['services.nodeports'] = ports;
  if (spec?.type === 'LoadBalancer') usage['services.loadbalancers'] = '1';
  return usage;
}

function claimUsage(claim: PersistentVolumeClaim): Usage {
  const storage = (claim.spec?.resources?.requests?.['storage'] as string | undefined) ?? '0';
  const usage: Record<string, string> = {
    'count/persistentvolumeclaims': '1',
    persistentvolumeclaims: '1',
    'requests.storage': storage,
  };
  const className = claim.spec?.storageClassName ?? '';
  if (className !== '') {
    usage[`${className}.storageclass.storage.k8s.io/requests.storage`] = storage;
    usage[`${className}.storageclass.storage.k8s.io/persistentvolumeclaims`] = '1';
  }
  return usage;
}

export function quotaUsage(row: Counted, object: KubernetesObject): Usage {
  if (row.group === '') {
    if (row.resource === 'pods') return podUsage(object as Pod);
    if (row.resource === 'services') return serviceUsage(object as Service);
    if (row.resource === 'persistentvolumeclaims') return claimUsage(object as PersistentVolumeClaim);
    if (plainCounts.has(row.resource)) return { [`count/${row.resource}`]: '1', [row.resource]: '1' };
    return { [`count/${row.resource}`]: '1' };
  }
  return { [`count/${row.resource}.${row.group}`]: '1' };
}

/** Names a kind. */
interface Counted {
  readonly group: string;
  readonly resource: string;
}

const isBestEffort = (pod: Pod): boolean =>
  [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].every(
    ({ resources }) =>
      Object.keys(resources?.requests ?? {}).length === 0 && Object.keys(resources?.limits ?? {}).length === 0,
  );

/** A term that looks at Pods of other namespaces, or says which. */
const looksElsewhere = ({ namespaces = [], namespaceSelector }: PodAffinityTerm): boolean =>
  namespaces.length > 0 || namespaceSelector !== undefined;
function hasAffinityElsewhere({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  return [podAffinity, podAntiAffinity].some(
    (one) =>
      one?.requiredDuringSchedulingIgnoredDuringExecution?.some(looksElsewhere) === true ||
      one?.preferredDuringSchedulingIgnoredDuringExecution?.some((term) => looksElsewhere(term.podAffinityTerm)) ===
        true,
  );
}

function matchesScope(scope: string, operator: string, values: readonly string[], pod: Pod): boolean {
  switch (scope) {
    case 'Terminating':
      return pod.spec.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return pod.spec.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'CrossNamespacePodAffinity':
      return hasAffinityElsewhere(pod);
    case 'PriorityClass': {
      const name = pod.spec.priorityClassName ?? '';
      if (operator === 'Exists') return name !== '';
      if (operator === 'DoesNotExist') return name === '';
      return values.includes(name) === (operator === 'In');
    }
    default:
      return false;
  }
}

/** Quotas with scopes are about pods alone. */
export function quotaMatches(quota: ResourceQuota, row: Counted, object: KubernetesObject): boolean {
  const scopes = quota.spec?.scopes ?? [];
  const expressions = quota.spec?.scopeSelector?.matchExpressions ?? [];
  if (scopes.length === 0 && expressions.length === 0) return true;
  if (row.group !== '' || row.resource !== 'pods') return false;
  const pod = object as Pod;
  return (
    scopes.every((scope) => matchesScope(scope, 'Exists', [], pod)) &&
    expressions.every((one) => matchesScope(one.scopeName, one.operator, one.values ?? [], pod))
  );
}
