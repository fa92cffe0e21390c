// Rules and subjects of roles and bindings.
import { invalid, notSupported, required, type FieldError } from '../field-error.ts';
import type { PolicyRule, RoleRef, SubjectRbacV1 } from '../generated/types.ts';
import { nameIsDnsSubdomain, pathSegment } from '../meta/names.ts';
import { isAbsent, texts } from './fields.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

export function ruleErrors(rules: readonly PolicyRule[] | undefined | null, namespaced: boolean): FieldError[] {
  return (rules ?? []).flatMap((rule, index) => {
    const at = `rules[${index}]`;
    const { nonResourceURLs = [], apiGroups = [], resources = [], resourceNames = [] } = rule;
    const errors: FieldError[] = [];
    if ((rule.verbs?.length ?? 0) === 0) errors.push(required(`${at}.verbs`, 'verbs must contain at least one value'));
    if (nonResourceURLs.length > 0) {
      if (namespaced)
        errors.push(
          invalid(`${at}.nonResourceURLs`, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'),
        );
      if (apiGroups.length + resources.length + resourceNames.length > 0)
        errors.push(
          invalid(
            `${at}.nonResourceURLs`,
            nonResourceURLs,
            'rules cannot apply to both regular resources and non-resource URLs',
          ),
        );
      return errors;
    }
    if (apiGroups.length === 0)
      errors.push(required(`${at}.apiGroups`, 'resource rules must supply at least one api group'));
    if (resources.length === 0)
      errors.push(required(`${at}.resources`, 'resource rules must supply at least one resource'));
    return errors;
  });
}

export function bindingErrors(
  roleRef: RoleRef,
  subjects: readonly SubjectRbacV1[] | undefined,
  namespaced: boolean,
): FieldError[] {
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  const errors: FieldError[] = [];
  if (roleRef.apiGroup !== rbacGroup)
    errors.push(notSupported('roleRef.apiGroup', roleRef.apiGroup ?? '', [rbacGroup]));
  if (!kinds.includes(roleRef.kind)) errors.push(notSupported('roleRef.kind', roleRef.kind ?? '', kinds));
  errors.push(
    ...(isAbsent(roleRef.name)
      ? [required('roleRef.name')]
      : texts('roleRef.name', roleRef.name, pathSegment(roleRef.name))),
  );
  for (const [index, subject] of (subjects ?? []).entries()) {
    const at = `subjects[${index}]`;
    const { kind, name, apiGroup = '', namespace } = subject;
    if (isAbsent(name)) errors.push(required(`${at}.name`));
    if (kind === 'ServiceAccount') {
      if (!isAbsent(name)) errors.push(...texts(`${at}.name`, name, nameIsDnsSubdomain(name, false)));
      if (apiGroup !== '') errors.push(notSupported(`${at}.apiGroup`, apiGroup, ['']));
      if (!namespaced && isAbsent(namespace)) errors.push(required(`${at}.namespace`));
    } else if (kind === 'User' || kind === 'Group') {
      if (apiGroup !== rbacGroup) errors.push(notSupported(`${at}.apiGroup`, apiGroup, [rbacGroup]));
    } else errors.push(notSupported(`${at}.kind`, kind ?? '', ['ServiceAccount', 'User', 'Group']));
  }
  return errors;
}

const sameReference = (a: RoleRef, b: RoleRef) => a.apiGroup === b.apiGroup && a.kind === b.kind && a.name === b.name;
export const roleRefUpdateErrors = (roleRef: RoleRef, previous: RoleRef): FieldError[] =>
  sameReference(roleRef, previous) ? [] : [invalid('roleRef', roleRef, 'cannot change roleRef')];
