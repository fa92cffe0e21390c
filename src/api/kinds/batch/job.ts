// Job: its selector is generated from its uid unless the author takes that over.
import { invalid, notSupported, required, tooLong, tooMany, type FieldError } from '../../field-error.ts';
import type { Job, JobSpec } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { labelSelectorMatcher, matcherFor, validateLabelSelector } from '../../meta/label-selector.ts';
import { dns1123Label } from '../../meta/names.ts';
import { immutable, isAbsent, nonNegative, oneOf, optionalOneOf, semanticEqual } from '../../validation/fields.ts';
import { podTemplateErrors } from '../../validation/pod-spec.ts';

const controllerUid = 'batch.kubernetes.io/controller-uid';
const jobName = 'batch.kubernetes.io/job-name';

function generateSelector(job: Mutable<Job>): void {
  const { spec, metadata } = job;
  if (spec.manualSelector === true) return;
  const [uid, name] = [metadata.uid ?? '', metadata.name ?? ''];
  const labels = ((spec.template.metadata ??= {}).labels ??= {});
  // The unprefixed labels are the old names of the same facts; both are kept for those who select by them.
  for (const [key, value] of Object.entries({
    'job-name': name,
    [jobName]: name,
    'controller-uid': uid,
    [controllerUid]: uid,
  }))
    labels[key] ??= value;
  const selected = ((spec.selector ??= {}).matchLabels ??= {});
  selected[controllerUid] ??= uid;
}

function failurePolicyErrors(path: string, spec: JobSpec): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const errors: FieldError[] = rules.length > 20 ? [tooMany(`${path}.rules`, rules.length, 20)] : [];
  for (const [index, rule] of rules.entries()) {
    const at = `${path}.rules[${index}]`;
    if (rule.action === 'FailIndex') {
      if (spec.backoffLimitPerIndex === undefined)
        errors.push(invalid(`${at}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'));
    } else if (isAbsent(rule.action))
      errors.push(required(`${at}.action`, 'valid values: ["Count" "FailIndex" "FailJob" "Ignore"]'));
    else errors.push(...oneOf(`${at}.action`, rule.action, ['Count', 'FailIndex', 'FailJob', 'Ignore']));
    const hasCodes = rule.onExitCodes !== undefined;
    const hasConditions = (rule.onPodConditions?.length ?? 0) > 0;
    if (hasCodes === hasConditions)
      errors.push({
        reason: 'FieldValueInvalid',
        field: at,
        message: hasCodes
          ? 'Invalid value: specifying both OnExitCodes and OnPodConditions is not supported'
          : 'Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
      });
  }
  return errors;
}

function completionErrors(path: string, spec: JobSpec): FieldError[] {
  const { completionMode, completions, parallelism, backoffLimitPerIndex, maxFailedIndexes } = spec;
  const errors: FieldError[] = [];
  if (completionMode !== undefined)
    errors.push(...oneOf(`${path}.completionMode`, completionMode, ['NonIndexed', 'Indexed']));
  if (completionMode === 'Indexed') {
    if (completions === undefined) errors.push(required(`${path}.completions`, 'when completion mode is Indexed'));
    if (parallelism !== undefined && parallelism > 100_000)
      errors.push(
        invalid(
          `${path}.parallelism`,
          parallelism,
          'must be less than or equal to 100000 when completion mode is Indexed',
        ),
      );
    if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
      errors.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions'));
    if (maxFailedIndexes !== undefined && maxFailedIndexes > 100_000)
      errors.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to 100000'));
    return errors;
  }
  for (const [field, value] of [
    ['backoffLimitPerIndex', backoffLimitPerIndex],
    ['maxFailedIndexes', maxFailedIndexes],
    ['successPolicy', spec.successPolicy],
  ] as const)
    if (value !== undefined) errors.push(invalid(`${path}.${field}`, value, 'requires indexed completion mode'));
  return errors;
}

/** Also for the template of a CronJob, which has no selector yet. */
export function jobSpecErrors(path: string, spec: JobSpec): FieldError[] {
  const errors = (
    [
      'parallelism',
      'completions',
      'activeDeadlineSeconds',
      'backoffLimit',
      'ttlSecondsAfterFinished',
      'backoffLimitPerIndex',
      'maxFailedIndexes',
    ] as const
  ).flatMap((field) => nonNegative(`${path}.${field}`, spec[field]));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    errors.push(required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  if (spec.managedBy !== undefined) {
    if (!/^[^/]+\/.+$/.test(spec.managedBy))
      errors.push(
        invalid(`${path}.managedBy`, spec.managedBy, 'must be a domain-prefixed path (such as "acme.io/foo")'),
      );
    if (spec.managedBy.length > 63) errors.push(tooLong(`${path}.managedBy`, 63));
  }
  errors.push(
    ...completionErrors(path, spec),
    ...failurePolicyErrors(`${path}.podFailurePolicy`, spec),
    ...optionalOneOf(
      `${path}.podReplacementPolicy`,
      spec.podReplacementPolicy,
      spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed'],
    ),
    ...podTemplateErrors(`${path}.template`, spec.template),
  );
  const policy = spec.template.spec?.restartPolicy ?? '';
  const at = `${path}.template.spec.restartPolicy`;
  if (policy === 'Always' || policy === '') errors.push(required(at, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never') errors.push(notSupported(at, policy, ['OnFailure', 'Never']));
  else if (spec.podFailurePolicy !== undefined && policy !== 'Never')
    errors.push(invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  return errors;
}

function specErrors({ spec }: Job): FieldError[] {
  const errors = jobSpecErrors('spec', spec);
  if (spec.selector === undefined) return [...errors, required('spec.selector')];
  errors.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  const labels = spec.template.metadata?.labels;
  if (!matcherFor(spec.selector).matches(labels))
    errors.push(invalid('spec.template.metadata.labels', labels ?? {}, '`selector` does not match template `labels`'));
  return errors;
}

function generatedSelectorErrors({ metadata, spec }: Job): FieldError[] {
  if (spec.manualSelector === true || spec.selector === undefined) return [];
  const expected = {
    'controller-uid': metadata.uid ?? '',
    'job-name': metadata.name ?? '',
    [controllerUid]: metadata.uid ?? '',
    [jobName]: metadata.name ?? '',
  };
  const labels = spec.template.metadata?.labels ?? {};
  const errors = Object.entries(expected).flatMap(([key, value]) => {
    const at = `spec.template.metadata.labels[${key}]`;
    if (labels[key] === undefined) return [required(at, `must be '${value}'`)];
    return labels[key] === value ? [] : [invalid(at, labels, `must be '${value}'`)];
  });
  const wellFormed = validateLabelSelector(spec.selector, '').length === 0;
  if (wellFormed && !labelSelectorMatcher(spec.selector).matches(expected))
    errors.push(invalid('spec.selector', spec.selector, '`selector` not auto-generated'));
  return errors;
}

/** While suspended and never started, where its Pods run may still be changed. */
const withoutPlacement = (spec: JobSpec) => ({
  metadata: { ...spec.template.metadata, labels: undefined, annotations: undefined },
  spec: {
    ...spec.template.spec,
    affinity: undefined,
    nodeSelector: undefined,
    tolerations: undefined,
    schedulingGates: undefined,
  },
});

function updateErrors(object: Job, previous: Job): FieldError[] {
  const [spec, before] = [object.spec, previous.spec];
  const errors = specErrors(object);
  const elastic =
    spec.completionMode === 'Indexed' && spec.completions === spec.parallelism && before.completions !== undefined;
  if (!elastic) errors.push(...immutable('spec.completions', spec.completions, before.completions));
  errors.push(...immutable('spec.selector', spec.selector, before.selector));
  const notStarted = before.suspend === true && previous.status?.startTime === undefined;
  if (
    notStarted
      ? !semanticEqual(withoutPlacement(spec), withoutPlacement(before))
      : !semanticEqual(spec.template, before.template)
  )
    errors.push(invalid('spec.template', spec.template, 'field is immutable'));
  for (const field of [
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const)
    errors.push(...immutable(`spec.${field}`, spec[field], before[field]));
  return errors;
}

export const job: KindBehaviour<Job> = {
  prepareForCreate: (object) => generateSelector(object),
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate(object) {
    const errors = [...generatedSelectorErrors(object), ...specErrors(object)];
    const { completionMode, completions = 0 } = object.spec;
    const name = object.metadata.name ?? '';
    const host = `${name}-${completions - 1}`;
    if (completionMode === 'Indexed' && completions > 0 && dns1123Label(host).length > 0)
      errors.push(invalid('metadata.name', name, `will not able to create pod with invalid DNS label: ${host}`));
    return errors;
  },
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status'
      ? (['active', 'succeeded', 'failed', 'ready', 'terminating'] as const).flatMap((field) =>
          nonNegative(`status.${field}`, object.status?.[field]),
        )
      : updateErrors(object, previous),
  warnings(object, previous) {
    const wrong = previous === undefined ? dns1123Label(object.metadata.name ?? '') : [];
    return wrong.length === 0
      ? []
      : [
          `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(' ')}]`,
        ];
  },
  selectableFields: ({ status }) => ({ 'status.successful': String(status?.succeeded ?? 0) }),
};
