// A ResourceQuota's status: its limits, and how much of them the namespace uses.
import { ResourceQuotas } from '#api/generated/kind-references.ts';
import type { ResourceQuota } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { compareQuantities } from '#api/quantity.ts';
import { quotaMatches, quotaUsage, sumUsages } from '#rules/quota-usage.ts';
import { nothing, updateStatus, type Decision } from '../runtime/action.ts';

export interface QuotaSnapshot {
  readonly quota: ResourceQuota;
  /** Objects of the quota's namespace that may count. */
  readonly objects: Iterable<readonly [KindReference, readonly KubernetesObject[]]>;
}
type Amounts = Readonly<Record<string, string>>;

export function decide({ quota, objects }: QuotaSnapshot): Decision {
  const hard = (quota.spec?.hard ?? {}) as Amounts;
  const total = sumUsages(
    [...objects].flatMap(([kind, ones]) =>
      ones.filter((one) => quotaMatches(quota, kind, one)).map((one) => quotaUsage(kind, one)),
    ),
  );
  const used = Object.fromEntries(Object.keys(hard).map((name) => [name, total[name] ?? '0']));
  const old = quota.status ?? {};
  if (sameAmounts(hard, old.hard as Amounts | undefined) && sameAmounts(used, old.used as Amounts | undefined))
    return nothing;
  return { actions: [updateStatus(ResourceQuotas, { ...quota, status: { hard, used } })] };
}

function sameAmounts(one: Amounts, other: Amounts | undefined): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other ?? {}).length &&
    names.every((name) => other?.[name] !== undefined && compareQuantities(one[name]!, other[name]) === 0)
  );
}
