// Aggregates ClusterRoles, so that new kinds reach admin, edit and view.
import { ClusterRoles } from '#api/generated/kind-references.ts';
import type { ClusterRole } from '#api/generated/types.ts';
import { keyedController, partChanges, read, write, type Lookup } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

const aggregated = (_role: ClusterRole, lookup: Lookup) =>
  lookup
    .list(ClusterRoles)
    .filter((one) => one.aggregationRule !== undefined)
    .map((one) => one.metadata.name!);

export const clusterRoleAggregation = keyedController({
  name: 'clusterrole-aggregation',
  account: 'clusterrole-aggregation-controller',
  reads: [
    read(
      ClusterRoles,
      aggregated,
      partChanges((one) => [one.metadata.labels, one.rules, one.aggregationRule]),
    ),
  ],
  writes: [write(ClusterRoles, 'patch')],
  snapshot(lookup, key) {
    const role = lookup.get(ClusterRoles, undefined, key);
    return role && { role, roles: lookup.list(ClusterRoles) };
  },
  decide,
});
