// Whether RBAC rules allow a request, and whether one set of rules covers another (nobody grants more than they have).
import type { PolicyRule } from '#api/generated/types.ts';

export interface RequestAttributes {
  readonly verb: string;
  readonly apiGroup: string;
  readonly resource: string;
  /** Empty for the resource itself. */
  readonly subresource: string;
  /** Empty for lists and creations. */
  readonly name: string;
}
export interface PathAttributes {
  readonly verb: string;
  readonly path: string;
}

const has = (list: readonly string[] | undefined, value: string) =>
  list !== undefined && (list.includes('*') || list.includes(value));

function resourceMatches(resources: readonly string[] | undefined, resource: string, subresource: string): boolean {
  if (resources === undefined) return false;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  return resources.some((one) => one === '*' || one === full || (subresource !== '' && one === `*/${subresource}`));
}

export const ruleAllows = (rule: PolicyRule, request: RequestAttributes): boolean =>
  has(rule.verbs, request.verb) &&
  has(rule.apiGroups, request.apiGroup) &&
  resourceMatches(rule.resources, request.resource, request.subresource) &&
  ((rule.resourceNames?.length ?? 0) === 0 || rule.resourceNames!.includes(request.name));

const pathMatches = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, '')));

export const ruleAllowsPath = (rule: PolicyRule, request: PathAttributes): boolean =>
  has(rule.verbs, request.verb) && (rule.nonResourceURLs ?? []).some((one) => pathMatches(one, request.path));

export const rulesAllow = (rules: Iterable<PolicyRule>, request: RequestAttributes): boolean => {
  for (const rule of rules) if (ruleAllows(rule, request)) return true;
  return false;
};
export const rulesAllowPath = (rules: Iterable<PolicyRule>, request: PathAttributes): boolean => {
  for (const rule of rules) if (ruleAllowsPath(rule, request)) return true;
  return false;
};

/** One verb on one resource of one group, for one name or all: what covering is decided on. */
function* breakDown(rule: PolicyRule): Generator<PolicyRule> {
  for (const verb of rule.verbs ?? []) {
    for (const path of rule.nonResourceURLs ?? []) yield { verbs: [verb], nonResourceURLs: [path] };
    for (const group of rule.apiGroups ?? [])
      for (const resource of rule.resources ?? []) {
        const part = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if ((rule.resourceNames?.length ?? 0) === 0) yield part;
        else for (const name of rule.resourceNames!) yield { ...part, resourceNames: [name] };
      }
  }
}

const containsAll = (list: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean =>
  (wanted ?? []).every((one) => has(list, one));

function resourcesCover(owned: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean {
  return (wanted ?? []).every((one) => {
    if (has(owned, one)) return true;
    const slash = one.indexOf('/');
    return slash >= 0 && owned?.includes(`*/${one.slice(slash + 1)}`) === true;
  });
}

function coversPart(owned: PolicyRule, part: PolicyRule): boolean {
  if (!containsAll(owned.verbs, part.verbs)) return false;
  if ((part.nonResourceURLs?.length ?? 0) > 0)
    return part.nonResourceURLs!.every((path) => (owned.nonResourceURLs ?? []).some((one) => pathMatches(one, path)));
  const names = owned.resourceNames ?? [];
  return (
    containsAll(owned.apiGroups, part.apiGroups) &&
    resourcesCover(owned.resources, part.resources) &&
    (names.length === 0 ||
      ((part.resourceNames?.length ?? 0) > 0 && part.resourceNames!.every((one) => names.includes(one))))
  );
}

/** The parts of `wanted` that `owned` does not cover; empty: all are covered. */
export function uncoveredRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const missing: PolicyRule[] = [];
  for (const rule of wanted)
    for (const part of breakDown(rule)) if (!owned.some((one) => coversPart(one, part))) missing.push(part);
  return missing;
}
