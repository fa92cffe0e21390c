// The specification of a Job, on its own and as the template of a CronJob (where it has no selector yet).
import { duplicate, invalid, notSupported, required, tooLong, tooMany, type FieldError } from '../field-error.ts';
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodSpec,
  SuccessPolicyRule,
} from '../generated/types.ts';
import { byteLength } from '../meta/names.ts';
import { domainPathErrors, isAbsent, nonNegative, oneOf, optionalOneOf, qualifiedErrors } from './fields.ts';
import { countIndexes } from './job-indexes.ts';
import { podTemplateErrors } from './pod-spec.ts';

const rulesMax = 20;
const exitCodesMax = 255;
const patternsMax = 20;
const indexesBytesMax = 64 * 1024;
const managedByBytesMax = 63;
/** Of Indexed Jobs: more would not fit into status. */
const indexedMax = 100_000;
/** Of Jobs with more completions than that and a limit for each index. */
const withManyCompletionsMax = 10_000;

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
/** As Go prints a list of quoted texts. */
const quoted = (values: readonly string[]) => `[${values.map((one) => JSON.stringify(one)).join(' ')}]`;
const requiredOf = (path: string, value: string | undefined, values: readonly string[]): FieldError[] =>
  isAbsent(value) ? [required(path, `valid values: ${quoted(values)}`)] : oneOf(path, value, values);
/** Without the value, which would be a whole rule. */
const wrong = (path: string, detail: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field: path,
  message: `Invalid value: ${detail}`,
});

function exitCodeErrors(
  path: string,
  requirement: Partial<PodFailurePolicyOnExitCodesRequirement>,
  containers: ReadonlySet<string>,
): FieldError[] {
  const { operator, containerName, values = [] } = requirement;
  const at = `${path}.values`;
  const errors = requiredOf(`${path}.operator`, operator, ['In', 'NotIn']);
  if (containerName !== undefined && !containers.has(containerName))
    errors.push(
      invalid(
        `${path}.containerName`,
        containerName,
        'must be one of the container or initContainer names in the pod template',
      ),
    );
  if (values.length === 0) errors.push(invalid(at, values, 'at least one value is required'));
  else if (values.length > exitCodesMax) errors.push(tooMany(at, values.length, exitCodesMax));
  const seen = new Set<number>();
  for (const [index, value] of values.entries()) {
    if (operator === 'In' && value === 0)
      errors.push(invalid(`${at}[${index}]`, value, 'must not be 0 for the In operator'));
    if (seen.has(value)) errors.push(duplicate(`${at}[${index}]`, value));
    seen.add(value);
  }
  return values.some((value, index) => index > 0 && values[index - 1]! > value)
    ? [...errors, invalid(at, values, 'must be ordered')]
    : errors;
}

const patternErrors = (
  path: string,
  patterns: readonly Partial<PodFailurePolicyOnPodConditionsPattern>[],
): FieldError[] => [
  ...(patterns.length > patternsMax ? [tooMany(path, patterns.length, patternsMax)] : []),
  ...patterns.flatMap(({ type, status }, index) => [
    ...qualifiedErrors(`${path}[${index}].type`, type ?? ''),
    ...requiredOf(`${path}[${index}].status`, status, ['False', 'True', 'Unknown']),
  ]),
];

function failurePolicyErrors(path: string, spec: JobSpec): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const pod: Partial<PodSpec> = spec.template?.spec ?? {};
  const names = new Set([...(pod.containers ?? []), ...(pod.initContainers ?? [])].map(({ name }) => name));
  const errors: FieldError[] = rules.length > rulesMax ? [tooMany(`${path}.rules`, rules.length, rulesMax)] : [];
  for (const [index, { action, onExitCodes, onPodConditions = [] }] of rules.entries()) {
    const at = `${path}.rules[${index}]`;
    if (action !== 'FailIndex') errors.push(...requiredOf(`${at}.action`, action, actions));
    else if (spec.backoffLimitPerIndex === undefined)
      errors.push(invalid(`${at}.action`, action, 'requires the backoffLimitPerIndex to be set'));
    const hasConditions = onPodConditions.length > 0;
    if (onExitCodes !== undefined) errors.push(...exitCodeErrors(`${at}.onExitCodes`, onExitCodes, names));
    if (hasConditions) errors.push(...patternErrors(`${at}.onPodConditions`, onPodConditions));
    if (onExitCodes !== undefined && hasConditions)
      errors.push(wrong(at, 'specifying both OnExitCodes and OnPodConditions is not supported'));
    if (onExitCodes === undefined && !hasConditions)
      errors.push(wrong(at, 'specifying one of OnExitCodes and OnPodConditions is required'));
  }
  return errors;
}

function successRuleErrors(path: string, rule: SuccessPolicyRule, completions: number): FieldError[] {
  const { succeededCount: count, succeededIndexes: indexes } = rule;
  const errors: FieldError[] = [];
  if (count === undefined && indexes === undefined)
    errors.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  let indexCount = 0;
  if (indexes !== undefined) {
    const at = `${path}.succeededIndexes`;
    if (byteLength(indexes) > indexesBytesMax) errors.push(tooLong(at, indexesBytesMax));
    const counted = countIndexes(indexes, completions);
    if (typeof counted === 'number') indexCount = counted;
    else errors.push(invalid(at, indexes, `error parsing succeededIndexes: ${counted}`));
  }
  if (count === undefined) return errors;
  const at = `${path}.succeededCount`;
  errors.push(...nonNegative(at, count));
  if (count > completions)
    errors.push(
      invalid(at, count, `must be less than or equal to ${completions} (the number of specified completions)`),
    );
  if (indexes !== undefined && count > indexCount)
    errors.push(
      invalid(
        at,
        count,
        `must be less than or equal to ${indexCount} (the number of indexes in the specified succeededIndexes field)`,
      ),
    );
  return errors;
}

function successPolicyErrors(path: string, { successPolicy, completionMode, completions }: JobSpec): FieldError[] {
  if (successPolicy === undefined) return [];
  if (completionMode !== 'Indexed') return [invalid(path, successPolicy, 'requires indexed completion mode')];
  const rules = successPolicy.rules ?? [];
  const at = `${path}.rules`;
  return [
    ...(rules.length === 0
      ? [required(at, 'at least one rules must be specified when the successPolicy is specified')]
      : []),
    ...(rules.length > rulesMax ? [tooMany(at, rules.length, rulesMax)] : []),
    ...rules.flatMap((one, index) => successRuleErrors(`${at}[${index}]`, one, completions ?? 0)),
  ];
}

function indexedErrors(path: string, spec: JobSpec): FieldError[] {
  const { completions, parallelism, backoffLimitPerIndex, maxFailedIndexes } = spec;
  const errors: FieldError[] = [];
  const tooHigh = (field: 'parallelism' | 'maxFailedIndexes', max: number, when = '') =>
    errors.push(invalid(`${path}.${field}`, spec[field], `must be less than or equal to ${max}${when}`));
  if (completions === undefined) errors.push(required(`${path}.completions`, 'when completion mode is Indexed'));
  if ((parallelism ?? 0) > indexedMax) tooHigh('parallelism', indexedMax, ' when completion mode is Indexed');
  if (completions !== undefined && (maxFailedIndexes ?? 0) > completions)
    errors.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions'));
  if ((maxFailedIndexes ?? 0) > indexedMax) tooHigh('maxFailedIndexes', indexedMax);
  if ((completions ?? 0) <= indexedMax || backoffLimitPerIndex === undefined) return errors;
  const when = ` when completions are above ${indexedMax} and used with backoff limit per index`;
  if (maxFailedIndexes === undefined)
    errors.push(required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${indexedMax}`));
  if ((parallelism ?? 0) > withManyCompletionsMax) tooHigh('parallelism', withManyCompletionsMax, when);
  if ((maxFailedIndexes ?? 0) > withManyCompletionsMax) tooHigh('maxFailedIndexes', withManyCompletionsMax, when);
  return errors;
}

function completionErrors(path: string, spec: JobSpec): FieldError[] {
  const { completionMode: mode } = spec;
  const errors = mode === undefined ? [] : oneOf(`${path}.completionMode`, mode, ['NonIndexed', 'Indexed']);
  if (mode === 'Indexed') errors.push(...indexedErrors(path, spec));
  if (mode === undefined || mode === 'NonIndexed')
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
      if (spec[field] !== undefined)
        errors.push(invalid(`${path}.${field}`, spec[field], 'requires indexed completion mode'));
  return errors;
}

function restartPolicyErrors(path: string, spec: JobSpec): FieldError[] {
  const policy = spec.template?.spec?.restartPolicy ?? '';
  if (policy === 'Always' || policy === '') return [required(path, 'valid values: "OnFailure", "Never"')];
  if (policy !== 'OnFailure' && policy !== 'Never') return [notSupported(path, policy, ['OnFailure', 'Never'])];
  return spec.podFailurePolicy !== undefined && policy !== 'Never'
    ? [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    : [];
}

const counts = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;

export function jobSpecErrors(path: string, spec: JobSpec): FieldError[] {
  const { managedBy, maxFailedIndexes, backoffLimitPerIndex } = spec;
  return [
    ...counts.flatMap((field) => nonNegative(`${path}.${field}`, spec[field])),
    ...(maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined
      ? [required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')]
      : []),
    ...(managedBy === undefined
      ? []
      : [
          ...domainPathErrors(`${path}.managedBy`, managedBy),
          ...(byteLength(managedBy) > managedByBytesMax ? [tooLong(`${path}.managedBy`, managedByBytesMax)] : []),
        ]),
    ...completionErrors(path, spec),
    ...failurePolicyErrors(`${path}.podFailurePolicy`, spec),
    ...successPolicyErrors(`${path}.successPolicy`, spec),
    ...optionalOneOf(
      `${path}.podReplacementPolicy`,
      spec.podReplacementPolicy,
      spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed'],
    ),
    ...podTemplateErrors(`${path}.template`, spec.template ?? {}),
    ...restartPolicyErrors(`${path}.template.spec.restartPolicy`, spec),
  ];
}

const completionsMany = 100_000;
const parallelismMany = 10_000;
/** Beyond this the indexes that failed may not all be kept. */
export const jobSpecWarnings = (path: string, spec: JobSpec): string[] =>
  spec.completionMode === 'Indexed' &&
  (spec.completions ?? 0) > completionsMany &&
  (spec.parallelism ?? 0) > parallelismMany
    ? [
        `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
      ]
    : [];
