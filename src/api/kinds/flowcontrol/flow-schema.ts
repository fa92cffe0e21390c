// FlowSchema: which requests go to which priority level.
import { forbidden, invalid, notSupported, required, duplicate, type FieldError } from '../../field-error.ts';
import type {
  FlowSchema,
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nameIsDnsLabel, nameIsDnsSubdomain } from '../../meta/names.ts';
import { isAbsent, semanticEqual, texts } from '../../validation/fields.ts';

const precedenceMax = 10_000;
const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

/** Schemas that every server has, and exactly like this. */
const everything = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};
const group = (name: string) => ({ kind: 'Group', group: { name } });
const mandatory: Readonly<Record<string, FlowSchemaSpec>> = {
  exempt: {
    priorityLevelConfiguration: { name: 'exempt' },
    matchingPrecedence: 1,
    rules: [{ subjects: [group('system:masters')], ...everything }],
  },
  'catch-all': {
    priorityLevelConfiguration: { name: 'catch-all' },
    matchingPrecedence: precedenceMax,
    distinguisherMethod: { type: 'ByUser' },
    rules: [{ subjects: [group('system:unauthenticated'), group('system:authenticated')], ...everything }],
  },
};

const members = [
  ['ServiceAccount', 'serviceAccount'],
  ['User', 'user'],
  ['Group', 'group'],
] as const;
/** In the order in which upstream forbids what is not of the kind. */
const forbiddenOrder: Readonly<Record<string, readonly (typeof members)[number][]>> = {
  ServiceAccount: [members[1], members[2]],
  User: [members[0], members[2]],
  Group: [members[0], members[1]],
};

function accountErrors(path: string, account: NonNullable<Subject['serviceAccount']>): FieldError[] {
  const { name, namespace } = account;
  return [
    ...(isAbsent(name)
      ? [required(`${path}.name`)]
      : name === '*'
        ? []
        : texts(`${path}.name`, name, nameIsDnsSubdomain(name, false))),
    ...(isAbsent(namespace)
      ? [required(`${path}.namespace`, 'must specify namespace for service account')]
      : texts(`${path}.namespace`, namespace, nameIsDnsLabel(namespace, false))),
  ];
}

function subjectErrors(path: string, subject: Subject): FieldError[] {
  const own = members.find(([kind]) => kind === subject.kind);
  if (own === undefined) return [notSupported(`${path}.kind`, subject.kind ?? '', ['Group', 'ServiceAccount', 'User'])];
  const [kind, member] = own;
  const at = `${path}.${member}`;
  const value = subject[member];
  const errors =
    value === undefined
      ? [required(at, `${member} is required when subject kind is '${kind}'`)]
      : member === 'serviceAccount'
        ? accountErrors(at, subject.serviceAccount!)
        : isAbsent(value.name)
          ? [required(`${at}.name`)]
          : [];
  for (const [otherKind, other] of forbiddenOrder[kind]!)
    if (subject[other] !== undefined)
      errors.push(forbidden(`${path}.${other}`, `${other} is forbidden when subject kind is not '${otherKind}'`));
  return errors;
}

/** A list that is `*` alone or does without. */
function wildcardErrors(
  path: string,
  values: readonly string[] | undefined,
  what: string,
  missing: string,
): FieldError[] {
  const list = values ?? [];
  if (list.length === 0) return [required(path, missing)];
  return list.length > 1 && list.includes('*')
    ? [invalid(path, list, `if '*' is present, must not specify other ${what}`)]
    : [];
}

function verbErrors(path: string, list: readonly string[] | undefined): FieldError[] {
  const errors = wildcardErrors(path, list, 'verbs', 'verbs must contain at least one value');
  return errors.length > 0 || list!.includes('*') || list!.every((verb) => verbs.includes(verb))
    ? errors
    : [notSupported(path, list, verbs)];
}

function urlProblem(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const first = url.indexOf('*');
  return first >= 0 && (first !== url.length - 1 || !url.endsWith('/*'))
    ? 'wildcard can only do suffix matching'
    : undefined;
}

function nonResourceErrors(path: string, rule: NonResourcePolicyRule): FieldError[] {
  const urls = rule.nonResourceURLs ?? [];
  const at = `${path}.nonResourceURLs`;
  const errors = [
    ...verbErrors(`${path}.verbs`, rule.verbs),
    ...wildcardErrors(at, urls, 'non-resource URLs', 'nonResourceURLs must contain at least one value'),
  ];
  if (urls.includes('*')) return errors;
  for (const [index, url] of urls.entries()) {
    const problem = urlProblem(url);
    if (problem !== undefined) errors.push(invalid(`${at}[${index}]`, url, problem));
  }
  return errors;
}

function namespaceErrors(path: string, rule: ResourcePolicyRule): FieldError[] {
  const namespaces = rule.namespaces ?? [];
  if (namespaces.length === 0)
    return rule.clusterScope === true
      ? []
      : [required(path, 'resource rules that are not cluster scoped must supply at least one namespace')];
  if (namespaces.includes('*')) return wildcardErrors(path, namespaces, 'namespaces', '');
  return namespaces.flatMap((one, index) =>
    texts(
      `${path}[${index}]`,
      one,
      nameIsDnsLabel(one, false).map((text) => `each member of this list must be '*' or a DNS-1123 label; ${text}`),
    ),
  );
}

const resourceErrors = (path: string, rule: ResourcePolicyRule): FieldError[] => [
  ...verbErrors(`${path}.verbs`, rule.verbs),
  ...wildcardErrors(
    `${path}.apiGroups`,
    rule.apiGroups,
    'api groups',
    'resource rules must supply at least one api group',
  ),
  ...wildcardErrors(
    `${path}.resources`,
    rule.resources,
    'resources',
    'resource rules must supply at least one resource',
  ),
  ...namespaceErrors(`${path}.namespaces`, rule),
];

function ruleErrors(path: string, rule: Partial<PolicyRulesWithSubjects>): FieldError[] {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  return [
    ...(subjects.length === 0 ? [required(`${path}.subjects`, 'subjects must contain at least one value')] : []),
    ...subjects.flatMap((one, index) => subjectErrors(`${path}.subjects[${index}]`, one)),
    ...(resourceRules.length === 0 && nonResourceRules.length === 0
      ? [required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty')]
      : []),
    ...resourceRules.flatMap((one, index) => resourceErrors(`${path}.resourceRules[${index}]`, one)),
    ...nonResourceRules.flatMap((one, index) => nonResourceErrors(`${path}.nonResourceRules[${index}]`, one)),
  ];
}

function specErrors(name: string, spec: Partial<FlowSchemaSpec>): FieldError[] {
  const { matchingPrecedence: precedence = 0, distinguisherMethod: method, priorityLevelConfiguration: level } = spec;
  const at = 'spec.matchingPrecedence';
  const errors: FieldError[] = [];
  if (precedence <= 0) errors.push(invalid(at, precedence, 'must be a positive value'));
  if (precedence > precedenceMax) errors.push(invalid(at, precedence, `must not be greater than ${precedenceMax}`));
  if (precedence === 1 && name !== 'exempt')
    errors.push(invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  if (method !== undefined && !['ByNamespace', 'ByUser'].includes(method.type))
    errors.push(notSupported('spec.distinguisherMethod.type', { Type: method.type ?? '' }, ['ByNamespace', 'ByUser']));
  const levelAt = 'spec.priorityLevelConfiguration.name';
  errors.push(
    ...(isAbsent(level?.name)
      ? [required(levelAt, 'must reference a priority level')]
      : texts(levelAt, level!.name, nameIsDnsSubdomain(level!.name, false))),
  );
  return [...errors, ...(spec.rules ?? []).flatMap((one, index) => ruleErrors(`spec.rules[${index}]`, one))];
}

/** Conditions of flow control have optional fields only; each type once. */
export function typeErrors(conditions: readonly { readonly type?: string | undefined }[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap(({ type = '' }, index) => {
    const at = `status.conditions[${index}].type`;
    const again = seen.has(type);
    seen.add(type);
    return [...(again ? [duplicate(at, type)] : []), ...(type === '' ? [required(at)] : [])];
  });
}

function validate(object: FlowSchema): FieldError[] {
  const name = object.metadata.name ?? '';
  const fixed = Object.hasOwn(mandatory, name) ? mandatory[name] : undefined;
  return [
    ...specErrors(name, object.spec ?? {}),
    ...(fixed === undefined || semanticEqual(object.spec, fixed)
      ? []
      : [invalid('spec', object.spec, `spec of '${name}' must equal the fixed value`)]),
    ...typeErrors(object.status?.conditions),
  ];
}

export const flowSchema: KindBehaviour<FlowSchema> = {
  validate,
  validateUpdate: (object, _previous, subresource) =>
    subresource === 'status' ? typeErrors(object.status?.conditions) : validate(object),
};
