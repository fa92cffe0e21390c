// What of some RBAC rules other rules do not grant, as single permissions: one verb on one resource (of one name) or on one path.
// How upstream reconciles its bootstrap roles. Not the check against escalation, which knows requests (apiserver/admission).
import type { PolicyRule } from '#api/generated/types.ts';

export function uncoveredRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(single).filter((one) => !owned.some((rule) => covers(rule, one)));
}

function single(rule: PolicyRule): PolicyRule[] {
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [], verbs } = rule;
  const names = resourceNames.length === 0 ? [{}] : resourceNames.map((name) => ({ resourceNames: [name] }));
  const ofResources = apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        names.map((name) => ({ apiGroups: [group], resources: [resource], verbs: [verb], ...name })),
      ),
    ),
  );
  const ofPaths = nonResourceURLs.flatMap((url) => verbs.map((verb) => ({ nonResourceURLs: [url], verbs: [verb] })));
  return [...ofResources, ...ofPaths];
}

const holds = (list: readonly string[] | undefined, all: string, wanted: readonly string[] | undefined): boolean =>
  list?.includes(all) === true || (wanted ?? []).every((one) => list?.includes(one));

const holdsResource = (list: readonly string[], wanted: string): boolean => {
  const slash = wanted.indexOf('/');
  return list.includes('*') || list.includes(wanted) || (slash !== -1 && list.includes(`*/${wanted.slice(slash + 1)}`));
};

const holdsPath = (list: readonly string[], wanted: string): boolean =>
  list.some((one) => one === wanted || (one.endsWith('*') && wanted.startsWith(one.replace(/\*+$/, ''))));

/** `wanted` is a single permission. */
function covers(owned: PolicyRule, wanted: PolicyRule): boolean {
  const { resources = [], resourceNames = [], nonResourceURLs = [] } = owned;
  return (
    holds(owned.verbs, '*', wanted.verbs) &&
    holds(owned.apiGroups, '*', wanted.apiGroups) &&
    (wanted.resources ?? []).every((one) => holdsResource(resources, one)) &&
    (wanted.nonResourceURLs ?? []).every((one) => holdsPath(nonResourceURLs, one)) &&
    (resourceNames.length === 0 ||
      (wanted.resourceNames !== undefined && wanted.resourceNames.every((one) => resourceNames.includes(one))))
  );
}
