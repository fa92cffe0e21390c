// ResourceClaims that were made, and those that there are, under upstream's names.
import { ResourceClaimsResourceV1 } from '#api/generated/kind-references.ts';
import type { ResourceClaimResourceV1 } from '#api/generated/types.ts';
import { familyText } from '#base/metrics/families.ts';
import { podClaimAnnotation } from '#rules/pod-resource-claims.ts';
import { kindId, type Lookup, type Measures } from '../runtime/declaration.ts';

const extendedAnnotation = 'resource.kubernetes.io/extended-resource-claim';

const asksForAdminAccess = ({ spec }: ResourceClaimResourceV1): string =>
  String(spec?.devices?.requests?.some(({ exactly }) => exactly?.adminAccess === true) === true);

const sourceOf = ({ metadata }: ResourceClaimResourceV1): string => {
  if (metadata.annotations?.[extendedAnnotation] === 'true') return 'extended_resource';
  return (metadata.annotations?.[podClaimAnnotation] ?? '') === '' ? '' : 'resource_claim_template';
};

export const resourceClaimMeasures: Measures = (registry) => {
  const creates = registry.counter('resourceclaim_controller_creates_total', 'ResourceClaims that were to be made.', [
    'status',
    'admin_access',
  ]);
  const name = 'resourceclaim_controller_resource_claims';
  let known: Lookup | undefined;
  registry.add({
    name,
    text: () => {
      const counts = new Map<string, number>();
      for (const claim of known?.list(ResourceClaimsResourceV1) ?? []) {
        const key = [String(claim.status?.allocation !== undefined), asksForAdminAccess(claim), sourceOf(claim)].join(
          ' ',
        );
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return familyText(
        name,
        'gauge',
        'ResourceClaims that there are.',
        [...counts].map(([key, count]) => {
          const [allocated = '', adminAccess = '', source = ''] = key.split(' ');
          return ['', { admin_access: adminAccess, allocated, source }, count];
        }),
      );
    },
  });
  return ({ actions, error, lookup }) => {
    known = lookup;
    for (const one of actions)
      if (one.verb === 'create' && kindId(one.kind) === kindId(ResourceClaimsResourceV1))
        creates
          .with({
            status: error === undefined ? 'success' : 'failure',
            admin_access: asksForAdminAccess(one.object as unknown as ResourceClaimResourceV1),
          })
          .add();
  };
};
