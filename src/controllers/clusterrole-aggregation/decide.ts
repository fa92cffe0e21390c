// An aggregated ClusterRole has the rules of all ClusterRoles that its selectors match.
import { ClusterRoles } from '#api/generated/kind-references.ts';
import type { ClusterRole, PolicyRule } from '#api/generated/types.ts';
import { apiVersionOf } from '#api/kinds.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { nothing, patch, type Decision } from '../runtime/action.ts';

export interface AggregationSnapshot {
  readonly role: ClusterRole;
  readonly roles: readonly ClusterRole[];
}

export function decide({ role, roles }: AggregationSnapshot): Decision {
  if (role.aggregationRule === undefined) return nothing;
  const rules: PolicyRule[] = [];
  for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
    const matcher = matcherFor(selector);
    const matching = roles
      .filter((one) => one.metadata.name !== role.metadata.name && matcher.matches(one.metadata.labels))
      .toSorted((one, other) => (one.metadata.name! < other.metadata.name! ? -1 : 1));
    for (const one of matching)
      for (const rule of one.rules ?? []) if (!rules.some((known) => semanticallyEqual(known, rule))) rules.push(rule);
  }
  if (semanticallyEqual(role.rules, rules)) return nothing;
  const value = {
    apiVersion: apiVersionOf(ClusterRoles),
    kind: ClusterRoles.kind,
    metadata: { name: role.metadata.name },
    rules: rules.length === 0 ? null : rules,
  };
  return { actions: [patch(ClusterRoles, role, { type: 'apply', value, force: true }, { accept: ['NotFound'] })] };
}
