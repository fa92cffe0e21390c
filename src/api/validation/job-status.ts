// What a Job's status may say, and how it may change: any controller may write it (spec.managedBy), and others build on it.
import { duplicate, invalid, required, type FieldError } from '../field-error.ts';
import type { Job, JobStatus } from '../generated/types.ts';
import { conditionIsTrue, findCondition } from '../meta/conditions.ts';
import { nonNegative, semanticEqual } from './fields.ts';
import { commonIndex, countIndexes } from './job-indexes.ts';

const at = (field: keyof JobStatus): string => `status.${field}`;
const conditionsWrong = (detail: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field: at('conditions'),
  message: `Invalid value: ${detail}`,
});

const isTrue = (status: JobStatus, type: string): boolean => conditionIsTrue(status.conditions, type);
const isFinished = (status: JobStatus): boolean => isTrue(status, 'Complete') || isTrue(status, 'Failed');

function uncountedErrors(status: JobStatus): FieldError[] {
  const seen = new Set<string>();
  return (['succeeded', 'failed'] as const).flatMap((list) =>
    (status.uncountedTerminatedPods?.[list] ?? []).flatMap((uid, index) => {
      const path = `${at('uncountedTerminatedPods')}.${list}[${index}]`;
      if (uid === '') return [invalid(path, uid, 'must not be empty')];
      if (seen.has(uid)) return [duplicate(path, uid)];
      seen.add(uid);
      return [];
    }),
  );
}

/** Whether something is another than before; only then it is looked at, so that what is stored can be lived with. */
interface Changes {
  readonly finished: boolean;
  condition(type: string): boolean;
  field(name: keyof JobStatus): boolean;
}
const changesOf = (now: JobStatus, before: JobStatus): Changes => ({
  finished: isFinished(now) !== isFinished(before),
  condition: (type) => isTrue(now, type) !== isTrue(before, type),
  field: (name) => !semanticEqual(now[name], before[name]),
});

function endErrors(status: JobStatus, changes: Changes): FieldError[] {
  const errors: FieldError[] = [];
  const [complete, failed] = [isTrue(status, 'Complete'), isTrue(status, 'Failed')];
  const failureTarget = isTrue(status, 'FailureTarget');
  const completeChanged = changes.condition('Complete');
  const { startTime, completionTime } = status;
  const timeChanged = changes.field('completionTime');
  if ((completeChanged || changes.condition('Failed')) && complete && failed)
    errors.push(conditionsWrong('cannot set Complete=True and Failed=true conditions'));
  if ((completeChanged || changes.condition('FailureTarget')) && complete && failureTarget)
    errors.push(conditionsWrong('cannot set Complete=True and FailureTarget=true conditions'));
  if (completeChanged || timeChanged) {
    if (completionTime !== undefined && !complete)
      errors.push(
        invalid(
          at('completionTime'),
          completionTime,
          'cannot set completionTime when there is no Complete=True condition',
        ),
      );
    if (completionTime === undefined && complete)
      errors.push(required(at('completionTime'), 'completionTime is required for Complete jobs'));
  }
  if ((changes.field('startTime') || timeChanged) && startTime !== undefined && completionTime !== undefined)
    if (completionTime < startTime)
      errors.push(invalid(at('completionTime'), completionTime, 'must be equal to or after `startTime`'));
  if ((changes.condition('Failed') || changes.field('failedIndexes')) && failed && !failureTarget)
    errors.push(conditionsWrong('cannot set Failed=True condition without the FailureTarget=true condition'));
  if ((completeChanged || changes.condition('SuccessCriteriaMet')) && complete && !isTrue(status, 'SuccessCriteriaMet'))
    errors.push(conditionsWrong('cannot set Complete=True condition without the SuccessCriteriaMet=true condition'));
  return errors;
}

function finishedErrors({ spec, status = {} }: Job, changes: Changes): FieldError[] {
  if (!isFinished(status)) return [];
  const errors: FieldError[] = [];
  const { active = 0, startTime, uncountedTerminatedPods: uncounted } = status;
  const neverRuns = spec.suspend === true && spec.completions === 0;
  if ((changes.finished || changes.field('active')) && active > 0)
    errors.push(invalid(at('active'), active, 'active>0 is invalid for finished job'));
  if ((changes.finished || changes.field('startTime')) && !neverRuns && startTime === undefined)
    errors.push(required(at('startTime'), 'startTime is required for finished job'));
  if (
    (changes.finished || changes.field('uncountedTerminatedPods')) &&
    (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0) > 0
  )
    errors.push(invalid(at('uncountedTerminatedPods'), uncounted, 'must be empty for finished job'));
  return errors;
}

function indexErrors({ spec, status = {} }: Job, changes: Changes): FieldError[] {
  const errors: FieldError[] = [];
  const { completions, backoffLimitPerIndex: limit } = spec;
  const { completedIndexes = '', failedIndexes } = status;
  const [completedChanged, failedChanged] = [changes.field('completedIndexes'), changes.field('failedIndexes')];
  const parse = (field: 'completedIndexes' | 'failedIndexes', text: string) => {
    const problem = countIndexes(text, completions ?? 0);
    if (typeof problem === 'string') errors.push(invalid(at(field), text, `error parsing ${field}: ${problem}`));
  };
  if (completedChanged && completions !== undefined) parse('completedIndexes', completedIndexes);
  if (failedChanged && completions !== undefined && limit !== undefined && failedIndexes !== undefined)
    parse('failedIndexes', failedIndexes);
  if (completedChanged && completedIndexes !== '' && spec.completionMode !== 'Indexed')
    errors.push(
      invalid(
        at('completedIndexes'),
        completedIndexes,
        'cannot set non-empty completedIndexes when non-indexed completion mode',
      ),
    );
  if (failedChanged && limit === undefined && failedIndexes !== undefined)
    errors.push(
      invalid(
        at('failedIndexes'),
        failedIndexes,
        'cannot set non-null failedIndexes when backoffLimitPerIndex is null',
      ),
    );
  if ((failedChanged || completedChanged) && completions !== undefined && failedIndexes !== undefined) {
    const common = commonIndex(completedIndexes, failedIndexes, completions);
    if (common !== undefined)
      errors.push(
        invalid(at('failedIndexes'), failedIndexes, `failedIndexes and completedIndexes overlap at index: ${common}`),
      );
  }
  return errors;
}

function podCountErrors(status: JobStatus, changes: Changes): FieldError[] {
  const { terminating = 0, ready = 0, active = 0 } = status;
  const errors: FieldError[] = [];
  if ((changes.finished || changes.field('terminating')) && terminating > 0 && isFinished(status))
    errors.push(invalid(at('terminating'), terminating, 'terminating>0 is invalid for finished job'));
  if ((changes.field('ready') || changes.field('active')) && ready > active)
    errors.push(invalid(at('ready'), ready, 'cannot set more ready pods than active'));
  return errors;
}

function successErrors({ spec, status = {} }: Job): FieldError[] {
  const met = isTrue(status, 'SuccessCriteriaMet');
  return [
    ...(met && isTrue(status, 'Failed')
      ? [conditionsWrong('cannot set SuccessCriteriaMet=True and Failed=true conditions')]
      : []),
    ...(met && isTrue(status, 'FailureTarget')
      ? [conditionsWrong('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions')]
      : []),
    ...(spec.successPolicy !== undefined && !met && isTrue(status, 'Complete')
      ? [conditionsWrong('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True')]
      : []),
  ];
}

function historyErrors({ spec, status: now = {} }: Job, before: JobStatus): FieldError[] {
  const errors: FieldError[] = [];
  for (const type of ['Failed', 'Complete', 'FailureTarget'])
    if (isTrue(before, type) && !isTrue(now, type))
      errors.push(conditionsWrong(`cannot disable the terminal ${type}=True condition`));
  if ((now.failed ?? 0) < (before.failed ?? 0))
    errors.push(invalid(at('failed'), now.failed ?? 0, 'cannot decrease the failed counter'));
  // An elastic Job may shrink, and what succeeded beyond its end does not count any more.
  const elastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (!elastic && (now.succeeded ?? 0) < (before.succeeded ?? 0))
    errors.push(invalid(at('succeeded'), now.succeeded ?? 0, 'cannot decrease the succeeded counter'));
  const { completionTime, startTime } = now;
  if (completionTime !== undefined && before.completionTime !== undefined && completionTime !== before.completionTime)
    errors.push(invalid(at('completionTime'), completionTime, 'field is immutable'));
  const resuming = isTrue(before, 'Suspended') && findCondition(now.conditions, 'Suspended')?.status === 'False';
  if (before.startTime !== undefined && before.startTime !== startTime && !resuming && spec.suspend !== true)
    errors.push(invalid(at('startTime'), startTime ?? null, 'field is immutable for unsuspended job once set'));
  const [met, wasMet] = [isTrue(now, 'SuccessCriteriaMet'), isTrue(before, 'SuccessCriteriaMet')];
  if (wasMet && !met) errors.push(conditionsWrong('cannot disable the SuccessCriteriaMet=True condition'));
  if (isTrue(before, 'Complete') && !wasMet && met)
    errors.push(conditionsWrong('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'));
  return errors;
}

export function jobStatusErrors(object: Job, previous: Job): FieldError[] {
  const [now, before] = [object.status ?? {}, previous.status ?? {}];
  const changes = changesOf(now, before);
  return [
    ...(['active', 'succeeded', 'failed', 'ready', 'terminating'] as const).flatMap((field) =>
      nonNegative(at(field), now[field]),
    ),
    ...uncountedErrors(now),
    ...endErrors(now, changes),
    ...finishedErrors(object, changes),
    ...indexErrors(object, changes),
    ...podCountErrors(now, changes),
    ...successErrors(object),
    ...historyErrors(object, before),
  ];
}
