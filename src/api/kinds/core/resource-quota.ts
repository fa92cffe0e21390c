// ResourceQuota: names and amounts of what a namespace may have.
import { forbidden, invalid, notSupported, required, type FieldError } from '../../field-error.ts';
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

const nameErrors = (path: string, name: string): FieldError[] => {
  const errors = resourceNameErrors(path, name);
  if (!name.includes('/') && !quotaResources.has(name) && !isHugePages(name) && !name.startsWith('requests.hugepages-'))
    errors.push(invalid(path, name, 'must be a standard resource for quota'));
  return errors;
};

function validate(object: ResourceQuota): FieldError[] {
  const spec: ResourceQuota['spec'] = object.spec ?? {};
  const errors: FieldError[] = [];
  for (const [name, amount] of Object.entries(spec.hard ?? {}))
    errors.push(...nameErrors(`spec.hard[${name}]`, name), ...amountErrors(`spec.hard[${name}]`, name, amount));
  for (const scope of spec.scopes ?? [])
    if (!scopes.includes(scope)) errors.push(invalid('spec.scopes', spec.scopes, 'unsupported scope'));
  const expressions = spec.scopeSelector?.matchExpressions ?? [];
  for (const { scopeName, operator, values = [] } of expressions) {
    const at = 'spec.scopeSelector.matchExpressions';
    if (!scopes.includes(scopeName)) errors.push(invalid(`${at}.scopeName`, scopeName, 'unsupported scope'));
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
            "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector",
          ),
        );
    } else errors.push(notSupported(`${at}.operator`, operator, ['In', 'NotIn', 'Exists', 'DoesNotExist']));
  }
  if ((spec.scopes?.length ?? 0) > 1 && spec.scopes!.includes('BestEffort') && spec.scopes!.includes('NotBestEffort'))
    errors.push(forbidden('spec.scopes', 'conflicting scopes'));
  return errors;
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
