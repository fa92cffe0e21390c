// What objects take of a ResourceQuota, and which quotas are about them. Rules of upstream's quota evaluators; admission and the
// quota's status count alike.
import { ownValue } from '#base/own-value.ts';
import type {
  PersistentVolumeClaim,
  Pod,
  PodAffinityTerm,
  ResourceClaimResourceV1,
  ResourceQuota,
  Service,
} from '#api/generated/types.ts';
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

/** What is asked for, or what an expansion under way has taken already. */
function storageOf({ spec, status }: PersistentVolumeClaim): string | undefined {
  const asked = spec?.resources?.requests?.['storage'] as string | undefined;
  const allocated = status?.allocatedResources?.['storage'] as string | undefined;
  if (asked === undefined) return undefined;
  return allocated === undefined ? asked : larger(allocated, asked);
}

function claimUsage(claim: PersistentVolumeClaim): Usage {
  const storage = storageOf(claim);
  const usage: Record<string, string> = { 'count/persistentvolumeclaims': '1', persistentvolumeclaims: '1' };
  if (storage !== undefined) usage['requests.storage'] = storage;
  const className =
    claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName ?? '';
  if (className !== '') {
    const ofClass = `${className}.storageclass.storage.k8s.io/`;
    if (storage !== undefined) usage[`${ofClass}requests.storage`] = storage;
    usage[`${ofClass}persistentvolumeclaims`] = '1';
  }
  return usage;
}

/** What one request takes at most when it takes all devices: upstream's bound of an allocation. */
const devicesMax = 32;
const deviceClassSuffix = '.deviceclass.resource.k8s.io/devices';
const deviceClassPrefix = 'requests.deviceclass.resource.kubernetes.io/';
/** Of devices, by their class. */
export const isDeviceAmount = (name: string): boolean =>
  name.endsWith(deviceClassSuffix) || name.startsWith(deviceClassPrefix);

function resourceClaimUsage({ spec }: ResourceClaimResourceV1): Usage {
  const devices = new Map<string, number>();
  const countOf = (mode: string | undefined, count: number | undefined): number =>
    mode === 'All' ? devicesMax : mode === undefined || mode === 'ExactCount' ? (count ?? 1) : 0;
  for (const { exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
    // One of these is taken: of each class what the largest takes.
    const most = new Map<string, number>();
    for (const one of firstAvailable)
      most.set(
        one.deviceClassName,
        Math.max(most.get(one.deviceClassName) ?? 0, countOf(one.allocationMode, one.count)),
      );
    if (firstAvailable.length === 0 && exactly !== undefined)
      most.set(exactly.deviceClassName, countOf(exactly.allocationMode, exactly.count));
    for (const [name, count] of most) devices.set(name, (devices.get(name) ?? 0) + count);
  }
  return Object.fromEntries([
    ['count/resourceclaims.resource.k8s.io', '1'],
    ...[...devices].flatMap(([name, count]) => [
      [`${name}${deviceClassSuffix}`, String(count)],
      [`${deviceClassPrefix}${name}`, String(count)],
    ]),
  ]);
}

export function quotaUsage(row: Counted, object: KubernetesObject): Usage {
  if (row.group === '') {
    if (row.resource === 'pods') return podUsage(object as Pod);
    if (row.resource === 'services') return serviceUsage(object as Service);
    if (row.resource === 'persistentvolumeclaims') return claimUsage(object as PersistentVolumeClaim);
    if (plainCounts.has(row.resource)) return { [`count/${row.resource}`]: '1', [row.resource]: '1' };
    return { [`count/${row.resource}`]: '1' };
  }
  if (row.group === 'resource.k8s.io' && row.resource === 'resourceclaims')
    return resourceClaimUsage(object as unknown as ResourceClaimResourceV1);
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

/** Classes of volume attributes that the claim asks for, has, or is on its way to. */
const attributesClassesOf = ({ spec, status }: PersistentVolumeClaim): readonly string[] =>
  [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((one): one is string => one !== undefined && one !== '');

function matchesClaimScope(scope: string, operator: string, values: readonly string[], names: readonly string[]) {
  if (scope !== 'VolumeAttributesClass') return false;
  switch (operator) {
    case 'Exists':
      return names.length > 0;
    case 'DoesNotExist':
      return names.length === 0;
    case 'In':
      return names.some((one) => values.includes(one));
    default:
      return names.length === 0 || names.some((one) => !values.includes(one));
  }
}

/** Quotas with scopes are about pods, or about claims of classes of volume attributes. */
export function quotaMatches(quota: ResourceQuota, row: Counted, object: KubernetesObject): boolean {
  const scopes = quota.spec?.scopes ?? [];
  const expressions = quota.spec?.scopeSelector?.matchExpressions ?? [];
  if (scopes.length === 0 && expressions.length === 0) return true;
  if (row.group !== '' || (row.resource !== 'pods' && row.resource !== 'persistentvolumeclaims')) return false;
  const names = row.resource === 'pods' ? undefined : attributesClassesOf(object as PersistentVolumeClaim);
  const matches = (scope: string, operator: string, values: readonly string[]): boolean =>
    names === undefined
      ? matchesScope(scope, operator, values, object as Pod)
      : matchesClaimScope(scope, operator, values, names);
  return (
    scopes.every((scope) => matches(scope, 'Exists', [])) &&
    expressions.every((one) => matches(one.scopeName, one.operator, one.values ?? []))
  );
}
