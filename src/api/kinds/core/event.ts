// Event (core/v1): what happened to which object.
import { invalid, required, type FieldError } from '../../field-error.ts';
import type { Event, EventEventsV1 } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { byteLength } from '../../meta/names.ts';
import { isAbsent, qualifiedErrors, subdomainErrors } from '../../validation/fields.ts';

const atMost = (field: string, value: string | undefined, length: number): FieldError[] =>
  byteLength(value ?? '') > length ? [invalid(field, '', `can have at most ${length} characters`)] : [];
const needed = (field: string, value: string | undefined, length: number): FieldError[] => [
  ...(isAbsent(value) ? [required(field)] : []),
  ...atMost(field, value, length),
];

function validate(event: Event): FieldError[] {
  const namespace = event.metadata.namespace ?? '';
  const about = event.involvedObject?.namespace ?? '';
  const mismatch = invalid('involvedObject.namespace', about, 'does not match event.namespace');
  const errors: FieldError[] = [];
  if (isAbsent(event.eventTime)) {
    if (about === '' ? namespace !== '' && namespace !== 'default' : namespace !== about) errors.push(mismatch);
  } else {
    if (about === '' && namespace !== 'default' && namespace !== 'kube-system') errors.push(mismatch);
    const controller = event.reportingComponent ?? '';
    if (controller === '') errors.push(required('reportingComponent'));
    errors.push(
      ...qualifiedErrors('reportingComponent', controller),
      ...needed('reportingInstance', event.reportingInstance, 128),
      ...needed('action', event.action, 128),
      ...needed('reason', event.reason, 128),
      ...atMost('message', event.message, 1024),
    );
  }
  return [...errors, ...subdomainErrors('namespace', namespace)];
}

export const event: KindBehaviour<Event> = {
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
