// ReplicationController.
import { required, type FieldError } from '../../field-error.ts';
import type { PodTemplateSpec, ReplicationController, ReplicationControllerSpec } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nonNegative } from '../../validation/fields.ts';
import { nameWarnings, templateWarnings } from '../../validation/pod-warnings.ts';
import { workloadTemplateErrors } from '../../validation/pod-spec.ts';
import { replicaStatusErrors } from '../../validation/workloads.ts';

function templateErrors(
  template: PodTemplateSpec | undefined,
  selector: Readonly<Record<string, string>>,
): FieldError[] {
  if (template === undefined) return [required('spec.template')];
  const wanted = Object.entries(selector);
  const matcher = {
    empty: wanted.length === 0,
    matches: (labels: Readonly<Record<string, string>> | undefined) =>
      wanted.every(([name, value]) => labels?.[name] === value),
  };
  return workloadTemplateErrors('spec.template', template, matcher, 'ReplicationController');
}

function validate(object: ReplicationController): FieldError[] {
  const { selector = {}, template, replicas, minReadySeconds }: Partial<ReplicationControllerSpec> = object.spec ?? {};
  return [
    ...nonNegative('spec.minReadySeconds', minReadySeconds),
    ...(Object.keys(selector).length === 0 ? [required('spec.selector')] : []),
    ...nonNegative('spec.replicas', replicas),
    ...templateErrors(template, selector),
  ];
}

export const replicationController: KindBehaviour<ReplicationController> = {
  validate,
  warnings(object, previous) {
    const template = object.spec?.template;
    if (previous === undefined)
      return [
        ...nameWarnings(object.metadata.name),
        ...(template === undefined ? [] : templateWarnings('spec.template', template, undefined)),
      ];
    // Upstream warns of the old template that the new one is not like.
    const old = previous.spec?.template;
    return old === undefined || object.metadata.generation === previous.metadata.generation
      ? []
      : templateWarnings('spec.template', old, template);
  },
  validateUpdate: (object, _previous, subresource) =>
    subresource === 'status' ? replicaStatusErrors(object.status ?? {}) : validate(object),
};
