// Rules of what an admission policy or webhook says that it is about: operations, groups, versions, resources, selectors.
// Texts of upstream's pkg/apis/admissionregistration/validation.
import { duplicate, invalid, notSupported, required, type FieldError } from '../field-error.ts';
import type { MatchResources, NamedRuleWithOperations, RuleWithOperations } from '../generated/types.ts';
import { validateLabelSelector } from '../meta/label-selector.ts';
import { pathSegment } from '../meta/names.ts';
import { requiredOneOf, texts } from '../validation/fields.ts';

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
/** What has no object cannot be changed. */
export const mutatingOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];

/** A list that must name something, where `*` stands alone. */
function validateNames(path: string, names: readonly string[] | undefined, what: string): FieldError[] {
  if (names === undefined || names.length === 0) return [required(path)];
  return names.length > 1 && names.includes('*')
    ? [invalid(path, names, `if '*' is present, must not specify other ${what}`)]
    : [];
}

function validateResources(path: string, resources: readonly string[] | undefined): FieldError[] {
  if (resources === undefined || resources.length === 0) return [required(path)];
  const errors: FieldError[] = [];
  const wholeResources = new Set<string>();
  const wholeSubresources = new Set<string>();
  let lastIsPlain = false;
  for (const [index, one] of resources.entries()) {
    const at = `${path}[${index}]`;
    if (one === '') {
      errors.push(required(at));
      continue;
    }
    const slash = one.indexOf('/');
    if (slash < 0) {
      lastIsPlain = one !== '*';
      continue;
    }
    const [resource, subresource] = [one.slice(0, slash), one.slice(slash + 1)];
    if (wholeResources.has(resource))
      errors.push(invalid(at, one, `if '${resource}/*' is present, must not specify ${one}`));
    if (wholeSubresources.has(subresource))
      errors.push(invalid(at, one, `if '*/${subresource}' is present, must not specify ${one}`));
    if (subresource === '*') wholeResources.add(resource);
    if (resource === '*') wholeSubresources.add(subresource);
  }
  if (resources.length > 1 && resources.includes('*/*'))
    errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && lastIsPlain)
    errors.push(invalid(path, resources, "if '*' is present, must not specify other resources without subresources"));
  return errors;
}

export function validateRuleWithOperations(rule: RuleWithOperations, path: string): FieldError[] {
  return [
    ...validateNames(`${path}.operations`, rule.operations, 'operations'),
    ...(rule.operations ?? []).flatMap((one, index) =>
      operations.includes(one) ? [] : [notSupported(`${path}.operations[${index}]`, one, operations)],
    ),
    ...validateNames(`${path}.apiGroups`, rule.apiGroups, 'API groups'),
    ...validateNames(`${path}.apiVersions`, rule.apiVersions, 'API versions'),
    ...(rule.apiVersions ?? []).flatMap((one, index) =>
      one === '' ? [required(`${path}.apiVersions[${index}]`)] : [],
    ),
    ...validateResources(`${path}.resources`, rule.resources),
    ...(rule.scope === undefined || scopes.includes(rule.scope)
      ? []
      : [notSupported(`${path}.scope`, rule.scope, scopes)]),
  ];
}

function validateNamedRule(rule: NamedRuleWithOperations, path: string): FieldError[] {
  const seen = new Set<string>();
  return [
    ...(rule.resourceNames ?? []).flatMap((name, index) => {
      const at = `${path}.resourceNames[${index}]`;
      const errors = texts(at, name, pathSegment(name));
      if (seen.has(name)) errors.push(duplicate(at, name));
      seen.add(name);
      return errors;
    }),
    ...validateRuleWithOperations(rule, path),
  ];
}

export function validateMatchResources(match: MatchResources | undefined, path: string): FieldError[] {
  if (match === undefined) return [];
  return [
    ...requiredOneOf(`${path}.matchPolicy`, match.matchPolicy, ['Equivalent', 'Exact']),
    ...(['namespaceSelector', 'objectSelector'] as const).flatMap((field) =>
      match[field] === undefined
        ? [required(`${path}.${field}`)]
        : validateLabelSelector(match[field], `${path}.${field}`),
    ),
    ...(['resourceRules', 'excludeResourceRules'] as const).flatMap((field) =>
      (match[field] ?? []).flatMap((rule, index) => validateNamedRule(rule, `${path}.${field}[${index}]`)),
    ),
  ];
}

/** Of policies that change objects. */
export const validateMutatingOperations = (match: MatchResources | undefined, path: string): FieldError[] =>
  (match?.resourceRules ?? []).flatMap((rule) =>
    (rule.operations ?? [])
      .filter((one) => !mutatingOperations.includes(one))
      .map((one) => notSupported(`${path}.resourceRules.operations`, one, mutatingOperations)),
  );
