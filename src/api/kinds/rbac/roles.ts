// Role and ClusterRole. What nobody may grant beyond their own rights is checked by the API server.
import { invalid, required } from '../../field-error.ts';
import type { ClusterRole, LabelSelector, Role } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { labelSelectorMatcher, validateLabelSelector } from '../../meta/label-selector.ts';
import { nameIsPathSegment } from '../../meta/names.ts';
import { ruleErrors } from '../../validation/rbac.ts';

export const role: KindBehaviour<Role> = {
  metadataInUpdate: ['whole', 'update'],
  validateName: nameIsPathSegment,
  validate: (object) => ruleErrors(object.rules, true),
  validateUpdate: (object) => ruleErrors(object.rules, true),
};

/** Whether requirements can be made of it. */
function isSelector(selector: LabelSelector): boolean {
  try {
    labelSelectorMatcher(selector);
    return validateLabelSelector(selector, '').length === 0;
  } catch {
    return false;
  }
}

function clusterRoleErrors({ rules, aggregationRule }: ClusterRole) {
  const errors = ruleErrors(rules, false);
  if (aggregationRule === undefined) return errors;
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  const path = 'aggregationRule.clusterRoleSelectors';
  if (selectors.length === 0)
    errors.push(required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  for (const [index, one] of selectors.entries()) {
    errors.push(...validateLabelSelector(one, `${path}[${index}]`));
    if (!isSelector(one)) errors.push(invalid(`${path}[${index}]`, null, 'invalid label selector.'));
  }
  return errors;
}

export const clusterRole: KindBehaviour<ClusterRole> = {
  metadataInUpdate: ['whole', 'update'],
  validateName: nameIsPathSegment,
  validate: clusterRoleErrors,
  validateUpdate: clusterRoleErrors,
};
