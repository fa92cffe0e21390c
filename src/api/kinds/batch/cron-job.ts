// CronJob.
import { invalid, required, type FieldError } from '../../field-error.ts';
import type { CronJob } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { cronScheduleProblem } from '../../validation/cron-schedule.ts';
import { isAbsent, nonNegative, requiredOneOf } from '../../validation/fields.ts';
import { jobSpecErrors } from './job.ts';

/** Room for `-` and the minutes that are put behind the name of each Job. */
const nameLengthMax = 52;

function timeZoneErrors(path: string, zone: string | undefined): FieldError[] {
  if (zone === undefined) return [];
  if (zone === '') return [invalid(path, zone, 'timeZone must be nil or non-empty string')];
  if (zone.toLowerCase() === 'local')
    return [
      invalid(path, zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'),
    ];
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return [];
  } catch {
    return [invalid(path, zone, `unknown time zone ${zone}`)];
  }
}

function validate({ spec }: CronJob, previous?: CronJob): FieldError[] {
  const errors: FieldError[] = [];
  if (isAbsent(spec.schedule)) errors.push(required('spec.schedule'));
  else {
    const schedule = spec.schedule.replace(/^(TZ|CRON_TZ)=\S+\s+/, '');
    const problem = cronScheduleProblem(schedule);
    if (problem !== undefined) errors.push(invalid('spec.schedule', spec.schedule, problem));
    if (schedule !== spec.schedule && previous?.spec.schedule.includes('TZ') !== true)
      errors.push(
        invalid('spec.schedule', spec.schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
      );
  }
  return [
    ...errors,
    ...nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
    ...(previous !== undefined && previous.spec.timeZone === spec.timeZone
      ? []
      : timeZoneErrors('spec.timeZone', spec.timeZone)),
    ...requiredOneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']),
    ...nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
    ...nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
    ...(spec.jobTemplate.spec?.manualSelector === true
      ? [
          {
            reason: 'FieldValueNotSupported' as const,
            field: 'spec.jobTemplate.spec.manualSelector',
            message: 'Unsupported value: true: supported values: "nil", "false"',
          },
        ]
      : []),
    ...(spec.jobTemplate.spec === undefined ? [] : jobSpecErrors('spec.jobTemplate.spec', spec.jobTemplate.spec)),
  ];
}

export const cronJob: KindBehaviour<CronJob> = {
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate(object) {
    const name = object.metadata.name ?? '';
    return [
      ...validate(object),
      ...(name.length > nameLengthMax ? [invalid('metadata.name', name, 'must be no more than 52 characters')] : []),
    ];
  },
  validateUpdate: (object, previous, subresource) => (subresource === 'status' ? [] : validate(object, previous)),
};
