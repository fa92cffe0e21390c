// Job: its selector is generated from its uid unless the author takes that over.
import { isDefaultedFrom } from '../../schema/default-steps.ts';
import { invalid, required, type FieldError } from '../../field-error.ts';
import type { Job, JobSpec, PodSpec, PodTemplateSpec } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { conditionIsTrue } from '../../meta/conditions.ts';
import { labelSelectorMatcher, matcherFor, validateLabelSelector } from '../../meta/label-selector.ts';
import { dns1123Label } from '../../meta/names.ts';
import { immutable, semanticEqual } from '../../validation/fields.ts';
import { jobSpecErrors, jobSpecWarnings } from '../../validation/job-spec.ts';
import { jobStatusErrors } from '../../validation/job-status.ts';
import { nameWarnings, templateWarnings } from '../../validation/pod-warnings.ts';

const controllerUid = 'batch.kubernetes.io/controller-uid';
const jobName = 'batch.kubernetes.io/job-name';

const sortedByKey = (map: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));

function generateSelector(job: Mutable<Job>): void {
  const { spec, metadata } = job;
  if (spec.manualSelector === true) return;
  const [uid, name] = [metadata.uid ?? '', metadata.name ?? ''];
  const labels = ((spec.template.metadata ??= {}).labels ??= {});
  const shares = isDefaultedFrom(metadata.labels, labels);
  // The unprefixed labels are the old names of the same facts; both are kept for those who select by them.
  for (const [key, value] of Object.entries({
    'job-name': name,
    [jobName]: name,
    'controller-uid': uid,
    [controllerUid]: uid,
  }))
    labels[key] ??= value;
  spec.template.metadata.labels = sortedByKey(labels);
  const selected = ((spec.selector ??= {}).matchLabels ??= {});
  selected[controllerUid] ??= uid;
  spec.selector.matchLabels = sortedByKey(selected);
  // As upstream's default at every read: a Job without labels has those of its Pods.
  if (shares || Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...spec.template.metadata.labels };
}

function specErrors({ spec }: Job): FieldError[] {
  const errors = jobSpecErrors('spec', spec);
  if (spec.selector === undefined) errors.push(required('spec.selector'));
  else errors.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  const labels = spec.template.metadata?.labels;
  const wellFormed = spec.selector === undefined || validateLabelSelector(spec.selector, '').length === 0;
  if (wellFormed && !matcherFor(spec.selector).matches(labels))
    errors.push(
      invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`'),
    );
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

/** The name is part of the host names of an Indexed Job's Pods. */
function nameErrors({ metadata, spec }: Job): FieldError[] {
  const { completionMode, completions = 0 } = spec;
  const name = metadata.name ?? '';
  const host = `${name}-${completions - 1}`;
  return completionMode === 'Indexed' && completions > 0 && dns1123Label(host).length > 0
    ? [invalid('metadata.name', name, `will not able to create pod with invalid DNS label: ${host}`)]
    : [];
}

const validate = (object: Job): FieldError[] => [
  ...generatedSelectorErrors(object),
  ...specErrors(object),
  ...nameErrors(object),
];

/** Without what decides on which node its Pods run. */
const withoutPlacement = ({ metadata, spec }: PodTemplateSpec) => ({
  metadata: { ...metadata, labels: undefined, annotations: undefined },
  spec: {
    ...spec,
    affinity: { ...spec?.affinity, nodeAffinity: undefined },
    nodeSelector: undefined,
    tolerations: undefined,
    schedulingGates: undefined,
  },
});
const withoutResources = ({ containers = [], initContainers = [], ...spec }: Partial<PodSpec>) => ({
  ...spec,
  containers: containers.map((one) => ({ ...one, resources: undefined })),
  initContainers: initContainers.map((one) => ({ ...one, resources: undefined })),
});

/** A Job that is suspended and has no Pods may still be told where, and with what, they will run. */
function mayChangeTemplate({ spec, status = {} }: Job): boolean {
  const idle = status.startTime === undefined || conditionIsTrue(status.conditions, 'Suspended');
  return spec.suspend === true && idle && (status.active ?? 0) === 0;
}

function templateUpdateErrors({ spec }: Job, previous: Job): FieldError[] {
  const before = previous.spec;
  if (!mayChangeTemplate(previous)) return immutable('spec.template', spec.template, before.template);
  const fixed = (template: PodTemplateSpec) => withoutResources(withoutPlacement(template).spec as Partial<PodSpec>);
  return semanticEqual(fixed(spec.template), fixed(before.template))
    ? []
    : [invalid('spec.template.spec', spec.template.spec, 'field is immutable')];
}

function completionsErrors(spec: JobSpec, before: JobSpec): FieldError[] {
  const at = 'spec.completions';
  if (spec.completionMode !== 'Indexed') return immutable(at, spec.completions, before.completions);
  return spec.completions === before.completions ||
    spec.completions === undefined ||
    spec.completions === spec.parallelism
    ? []
    : [invalid(at, spec.completions, 'can only be modified in tandem with spec.parallelism')];
}

function validateUpdate(object: Job, previous: Job): FieldError[] {
  const [spec, before] = [object.spec, previous.spec];
  return [
    ...validate(object),
    // Upstream's rules for an update say once more what is wrong with the new specification.
    ...specErrors(object),
    ...completionsErrors(spec, before),
    ...immutable('spec.selector', spec.selector, before.selector),
    ...templateUpdateErrors(object, previous),
    ...(['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const).flatMap(
      (field) => immutable(`spec.${field}`, spec[field], before[field]),
    ),
  ];
}

export const job: KindBehaviour<Job> = {
  metadataInUpdate: ['whole', 'update'],
  prepareForCreate: (object) => generateSelector(object),
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate,
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status' ? jobStatusErrors(object, previous) : validateUpdate(object, previous),
  warnings: (object, previous) =>
    previous !== undefined && object.metadata.generation === previous.metadata.generation
      ? []
      : [
          ...(previous === undefined ? nameWarnings(object.metadata.name) : []),
          ...jobSpecWarnings('spec', object.spec),
          ...templateWarnings('spec.template', object.spec.template, previous?.spec.template),
        ],
  selectableFields: ({ status }) => ({ 'status.successful': String(status?.succeeded ?? 0) }),
};
