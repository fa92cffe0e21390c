// Nobody grants by a role or binding what they may not do themselves, unless they hold the verbs `escalate` or `bind`.
// Rules of upstream's registry/rbac.
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { ApiError, forbiddenError, notFoundError } from '#api/status.ts';
import { grantCombinationsMax } from '#base/limits.ts';
import { ruleAllows } from '../authorization/rule-allows.ts';
import { createRbacIndex } from '../authorization/rbac-index.ts';
import type { RbacIndex } from '../authorization/rbac-index.ts';
import type { AccessRule, AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { sameValue } from '../registry/same-object.ts';
import { isAllowed } from '../authorization/is-allowed.ts';

const rbacGroup = 'rbac.authorization.k8s.io';
const none: readonly string[] = [];

const complete = (rule: NonNullable<Role['rules']>[number]): AccessRule => ({
  verbs: rule.verbs ?? none,
  apiGroups: rule.apiGroups ?? none,
  resources: rule.resources ?? none,
  resourceNames: rule.resourceNames ?? none,
  nonResourceURLs: rule.nonResourceURLs ?? none,
});

/** The rule as rules that name one thing each. */
function* single(rule: AccessRule): Generator<AccessRule> {
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs)
      yield { verbs: [verb], apiGroups: none, resources: none, resourceNames: none, nonResourceURLs: [url] };
    for (const group of rule.apiGroups)
      for (const resource of rule.resources)
        for (const name of rule.resourceNames.length === 0 ? [undefined] : rule.resourceNames)
          yield {
            verbs: [verb],
            apiGroups: [group],
            resources: [resource],
            resourceNames: name === undefined ? none : [name],
            nonResourceURLs: none,
          };
  }
}

const distinct = (rule: AccessRule): AccessRule => ({
  verbs: [...new Set(rule.verbs)],
  apiGroups: [...new Set(rule.apiGroups)],
  resources: [...new Set(rule.resources)],
  resourceNames: [...new Set(rule.resourceNames)],
  nonResourceURLs: [...new Set(rule.nonResourceURLs)],
});

/** How many `single` makes of it. */
const combinationsOf = ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: AccessRule): number =>
  verbs.length * (nonResourceURLs.length + apiGroups.length * resources.length * Math.max(1, resourceNames.length));

/** One rule that holds another as a whole, whatever it combines. Of paths only all. */
function holdsAll(owned: AccessRule, asked: AccessRule): boolean {
  const within = (mine: readonly string[], theirs: readonly string[]): boolean => {
    if (mine.includes('*')) return true;
    const known = new Set(mine);
    return theirs.every((one) => known.has(one));
  };
  return (
    within(owned.verbs, asked.verbs) &&
    within(owned.apiGroups, asked.apiGroups) &&
    within(owned.resources, asked.resources) &&
    within(owned.nonResourceURLs, asked.nonResourceURLs) &&
    (owned.resourceNames.length === 0 ||
      (asked.resourceNames.length > 0 && asked.resourceNames.every((one) => owned.resourceNames.includes(one))))
  );
}

const covers = (owned: AccessRule, asked: AccessRule): boolean => {
  // What names no objects means all: a rule that names some, even '', does not cover it.
  if (asked.resourceNames.length === 0 && owned.resourceNames.length > 0) return false;
  const [resource = '', subresource = ''] = (asked.resources[0] ?? '').split('/');
  return ruleAllows(owned, {
    verb: asked.verbs[0]!,
    isResource: asked.nonResourceURLs.length === 0,
    group: asked.apiGroups[0] ?? '',
    resource,
    subresource,
    name: asked.resourceNames[0] ?? '',
    path: asked.nonResourceURLs[0] ?? '',
  });
};

const goList = (list: readonly string[]): string => `[${list.map((one) => JSON.stringify(one)).join(' ')}]`;

function ruleText(rule: AccessRule): string {
  const parts = [
    rule.apiGroups.length > 0 ? `APIGroups:${goList(rule.apiGroups)}` : '',
    rule.resources.length > 0 ? `Resources:${goList(rule.resources)}` : '',
    rule.nonResourceURLs.length > 0 ? `NonResourceURLs:${goList(rule.nonResourceURLs)}` : '',
    rule.resourceNames.length > 0 ? `ResourceNames:${goList(rule.resourceNames)}` : '',
    rule.verbs.length > 0 ? `Verbs:${goList(rule.verbs)}` : '',
  ];
  return `{${parts.filter((part) => part !== '').join(', ')}}`;
}

/** Rules of one thing that differ in their verbs alone become one. */
function compact(rules: readonly AccessRule[]): AccessRule[] {
  const byThing = new Map<string, AccessRule & { verbs: string[] }>();
  for (const rule of rules) {
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames, rule.nonResourceURLs]);
    const there = byThing.get(key);
    if (there === undefined) byThing.set(key, { ...rule, verbs: [...rule.verbs] });
    else there.verbs.push(...rule.verbs);
  }
  return [...byThing.values()].map((rule) => ({ ...rule, verbs: [...new Set(rule.verbs)] }));
}

function escalation(attributes: AdmissionAttributes, server: Server, rules: readonly AccessRule[]): string | undefined {
  const { user, namespace } = attributes;
  const { rules: owned } = server.rules.rulesFor(user, namespace);
  const open = rules.map(distinct).filter((rule) => !owned.some((own) => holdsAll(own, rule)));
  const combinations = open.reduce((sum, rule) => sum + combinationsOf(rule), 0);
  if (combinations > grantCombinationsMax)
    return `user ${JSON.stringify(user.name)} (groups=${goList(user.groups)}) is attempting to grant rules of ${combinations} combinations of verbs and resources: at most ${grantCombinationsMax} are compared with what they hold`;
  const missing = open.flatMap((rule) => [...single(rule)]).filter((asked) => !owned.some((own) => covers(own, asked)));
  if (missing.length === 0) return undefined;
  const texts = [...new Set(compact(missing).map(ruleText))].toSorted();
  return `user ${JSON.stringify(user.name)} (groups=${goList(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${texts.join('\n')}`;
}

const fullAuthority: readonly AccessRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: none, nonResourceURLs: none },
  { verbs: ['*'], apiGroups: none, resources: none, resourceNames: none, nonResourceURLs: ['*'] },
];

function holdsVerb(
  attributes: AdmissionAttributes,
  server: Server,
  verb: string,
  resource: string,
  name: string,
): Promise<boolean> {
  const { user, namespace } = attributes;
  return isAllowed(server, user, { verb, group: rbacGroup, resource, namespace, name });
}

const indexes = new WeakMap<Server, RbacIndex>();
function indexOf(server: Server): RbacIndex {
  let index = indexes.get(server);
  if (index === undefined) indexes.set(server, (index = createRbacIndex(server.options.store)));
  return index;
}

/** Who lets go of an object or takes it up for the garbage collector changes nobody's rights. */
function isForCollectorOnly(object: KubernetesObject, old: KubernetesObject): boolean {
  const rest = (one: KubernetesObject) => ({
    ...one,
    metadata: { ...one.metadata, ownerReferences: undefined, finalizers: undefined, managedFields: undefined },
  });
  return sameValue(rest(object), rest(old));
}

/** Where upstream's storage does it: after all that changes the object, before its rules. */
function check(attributes: AdmissionAttributes, server: Server): void | Promise<void> {
  const { row, operation, subresource, object } = attributes;
  if (row.group !== rbacGroup || subresource !== '' || object === undefined || operation === 'DELETE') return;
  if (attributes.user.groups.includes('system:masters')) return;
  return checkGrant(attributes, server);
}

async function checkGrant(attributes: AdmissionAttributes, server: Server): Promise<void> {
  const { row, old, object, name } = attributes;
  const refuse = (text: string) => forbiddenError({ group: rbacGroup, resource: row.resource }, name, text);

  if (old !== undefined && isForCollectorOnly(object!, old)) return;
  if (row.resource === 'roles' || row.resource === 'clusterroles') {
    if (await holdsVerb(attributes, server, 'escalate', row.resource, name)) return;
    const role = object as unknown as ClusterRole;
    const before = old as ClusterRole | undefined;
    const problem = escalation(attributes, server, (role.rules ?? []).map(complete));
    if (problem !== undefined) throw refuse(problem);
    if (
      (role.aggregationRule !== undefined || before?.aggregationRule !== undefined) &&
      escalation(attributes, server, fullAuthority) !== undefined
    )
      throw refuse('must have cluster-admin privileges to use the aggregationRule');
    return;
  }
  const binding = object as unknown as ClusterRoleBinding | RoleBinding;
  const { roleRef } = binding;
  const kind = roleRef?.kind ?? '';
  if (kind !== 'ClusterRole' && kind !== 'Role')
    throw new ApiError(500, '', `unsupported role reference kind: ${JSON.stringify(kind)}`);
  const resource = kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  if (await holdsVerb(attributes, server, 'bind', resource, roleRef.name)) return;
  const rules = indexOf(server).rulesOf(roleRef, attributes.namespace);
  if (rules === undefined) throw notFoundError({ group: rbacGroup, resource: row.resource }, roleRef.name);
  const problem = escalation(attributes, server, rules);
  if (problem !== undefined) throw refuse(problem);
}

export const rbacEscalation: AdmissionPlugin = {
  name: 'RBACEscalation',
  concerns: ({ group }) => group === rbacGroup,
  mutate: check,
};
