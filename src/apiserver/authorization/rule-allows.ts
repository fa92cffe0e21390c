// Whether one rule of a role allows a request: upstream's rbac.RuleAllows.
import type { AccessAttributes, AccessRule } from '../context.ts';

const has = (list: readonly string[], value: string): boolean => list.includes('*') || list.includes(value);

const resourceMatches = (resources: readonly string[], resource: string, subresource: string): boolean => {
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  return resources.some((one) => one === '*' || one === combined || (subresource !== '' && one === `*/${subresource}`));
};

const pathMatches = (urls: readonly string[], path: string): boolean =>
  urls.some((url) => url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, ''))));

export function ruleAllows(
  rule: AccessRule,
  asked: Pick<AccessAttributes, 'verb' | 'isResource' | 'group' | 'resource' | 'subresource' | 'name' | 'path'>,
): boolean {
  if (!has(rule.verbs, asked.verb)) return false;
  if (!asked.isResource) return pathMatches(rule.nonResourceURLs, asked.path);
  return (
    has(rule.apiGroups, asked.group) &&
    resourceMatches(rule.resources, asked.resource, asked.subresource) &&
    (rule.resourceNames.length === 0 || rule.resourceNames.includes(asked.name))
  );
}
