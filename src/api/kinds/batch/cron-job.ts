// CronJob.
import { invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type { CronJob, CronJobSpec, JobSpec } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { cronScheduleProblem } from '../../validation/cron-schedule.ts';
import { isAbsent, nonNegative, requiredOneOf } from '../../validation/fields.ts';
import { jobSpecErrors, jobSpecWarnings } from '../../validation/job-spec.ts';
import { nameWarnings, templateWarnings } from '../../validation/pod-warnings.ts';

/** Room for `-` and the minutes that are put behind the name of each Job. */
const nameLengthMax = 52;

const zonePart = /^[A-Za-z._0-9+-]{1,14}$/;

function timeZoneErrors(path: string, zone: string | undefined): FieldError[] {
  if (zone === undefined) return [];
  if (zone === '') return [invalid(path, zone, 'timeZone must be nil or non-empty string')];
  const unknown = invalid(path, zone, `unknown time zone ${zone}`);
  if (zone.split('/').some((part) => part === '.' || part === '..' || part.startsWith('-') || !zonePart.test(part)))
    return [unknown];
  if (zone.toLowerCase() === 'local')
    return [
      invalid(path, zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'),
      ...(zone === 'Local' ? [] : [unknown]),
    ];
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return [];
  } catch {
    return [unknown];
  }
}

function scheduleErrors(path: string, spec: CronJobSpec, previous: CronJobSpec | undefined): FieldError[] {
  const { schedule, timeZone } = spec;
  if (isAbsent(schedule)) return [required(path)];
  const problem = cronScheduleProblem(schedule.replace(/^(TZ|CRON_TZ)=\S+\s+/, ''));
  const errors = problem === undefined ? [] : [invalid(path, schedule, problem)];
  if (!schedule.includes('TZ')) return errors;
  // A zone in the schedule was accepted once: it may stay.
  if (previous?.schedule.includes('TZ') !== true)
    errors.push(invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  else if (timeZone !== undefined)
    errors.push(invalid(path, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  return errors;
}

function validate({ spec }: CronJob, previous?: CronJob): FieldError[] {
  const job = spec.jobTemplate?.spec ?? ({} as JobSpec);
  return [
    ...scheduleErrors('spec.schedule', spec, previous?.spec),
    ...nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
    ...(previous !== undefined && previous.spec.timeZone === spec.timeZone
      ? []
      : timeZoneErrors('spec.timeZone', spec.timeZone)),
    ...requiredOneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']),
    ...jobSpecErrors('spec.jobTemplate.spec', job),
    ...(job.selector === undefined
      ? []
      : [invalid('spec.jobTemplate.spec.selector', job.selector, '`selector` will be auto-generated')]),
    ...(job.manualSelector === true
      ? [notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false'])]
      : []),
    ...nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
    ...nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
  ];
}

/** The path that upstream names here, with its slip. */
const zoneWarning =
  'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';

function warnings(object: CronJob, previous: CronJob | undefined): string[] {
  const { jobTemplate, schedule } = object.spec;
  const path = 'spec.jobTemplate.spec';
  const changed = previous === undefined || object.metadata.generation !== previous.metadata.generation;
  return [
    ...(previous === undefined ? nameWarnings(object.metadata.name) : []),
    ...(changed && jobTemplate.spec !== undefined
      ? [
          ...jobSpecWarnings(path, jobTemplate.spec),
          ...templateWarnings(`${path}.template`, jobTemplate.spec.template, previous?.spec.jobTemplate.spec?.template),
        ]
      : []),
    ...(previous !== undefined && schedule.includes('TZ') ? [zoneWarning] : []),
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
  warnings,
};
