// Nothing that is counted goes beyond a ResourceQuota. What is used is counted from the store at each request that a quota
// of its namespace limits; what requests under way will use is held until they are written, so that two of them cannot
// share the last place. Texts of upstream's plugin/pkg/admission/resourcequota. Not here: status.used, a controller's.
import type { Pod, ResourceQuota } from '#api/generated/types.ts';
import { ownValue } from '#base/own-value.ts';
import { ResourceQuotas } from '#api/generated/kind-references.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { addQuantities, compareQuantities, formatQuantity, subtractQuantities } from '#api/quantity.ts';
import { quotaMatches, quotaUsage, sumUsages, type Usage } from '#rules/quota-usage.ts';
import { forbiddenError } from '#api/status.ts';
import type { Store } from '#storage/store.ts';
import { createStoreIndex } from '../registry/store-index.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { refusedName } from './refused-name.ts';

/** Those with a quota: most have none, and are not looked for in the store. */
interface LimitedNamespaces {
  has(namespace: string): boolean;
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

function validate(attributes: AdmissionAttributes, server: Server, limited: LimitedNamespaces): void {
  const { operation, row, namespace, subresource, object, old } = attributes;
  if (namespace === '' || object === undefined || operation === 'DELETE') return;
  // A resize is how a Pod takes more than it was made with.
  if (subresource !== '' && !(row.group === '' && row.resource === 'pods' && subresource === 'resize')) return;
  if (row.resource === 'resourcequotas' && operation === 'UPDATE') return;
  if (!limited.has(namespace)) return;
  const { store } = server.options;
  const quotas = store.list(storagePrefix(ResourceQuotas, namespace)).items;
  const after = quotaUsage(row, object);
  const refuse = (message: string) =>
    forbiddenError({ group: row.group, resource: row.resource }, refusedName('', object), message);
  for (const stored of quotas) {
    const quota = stored.object() as ResourceQuota;
    if (!quotaMatches(quota, row, object)) continue;
    const before = old === undefined || !quotaMatches(quota, row, old) ? {} : quotaUsage(row, old);
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
      .filter((one) => quotaMatches(quota, row, one))
      .map((one) => quotaUsage(row, one));
    const underWay = [...reserved].filter((one) => one.key === undefined || store.get(one.key) === undefined);
    const used = sumUsages([...counted, ...underWay.map((one) => one.usage)]);
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

export function resourceQuota(store: Store): AdmissionPlugin {
  const byNamespace = createStoreIndex(store, storagePrefix(ResourceQuotas), (one) => [one.metadata.namespace ?? '']);
  return {
    name: 'ResourceQuota',
    validate: (attributes, server) => validate(attributes, server, byNamespace),
    close: () => byNamespace[Symbol.dispose](),
  };
}
