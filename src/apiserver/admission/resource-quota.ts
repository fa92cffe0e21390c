// Nothing that is counted goes beyond a ResourceQuota. What is used is counted from the store at each request that a quota
// of its namespace limits; what requests under way will use is held until they are written, so that two of them cannot
// share the last place. Texts of upstream's plugin/pkg/admission/resourcequota. Not here: status.used, a controller's.
import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from '#api/generated/types.ts';
import { ownValue } from '#base/own-value.ts';
import { ResourceQuotas } from '#api/generated/kind-references.ts';
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { addQuantities, compareQuantities, formatQuantity, subtractQuantities } from '#api/quantity.ts';
import { forbiddenError } from '#api/status.ts';
import type { Store } from '#storage/store.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';

type Usage = Readonly<Record<string, string>>;

const plainCounts = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);
const isOver = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

const sum = (usages: Iterable<Usage>): Record<string, string> => {
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
  if (isOver(pod)) return { 'count/pods': '1' };
  const usage: Record<string, string> = { 'count/pods': '1', pods: '1' };
  const { spec } = pod;
  for (const part of ['requests', 'limits'] as const) {
    const total = sum(spec.containers.map((one) => (one.resources?.[part] ?? {}) as Usage));
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

function usageOf(row: KindRow, object: KubernetesObject): Usage {
  if (row.group === '') {
    if (row.resource === 'pods') return podUsage(object as Pod);
    if (row.resource === 'services') return serviceUsage(object as Service);
    if (row.resource === 'persistentvolumeclaims') return claimUsage(object as PersistentVolumeClaim);
    if (plainCounts.has(row.resource)) return { [`count/${row.resource}`]: '1', [row.resource]: '1' };
    return { [`count/${row.resource}`]: '1' };
  }
  return { [`count/${row.resource}.${row.group}`]: '1' };
}

const isBestEffort = (pod: Pod): boolean =>
  [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].every(
    ({ resources }) =>
      Object.keys(resources?.requests ?? {}).length === 0 && Object.keys(resources?.limits ?? {}).length === 0,
  );

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
function matches(quota: ResourceQuota, row: KindRow, object: KubernetesObject): boolean {
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

interface Held {
  readonly usage: Usage;
  /** Of an object that is being created: once it is there it counts itself. */
  readonly key: string | undefined;
}

const held = new WeakMap<Store, Map<string, Set<Held>>>();
function heldOf(store: Store, quotaKey: string): Set<Held> {
  let byQuota = held.get(store);
  if (byQuota === undefined) held.set(store, (byQuota = new Map()));
  let usages = byQuota.get(quotaKey);
  if (usages === undefined) byQuota.set(quotaKey, (usages = new Set()));
  return usages;
}

const text = (names: readonly string[], amounts: Usage): string =>
  names.map((name) => `${name}=${ownValue(amounts, name) ?? '0'}`).join(',');

const computeNames = /^(requests\.|limits\.)?(cpu|memory|ephemeral-storage)$/;

/** A quota on computing demands that every container says what it takes. */
function missingAmounts(pod: Pod, hard: readonly string[]): string | undefined {
  const missing = new Map<string, string[]>();
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])])
    for (const name of hard.filter((one) => computeNames.test(one))) {
      const part = name.startsWith('limits.') ? 'limits' : 'requests';
      const resource = name.replace(/^(requests|limits)\./, '');
      if (ownValue(container.resources?.[part], resource) === undefined)
        missing.set(name, [...(missing.get(name) ?? []), container.name]);
    }
  if (missing.size === 0) return undefined;
  return [...missing]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, containers]) => `${name} for: ${containers.toSorted().join(',')}`)
    .join('; ');
}

function validate(attributes: AdmissionAttributes, server: Server): void {
  const { operation, row, namespace, subresource, object, old } = attributes;
  if (namespace === '' || subresource !== '' || object === undefined || operation === 'DELETE') return;
  if (row.resource === 'resourcequotas' && operation === 'UPDATE') return;
  const { store } = server.options;
  const quotas = store.list(storagePrefix(ResourceQuotas, namespace)).items;
  if (quotas.length === 0) return;
  const after = usageOf(row, object);
  const before = old === undefined ? {} : usageOf(row, old);
  const refuse = (message: string) =>
    forbiddenError({ group: row.group, resource: row.resource }, object.metadata.name ?? '', message);
  for (const stored of quotas) {
    const quota = stored.object() as ResourceQuota;
    if (!matches(quota, row, object)) continue;
    const hard = (quota.spec?.hard ?? {}) as Usage;
    const limited = Object.keys(hard).toSorted();
    if (operation === 'CREATE' && row.group === '' && row.resource === 'pods') {
      const missing = missingAmounts(object as Pod, limited);
      if (missing !== undefined) throw refuse(`failed quota: ${quota.metadata.name}: must specify ${missing}`);
    }
    const delta: Record<string, string> = {};
    for (const name of limited) {
      const amount = ownValue(after, name);
      if (amount === undefined) continue;
      const was = ownValue(before, name);
      const more = was === undefined ? amount : formatQuantity(subtractQuantities(amount, was));
      if (compareQuantities(more, '0') > 0) delta[name] = more;
    }
    if (Object.keys(delta).length === 0) continue;
    const reserved = heldOf(store, stored.key);
    const counted = store
      .list(storagePrefix(row, namespace))
      .items.map((one) => one.object())
      .filter((one) => matches(quota, row, one))
      .map((one) => usageOf(row, one));
    const underWay = [...reserved].filter((one) => one.key === undefined || store.get(one.key) === undefined);
    const used = sum([...counted, ...underWay.map((one) => one.usage)]);
    const exceeded = Object.keys(delta)
      .filter((name) => compareQuantities(addQuantities(ownValue(used, name) ?? '0', delta[name]!), hard[name]!) > 0)
      .toSorted();
    if (exceeded.length > 0)
      throw refuse(
        `exceeded quota: ${quota.metadata.name}, requested: ${text(exceeded, delta)}, used: ${text(exceeded, used)}, limited: ${text(exceeded, hard)}`,
      );
    if (attributes.dryRun) continue;
    const own: Held = {
      usage: delta,
      key: operation === 'CREATE' ? storageKey(row, namespace, object.metadata.name ?? '') : undefined,
    };
    reserved.add(own);
    attributes.onFinished.push(() => reserved.delete(own));
  }
}

export const resourceQuota: AdmissionPlugin = { name: 'ResourceQuota', validate };
