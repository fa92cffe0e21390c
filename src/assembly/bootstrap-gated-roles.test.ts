// Bootstrap roles with feature gates: upstream's own variants, which its tests hold with every gate on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import facts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import { defaultGates, featureGates } from '#api/feature-gates.ts';
import { withGatedRoles } from './bootstrap-gated-roles.ts';
import type { RbacFacts } from './bootstrap-rbac.ts';

const plain = facts as unknown as RbacFacts;

test('nothing is added while the gates are off', () => {
  assert.equal(withGatedRoles(plain, defaultGates), plain);
});

test('with the gates on the roles are those of upstream', () => {
  const names = ['GenericWorkload', 'ClusterTrustBundle', 'PodCertificateRequest'];
  const { clusterRoles, clusterRoleBindings } = withGatedRoles(
    plain,
    featureGates(new Map(names.map((one) => [one, true]))),
  );
  const sorted = (rules: readonly object[]) =>
    rules.map((one) => JSON.stringify(one, Object.keys(one).toSorted())).toSorted();
  for (const wanted of facts.clusterRolesChangedByFeatureGates) {
    const role = clusterRoles.find((one) => one.name === wanted.name);
    // Taints of devices have no scheduler here.
    const rules = wanted.rules.filter((one) => !('resources' in one) || !one.resources.includes('devicetaintrules'));
    assert.deepEqual(sorted(role!.rules), sorted(rules), wanted.name);
  }
  assert.deepEqual(clusterRoleBindings.at(-1)?.subjects, [['Group', '', 'system:serviceaccounts']]);
});
