// Role and ClusterRole. What nobody may grant beyond their own rights is checked by the API server.
import { required } from '../../field-error.ts';
import type { ClusterRole, Role } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { nameIsPathSegment } from '../../meta/names.ts';
import { ruleErrors } from '../../validation/rbac.ts';

export const role: KindBehaviour<Role> = {
  metadataInUpdate: ['whole', 'update'],
  validateName: nameIsPathSegment,
  validate: (object) => ruleErrors(object.rules, true),
  validateUpdate: (object) => ruleErrors(object.rules, true),
};

function clusterRoleErrors({ rules, aggregationRule }: ClusterRole) {
  const errors = ruleErrors(rules, false);
  if (aggregationRule === undefined) return errors;
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  const path = 'aggregationRule.clusterRoleSelectors';
  if (selectors.length === 0)
    errors.push(required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  selectors.forEach((one, index) => errors.push(...validateLabelSelector(one, `${path}[${index}]`)));
  return errors;
}

export const clusterRole: KindBehaviour<ClusterRole> = {
  metadataInUpdate: ['whole', 'update'],
  validateName: nameIsPathSegment,
  validate: clusterRoleErrors,
  validateUpdate: clusterRoleErrors,
};
