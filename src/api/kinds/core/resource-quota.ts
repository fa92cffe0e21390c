// ResourceQuota: names and amounts of what a namespace may have.
import { invalid, required, type FieldError } from '../../field-error.ts';
import type { ResourceQuota } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { immutable } from '../../validation/fields.ts';
import { amountErrors, isHugePages, resourceNameErrors } from '../../validation/resources.ts';
import { quotaWarnings } from '../../validation/small-warnings.ts';

const quotaResources = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
]);
const scopes = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];

type Spec = NonNullable<ResourceQuota['spec']>;

const isStandard = (name: string): boolean =>
  quotaResources.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');

const nameErrors = (path: string, name: string): FieldError[] => {
  const errors = resourceNameErrors(path, name);
  if (!name.includes('/') && !isStandard(name))
    errors.push(invalid(path, name, 'must be a standard resource for quota'));
  return errors;
};

function validate(object: ResourceQuota): FieldError[] {
  const spec: Spec = object.spec ?? {};
  const errors: FieldError[] = [];
  for (const [name, amount] of Object.entries(spec.hard ?? {}))
    errors.push(...nameErrors(`spec.hard[${name}]`, name), ...amountErrors(`spec.hard[${name}]`, name, amount));
  return [...errors, ...scopeErrors(spec), ...selectorErrors(spec)];
}

const podCounts = new Set(['pods']);
const podResources = new Set([
  ...podCounts,
  ...['', 'limits.', 'requests.'].flatMap((of) => [`${of}cpu`, `${of}memory`]),
]);
const claimResources = new Set(['persistentvolumeclaims', 'requests.storage']);
/** What can be counted in a scope; in others anything. */
const countedIn: Readonly<Record<string, ReadonlySet<string>>> = {
  Terminating: podResources,
  NotTerminating: podResources,
  NotBestEffort: podResources,
  PriorityClass: podResources,
  CrossNamespacePodAffinity: podResources,
  BestEffort: podCounts,
  VolumeAttributesClass: claimResources,
};
const contradictions = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
];

/** How often a scope is told to be none for what is limited. */
const misplaced = ({ hard = {} }: Spec, scope: string): number => {
  const counted = Object.hasOwn(countedIn, scope) ? countedIn[scope] : undefined;
  return counted === undefined ? 0 : Object.keys(hard).filter((name) => isStandard(name) && !counted.has(name)).length;
};
const contradicting = (given: readonly string[]): number =>
  contradictions.filter((pair) => pair.every((one) => given.includes(one))).length;
const repeated = (times: number, error: () => FieldError): FieldError[] => Array.from({ length: times }, error);

function scopeErrors(spec: Spec): FieldError[] {
  const given = spec.scopes ?? [];
  const error = (text: string) => () => invalid('spec.scopes', given, text);
  return [
    ...given.flatMap((scope) => [
      ...repeated(scopes.includes(scope) ? 0 : 1, error('unsupported scope')),
      ...repeated(misplaced(spec, scope), error('unsupported scope applied to resource')),
    ]),
    ...repeated(contradicting(given), error('conflicting scopes')),
  ];
}

const withoutValues = scopes.filter((one) => one !== 'PriorityClass' && one !== 'VolumeAttributesClass');

function selectorErrors(spec: Spec): FieldError[] {
  const at = 'spec.scopeSelector.matchExpressions';
  const expressions = spec.scopeSelector?.matchExpressions ?? [];
  const errors: FieldError[] = [];
  for (const { scopeName, operator, values = [] } of expressions) {
    if (!scopes.includes(scopeName)) errors.push(invalid(`${at}.scopeName`, scopeName, 'unsupported scope'));
    errors.push(
      ...repeated(misplaced(spec, scopeName), () =>
        invalid(at, spec.scopeSelector, 'unsupported scope applied to resource'),
      ),
    );
    if (withoutValues.includes(scopeName) && operator !== 'Exists')
      errors.push(
        invalid(
          `${at}.operator`,
          operator,
          "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
        ),
      );
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0)
        errors.push(
          required(`${at}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"),
        );
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        errors.push(
          invalid(
            `${at}.values`,
            values,
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
          ),
        );
    } else errors.push(invalid(`${at}.operator`, operator ?? '', 'not a valid selector operator'));
  }
  const given = expressions.map((one) => one.scopeName);
  return [...errors, ...repeated(contradicting(given), () => invalid(at, spec.scopes ?? null, 'conflicting scopes'))];
}

export const resourceQuota: KindBehaviour<ResourceQuota> = {
  warnings: quotaWarnings,
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate,
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status'
      ? (['hard', 'used'] as const).flatMap((list) =>
          Object.entries(object.status?.[list] ?? {}).flatMap(([name, amount]) =>
            amountErrors(`status.${list}[${name}]`, name, amount),
          ),
        )
      : [
          ...validate(object),
          ...immutable('spec.scopes', object.spec?.scopes?.toSorted(), previous.spec?.scopes?.toSorted()),
        ],
};
