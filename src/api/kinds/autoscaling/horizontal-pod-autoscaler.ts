// HorizontalPodAutoscaler, in its stored version (v2). v1 is converted before it comes here (apiserver/content/conversion).
import { defaultGates, type FeatureGates } from '../../feature-gates.ts';
import { forbidden, invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type {
  ContainerResourceMetricSource,
  CrossVersionObjectReference,
  ExternalMetricSource,
  HPAScalingPolicy,
  HPAScalingRules,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
  ObjectMetricSource,
  PodsMetricSource,
  ResourceMetricSource,
} from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { pathSegment } from '../../meta/names.ts';
import { compareQuantities } from '../../quantity.ts';
import { isAbsent, labelErrors, nonNegative, oneOf, texts } from '../../validation/fields.ts';
import { containerResourceNameErrors, nonNegativeAmount } from '../../validation/resources.ts';

const periodSecondsMax = 1800;
const stabilizationSecondsMax = 3600;
const metricTypes = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];

/** What an apiVersion of a reference may leave out; `unchecked`: it was stored like this. */
type VersionRule = 'unchecked' | 'groupRequired' | 'groupOptional';

function versionProblem(apiVersion: string, rule: VersionRule): string | undefined {
  if (rule === 'unchecked') return undefined;
  const parts = apiVersion.split('/');
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`;
  const hasGroup = parts.length === 2 && parts[0] !== '';
  return rule === 'groupRequired' && !hasGroup ? 'apiVersion must specify API group' : undefined;
}

function segmentErrors(path: string, value: string | undefined, detail = ''): FieldError[] {
  return isAbsent(value) ? [required(path, detail)] : texts(path, value, pathSegment(value));
}

function referenceErrors(
  path: string,
  reference: CrossVersionObjectReference | undefined,
  rule: VersionRule,
): FieldError[] {
  const { kind, name, apiVersion = '' } = reference ?? ({} as Partial<CrossVersionObjectReference>);
  const problem = versionProblem(apiVersion, rule);
  return [
    ...segmentErrors(`${path}.kind`, kind),
    ...segmentErrors(`${path}.name`, name),
    ...(problem === undefined ? [] : [invalid(`${path}.apiVersion`, apiVersion, problem)]),
  ];
}

const identifierErrors = (path: string, metric: MetricIdentifier | undefined): FieldError[] =>
  segmentErrors(`${path}.name`, metric?.name, 'must specify a metric name');

function targetErrors(path: string, target: Partial<MetricTarget>): FieldError[] {
  const { type = '', averageUtilization } = target;
  const errors = type === '' ? [required(`${path}.type`, 'must specify a metric target type')] : [];
  if (!['Utilization', 'Value', 'AverageValue'].includes(type))
    errors.push(invalid(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  for (const field of ['value', 'averageValue'] as const) {
    const amount = target[field];
    if (amount !== undefined && compareQuantities(String(amount), '0') <= 0)
      errors.push(invalid(`${path}.${field}`, String(amount), 'must be positive'));
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(invalid(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  return errors;
}

function objectErrors(path: string, source: ObjectMetricSource, rule: VersionRule): FieldError[] {
  const target: Partial<MetricTarget> = source.target ?? {};
  return [
    ...referenceErrors(`${path}.describedObject`, source.describedObject, rule),
    ...identifierErrors(`${path}.metric`, source.metric),
    ...targetErrors(`${path}.target`, target),
    ...(target.value === undefined && target.averageValue === undefined
      ? [required(`${path}.target.averageValue`, 'must set either a target value or averageValue')]
      : []),
  ];
}

function externalErrors(path: string, source: ExternalMetricSource): FieldError[] {
  const target: Partial<MetricTarget> = source.target ?? {};
  const [value, average] = [target.value !== undefined, target.averageValue !== undefined];
  return [
    ...identifierErrors(`${path}.metric`, source.metric),
    ...targetErrors(`${path}.target`, target),
    ...(!value && !average
      ? [required(`${path}.target.averageValue`, 'must set either a target value for metric or a per-pod target')]
      : []),
    ...(value && average
      ? [forbidden(`${path}.target.value`, 'may not set both a target value for metric and a per-pod target')]
      : []),
  ];
}

function podsErrors(path: string, source: PodsMetricSource): FieldError[] {
  const target: Partial<MetricTarget> = source.target ?? {};
  return [
    ...identifierErrors(`${path}.metric`, source.metric),
    ...targetErrors(`${path}.target`, target),
    ...(target.averageValue === undefined
      ? [required(`${path}.target.averageValue`, 'must specify a positive target averageValue')]
      : []),
  ];
}

/** Utilization or an amount of a resource: exactly one. */
function usageErrors(path: string, target: Partial<MetricTarget>): FieldError[] {
  const [utilization, amount] = [target.averageUtilization !== undefined, target.averageValue !== undefined];
  return [
    ...targetErrors(path, target),
    ...(!utilization && !amount
      ? [required(`${path}.averageUtilization`, 'must set either a target raw value or a target utilization')]
      : []),
    ...(utilization && amount
      ? [forbidden(`${path}.averageValue`, 'may not set both a target raw value and a target utilization')]
      : []),
  ];
}

const resourceErrors = (path: string, source: ResourceMetricSource): FieldError[] => [
  ...(isAbsent(source.name) ? [required(`${path}.name`, 'must specify a resource name')] : []),
  ...usageErrors(`${path}.target`, source.target ?? {}),
];

const containerErrors = (path: string, source: ContainerResourceMetricSource): FieldError[] => [
  ...(isAbsent(source.name)
    ? [required(`${path}.name`, 'must specify a resource name')]
    : containerResourceNameErrors(`${path}.name`, source.name)),
  ...(isAbsent(source.container)
    ? [required(`${path}.container`, 'must specify a container')]
    : labelErrors(`${path}.container`, source.container)),
  ...usageErrors(`${path}.target`, source.target ?? {}),
];

const memberOfType: Readonly<Record<string, keyof MetricSpec>> = {
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
  External: 'external',
  ContainerResource: 'containerResource',
};

function metricErrors(path: string, metric: MetricSpec, rule: VersionRule): FieldError[] {
  const type = metric.type ?? '';
  const unknown = metricTypes.includes(type) ? [] : [notSupported(`${path}.type`, type, metricTypes)];
  const errors = [...(type === '' ? [required(`${path}.type`, 'must specify a metric source type')] : []), ...unknown];
  const { object, external, pods, resource, containerResource } = metric;
  // Only the first source is looked into.
  const checks: readonly (readonly [keyof MetricSpec, (() => FieldError[]) | undefined])[] = [
    ['object', object && (() => objectErrors(`${path}.object`, object, rule))],
    ['external', external && (() => externalErrors(`${path}.external`, external))],
    ['pods', pods && (() => podsErrors(`${path}.pods`, pods))],
    ['resource', resource && (() => resourceErrors(`${path}.resource`, resource))],
    ['containerResource', containerResource && (() => containerErrors(`${path}.containerResource`, containerResource))],
  ];
  const present = checks.filter(([, check]) => check !== undefined);
  errors.push(...(present[0]?.[1]?.() ?? []));
  const expected = memberOfType[type];
  if (expected === undefined) errors.push(...unknown);
  else if (metric[expected] === undefined)
    errors.push(required(`${path}.${expected}`, 'must populate information for the given metric source'));
  if (present.length !== 1)
    for (const [member] of present)
      if (member !== expected)
        errors.push(forbidden(`${path}.${member}`, 'must populate the given metric source only'));
  return errors;
}

function policyErrors(path: string, policy: Partial<HPAScalingPolicy>): FieldError[] {
  const { type = '', value = 0, periodSeconds = 0 } = policy;
  return [
    ...oneOf(`${path}.type`, type, ['Percent', 'Pods']),
    ...(value <= 0 ? [invalid(`${path}.value`, value, 'must be greater than zero')] : []),
    ...(periodSeconds <= 0 ? [invalid(`${path}.periodSeconds`, periodSeconds, 'must be greater than zero')] : []),
    ...(periodSeconds > periodSecondsMax
      ? [invalid(`${path}.periodSeconds`, periodSeconds, `must be less than or equal to ${periodSecondsMax}`)]
      : []),
  ];
}

function rulesErrors(path: string, rules: HPAScalingRules | undefined): FieldError[] {
  if (rules === undefined) return [];
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies = [], tolerance } = rules;
  const at = `${path}.stabilizationWindowSeconds`;
  const errors: FieldError[] = [];
  if (seconds !== undefined && seconds < 0) errors.push(invalid(at, seconds, 'must be greater than or equal to zero'));
  if (seconds !== undefined && seconds > stabilizationSecondsMax)
    errors.push(invalid(at, seconds, `must be less than or equal to ${stabilizationSecondsMax}`));
  if (selectPolicy !== undefined)
    errors.push(...oneOf(`${path}.selectPolicy`, selectPolicy, ['Disabled', 'Max', 'Min']));
  if (policies.length === 0) errors.push(required(`${path}.policies`, 'must specify at least one Policy'));
  policies.forEach((one, index) => errors.push(...policyErrors(`${path}.policies[${index}]`, one)));
  return tolerance === undefined ? errors : [...errors, ...nonNegativeAmount(`${path}.tolerance`, tolerance)];
}

interface Rules {
  readonly minReplicasLowest: 0 | 1;
  readonly target: VersionRule;
  readonly objects: VersionRule;
}

function specErrors(spec: Partial<HorizontalPodAutoscalerSpec>, rules: Rules): FieldError[] {
  const { minReplicas, maxReplicas = 0, metrics = [], behavior } = spec;
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < rules.minReplicasLowest)
    errors.push(
      invalid('spec.minReplicas', minReplicas, `must be greater than or equal to ${rules.minReplicasLowest}`),
    );
  if (maxReplicas === 0) errors.push(required('spec.maxReplicas', 'must be set and greater than 0'));
  else if (maxReplicas < 0) errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to 1'));
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  errors.push(...referenceErrors('spec.scaleTargetRef', spec.scaleTargetRef, rules.target));
  metrics.forEach((one, index) => errors.push(...metricErrors(`spec.metrics[${index}]`, one, rules.objects)));
  if (minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External'))
    errors.push(
      forbidden(
        'spec.metrics',
        'must specify at least one Object or External metric to support scaling to zero replicas',
      ),
    );
  return [
    ...errors,
    ...rulesErrors('spec.behavior.scaleUp', behavior?.scaleUp),
    ...rulesErrors('spec.behavior.scaleDown', behavior?.scaleDown),
  ];
}

/** The only kind of the core group that scales. */
const targetRule = (spec: Partial<HorizontalPodAutoscalerSpec>): VersionRule =>
  spec.scaleTargetRef?.kind === 'ReplicationController' ? 'groupOptional' : 'groupRequired';

function rulesForUpdate(
  spec: Partial<HorizontalPodAutoscalerSpec>,
  previous: Partial<HorizontalPodAutoscalerSpec>,
  gates: FeatureGates,
): Rules {
  const [now, before] = [spec.scaleTargetRef, previous.scaleTargetRef];
  const sameTarget = now?.kind === before?.kind && (now?.apiVersion ?? '') === (before?.apiVersion ?? '');
  const hadBroken = (previous.metrics ?? []).some(
    ({ type, object }) =>
      type === 'Object' &&
      object !== undefined &&
      versionProblem(object.describedObject?.apiVersion ?? '', 'groupOptional') !== undefined,
  );
  return {
    minReplicasLowest: previous.minReplicas === 0 || gates.isOn('HPAScaleToZero') ? 0 : 1,
    target: sameTarget ? 'unchecked' : targetRule(spec),
    objects: hadBroken ? 'unchecked' : 'groupOptional',
  };
}

export const horizontalPodAutoscaler: KindBehaviour<HorizontalPodAutoscaler> = {
  validate: (object, context) =>
    specErrors(object.spec ?? {}, {
      minReplicasLowest: (context?.gates ?? defaultGates).isOn('HPAScaleToZero') ? 0 : 1,
      target: targetRule(object.spec ?? {}),
      objects: 'groupOptional',
    }),
  validateUpdate: (object, previous, subresource, context) =>
    subresource === 'status'
      ? [
          ...nonNegative('status.currentReplicas', object.status?.currentReplicas),
          ...nonNegative('status.desiredReplicas', object.status?.desiredReplicas),
        ]
      : specErrors(
          object.spec ?? {},
          rulesForUpdate(object.spec ?? {}, previous.spec ?? {}, context?.gates ?? defaultGates),
        ),
};
