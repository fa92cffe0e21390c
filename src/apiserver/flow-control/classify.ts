// Which flow schema a request belongs to: the first that matches, in the order of their precedence. Pure. KEP-1040.
import type { FlowSchema, PolicyRulesWithSubjects, Subject } from '#api/generated/types.ts';
import type { Identity } from '#api/request.ts';
import { serviceAccountPrefix, serviceAccountUser } from '../authentication/service-account-names.ts';
import type { RequestInfo } from '../request-info.ts';

const defaultPrecedence = 1_000;
const precedenceOf = (schema: FlowSchema): number => schema.spec.matchingPrecedence ?? defaultPrecedence;

export const inOrder = (schemas: readonly FlowSchema[]): FlowSchema[] =>
  schemas.toSorted((a, b) => precedenceOf(a) - precedenceOf(b) || (a.metadata.name! < b.metadata.name! ? -1 : 1));

/** A wildcard stands alone in its list: validation sees to that. */
const holds = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && ((list.length === 1 && list[0] === '*') || list.includes(value));

function matchesSubject(subject: Subject, user: Identity): boolean {
  if (subject.kind === 'User') return subject.user?.name === '*' || subject.user?.name === user.name;
  if (subject.kind === 'Group')
    return subject.group !== undefined && (subject.group.name === '*' || user.groups.includes(subject.group.name));
  const wanted = subject.serviceAccount;
  if (wanted === undefined || !user.name.startsWith(serviceAccountPrefix)) return false;
  const own = serviceAccountUser(wanted.namespace, wanted.name === '*' ? '' : wanted.name);
  return wanted.name === '*' ? user.name.startsWith(own) : user.name === own;
}

/** Whether one of the rule's subjects is the user. */
export const isAbout = (rule: PolicyRulesWithSubjects, user: Identity): boolean =>
  rule.subjects.some((subject) => matchesSubject(subject, user));

function matchesPath(urls: readonly string[], path: string): boolean {
  return urls.some((url) => {
    if (url === '*' || url === path) return true;
    const bare = url.endsWith('*') ? url.slice(0, -1) : url;
    return path.startsWith(bare.endsWith('/') ? bare : `${bare}/`);
  });
}

/** Of a rule that is about the user. */
export function covers(rule: PolicyRulesWithSubjects, info: RequestInfo): boolean {
  if (!info.isResource)
    return (rule.nonResourceRules ?? []).some(
      (one) => holds(one.verbs, info.verb) && matchesPath(one.nonResourceURLs, info.path),
    );
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  return (rule.resourceRules ?? []).some(
    (one) =>
      holds(one.verbs, info.verb) &&
      holds(one.resources, resource) &&
      holds(one.apiGroups, info.group) &&
      (info.namespace === '' ? one.clusterScope === true : holds(one.namespaces, info.namespace)),
  );
}

/** What keeps flows of one schema apart: each has its own share of the queues. */
export function flowOf(schema: FlowSchema, user: Identity, info: RequestInfo): string {
  const method = schema.spec.distinguisherMethod?.type;
  return method === 'ByUser' ? user.name : method === 'ByNamespace' ? info.namespace : '';
}
