// Event (core/v1): what happened to which object.
import { invalid, required, type FieldError } from '../../field-error.ts';
import type { Event, EventEventsV1 } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { finalizerErrors } from '../../meta/object-meta.ts';
import { byteLength, nameIsDnsSubdomain, nameIsPathSegment } from '../../meta/names.ts';
import {
  immutable,
  isAbsent,
  qualifiedErrors,
  semanticEqual,
  subdomainErrors,
  texts,
} from '../../validation/fields.ts';

const atMost = (field: string, value: string | undefined, length: number): FieldError[] =>
  byteLength(value ?? '') > length ? [invalid(field, '', `can have at most ${length} characters`)] : [];
const needed = (field: string, value: string | undefined, length: number): FieldError[] => [
  ...(isAbsent(value) ? [required(field)] : []),
  ...atMost(field, value, length),
];

/** `controllerField`: how the version of the request names it. */
function eventErrors(event: Event, controllerField: string): FieldError[] {
  const namespace = event.metadata.namespace ?? '';
  const about = event.involvedObject?.namespace ?? '';
  const mismatch = invalid('involvedObject.namespace', about, 'does not match event.namespace');
  const errors: FieldError[] = [];
  if (isAbsent(event.eventTime)) {
    if (about === '' ? namespace !== '' && namespace !== 'default' : namespace !== about) errors.push(mismatch);
  } else {
    if (about === '' && namespace !== 'default' && namespace !== 'kube-system') errors.push(mismatch);
    const controller = event.reportingComponent ?? '';
    if (controller === '') errors.push(required(controllerField));
    errors.push(
      ...qualifiedErrors(controllerField, controller),
      ...needed('reportingInstance', event.reportingInstance, 128),
      ...needed('action', event.action, 128),
      ...needed('reason', event.reason, 128),
      ...atMost('message', event.message, 1024),
    );
  }
  return [...errors, ...subdomainErrors('namespace', namespace)];
}

const validate = (event: Event): FieldError[] => eventErrors(event, 'reportingComponent');

function seriesErrors({ series }: Event): FieldError[] {
  if (series === undefined) return [];
  return [
    ...((series.count ?? 0) < 2 ? [invalid('series.count', '', 'should be at least 2')] : []),
    ...(isAbsent(series.lastObservedTime) ? [required('series.lastObservedTime')] : []),
  ];
}

const finalizerPath = (index: number) => `metadata.finalizers[${index}]`;

/** What a new event of events.k8s.io must say besides, and must leave to the old form; `event` is in core's form. */
function strictErrors(event: Event): FieldError[] {
  const { type = '', source } = event;
  const { name = '', generateName = '' } = event.metadata;
  const unset = (field: string) => invalid(field, '', 'needs to be unset');
  return [
    ...(generateName === ''
      ? []
      : texts('metadata.generateName', generateName, nameIsDnsSubdomain(generateName, true))),
    ...(name === '' ? [] : texts('metadata.name', name, nameIsDnsSubdomain(name, false))),
    ...finalizerErrors(event.metadata.finalizers, finalizerPath),
    ...seriesErrors(event),
    ...(isAbsent(event.eventTime) ? [required('eventTime')] : []),
    ...(type === 'Normal' || type === 'Warning' ? [] : [invalid('type', '', `has invalid value: ${type}`)]),
    ...(isAbsent(event.firstTimestamp) ? [] : [unset('firstTimestamp')]),
    ...(isAbsent(event.lastTimestamp) ? [] : [unset('lastTimestamp')]),
    ...((event.count ?? 0) === 0 ? [] : [unset('count')]),
    ...(isAbsent(source?.component) && isAbsent(source?.host) ? [] : [unset('source')]),
  ];
}

/** Only its series goes on. Reason is named twice by upstream. */
const fixedFields = [
  ['involvedObject'],
  ['reason'],
  ['message'],
  ['source'],
  ['firstTimestamp'],
  ['lastTimestamp'],
  ['count'],
  ['reason'],
  ['type'],
  ['eventTime'],
  ['action'],
  ['related'],
  ['reportingComponent', 'reportingController'],
  ['reportingInstance'],
] as const satisfies readonly (readonly [keyof Event, string?])[];

/** The rules of events.k8s.io for an event in core's form. */
export const errorsInEventsGroup = (event: Event, previous: Event | undefined): FieldError[] => [
  ...eventErrors(event, 'reportingController'),
  ...(previous === undefined
    ? strictErrors(event)
    : [
        ...finalizerErrors(event.metadata.finalizers, finalizerPath),
        ...(semanticEqual(event.series, previous.series) ? [] : seriesErrors(event)),
        ...fixedFields.flatMap(([field, shown = field]) => immutable(shown, event[field], previous[field])),
      ]),
];

export const event: KindBehaviour<Event> = {
  metadataInUpdate: [],
  anyFinalizer: true,
  validateName: nameIsPathSegment,
  validate,
  validateUpdate: validate,
  selectableFields: ({ involvedObject: about, reason, reportingComponent, source, type }) => ({
    'involvedObject.kind': about?.kind ?? '',
    'involvedObject.namespace': about?.namespace ?? '',
    'involvedObject.name': about?.name ?? '',
    'involvedObject.uid': about?.uid ?? '',
    'involvedObject.apiVersion': about?.apiVersion ?? '',
    'involvedObject.resourceVersion': about?.resourceVersion ?? '',
    'involvedObject.fieldPath': about?.fieldPath ?? '',
    reason: reason ?? '',
    reportingComponent: reportingComponent ?? '',
    source: isAbsent(source?.component) ? (reportingComponent ?? '') : (source?.component ?? ''),
    type: type ?? '',
  }),
};

/** The same objects as events.k8s.io/v1 shows them; what is written is checked in core's form. */
export const eventInEventsGroup: KindBehaviour<EventEventsV1> = {
  selectableFields: ({ regarding, reason, reportingController, type }) => ({
    'regarding.kind': regarding?.kind ?? '',
    'regarding.namespace': regarding?.namespace ?? '',
    'regarding.name': regarding?.name ?? '',
    'regarding.uid': regarding?.uid ?? '',
    'regarding.apiVersion': regarding?.apiVersion ?? '',
    'regarding.resourceVersion': regarding?.resourceVersion ?? '',
    'regarding.fieldPath': regarding?.fieldPath ?? '',
    reason: reason ?? '',
    reportingController: reportingController ?? '',
    type: type ?? '',
  }),
};
