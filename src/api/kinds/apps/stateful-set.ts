// StatefulSet.
import { forbidden, invalid, required, type FieldError } from '../../field-error.ts';
import type { PodTemplateSpec, StatefulSet, StatefulSetSpec } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { nameIsDnsLabel } from '../../meta/names.ts';
import { validateAnnotations, validateLabels } from '../../meta/object-meta.ts';
import {
  amountOf,
  atMost100Percent,
  isAbsent,
  labelErrors,
  nonNegative,
  nonNegativeOrPercent,
  oneOf,
  semanticEqual,
} from '../../validation/fields.ts';
import { podAnnotationErrors } from '../../validation/pod-annotations.ts';
import { templateWarnings } from '../../validation/pod-warnings.ts';
import { claimSpecErrors, claimSpecWarnings } from '../../validation/volume-claim.ts';
import {
  countErrors,
  decrementErrors,
  ofReplicas,
  selectorErrors,
  templateErrors,
} from '../../validation/workloads.ts';

/** As its Pods will be: the claims of the set are volumes of each. */
function completedTemplate({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  const claims = volumeClaimTemplates.map(({ metadata }) => ({
    name: metadata.name ?? '',
    persistentVolumeClaim: { claimName: metadata.name ?? '' },
  }));
  const own = (template.spec?.volumes ?? []).filter((one) => !claims.some(({ name }) => name === one.name));
  return {
    ...template,
    spec: {
      ...(template.spec ?? { containers: [] }),
      subdomain: undefined,
      hostname: undefined,
      volumes: [...claims, ...own],
    },
  };
}

/** Upstream looks at the template's labels and annotations twice. */
function metadataErrors({ selector, template }: StatefulSetSpec): FieldError[] {
  if (selector !== undefined && validateLabelSelector(selector, '').length > 0) return [];
  const { labels, annotations } = template.metadata ?? {};
  return [
    ...validateLabels(labels, 'spec.template.labels'),
    ...validateAnnotations(annotations, 'spec.template.annotations'),
    ...podAnnotationErrors('spec.template.annotations', annotations, template.spec ?? { containers: [] }),
  ];
}

function specErrors(spec: StatefulSetSpec, creating: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const management = spec.podManagementPolicy;
  if (isAbsent(management)) errors.push(required('spec.podManagementPolicy'));
  else if (management !== 'OrderedReady' && management !== 'Parallel')
    errors.push(invalid('spec.podManagementPolicy', management, "must be 'OrderedReady' or 'Parallel'"));
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  const at = 'spec.updateStrategy';
  if (isAbsent(type)) errors.push(required(at));
  else if (type === 'OnDelete') {
    if (rollingUpdate !== undefined)
      errors.push(invalid(`${at}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'"));
  } else if (type !== 'RollingUpdate')
    errors.push(invalid(at, spec.updateStrategy, "must be 'RollingUpdate' or 'OnDelete'"));
  else if (rollingUpdate !== undefined) {
    errors.push(...nonNegative(`${at}.rollingUpdate.partition`, rollingUpdate.partition));
    const { maxUnavailable } = rollingUpdate;
    if (maxUnavailable !== undefined) {
      errors.push(...nonNegativeOrPercent(`${at}.rollingUpdate.maxUnavailable`, maxUnavailable));
      if (amountOf(maxUnavailable) === 0)
        errors.push(invalid(`${at}.rollingUpdate.maxUnavailable`, maxUnavailable, 'cannot be 0'));
      errors.push(...atMost100Percent(`${at}.rollingUpdate.maxUnavailable`, maxUnavailable));
    }
  }
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  if (retention !== undefined)
    for (const when of ['whenDeleted', 'whenScaled'] as const)
      errors.push(...oneOf(`spec.persistentVolumeClaimRetentionPolicy.${when}`, retention[when], ['Retain', 'Delete']));
  if (creating)
    for (const [index, claim] of (spec.volumeClaimTemplates ?? []).entries())
      errors.push(...claimSpecErrors(`spec.volumeClaimTemplates[${index}].spec`, claim.spec ?? {}));
  errors.push(
    ...nonNegative('spec.replicas', spec.replicas),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...nonNegative('spec.ordinals.start', spec.ordinals?.start),
    ...(creating && !isAbsent(spec.serviceName) ? labelErrors('spec.serviceName', spec.serviceName) : []),
    ...selectorErrors('spec.selector', spec.selector, 'statefulset'),
    ...templateErrors('spec.template', completedTemplate(spec), spec.selector, 'StatefulSet', ''),
    ...metadataErrors(spec),
  );
  return errors;
}

const changeable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;
const fixedPart = (spec: StatefulSetSpec) =>
  Object.fromEntries(Object.entries(spec).filter(([name]) => !(changeable as readonly string[]).includes(name)));

const historyWarning =
  'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended';

export const statefulSet: KindBehaviour<StatefulSet> = {
  validateName: nameIsDnsLabel,
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate: ({ spec }) => specErrors(spec, true),
  warnings: (object, previous) => [
    ...templateWarnings('spec.template', object.spec.template, previous?.spec.template),
    // The path on update is upstream's, with its slip.
    ...(object.spec.volumeClaimTemplates ?? []).flatMap(({ spec }, index) =>
      spec === undefined
        ? []
        : claimSpecWarnings(`spec.volumeClaimTemplates[${index}]${previous === undefined ? '' : '.Spec'}`, spec),
    ),
    ...((object.spec.revisionHistoryLimit ?? 0) < 0 ? [historyWarning] : []),
  ],
  validateUpdate(object, previous, subresource) {
    if (subresource === 'status')
      return [
        ...countErrors(
          object.status ?? {},
          [
            'replicas',
            'readyReplicas',
            'currentReplicas',
            'updatedReplicas',
            'availableReplicas',
            'observedGeneration',
            'collisionCount',
          ],
          [
            ['readyReplicas', 'replicas', ofReplicas],
            ['currentReplicas', 'replicas', ofReplicas],
            ['updatedReplicas', 'replicas', ofReplicas],
            ['availableReplicas', 'replicas', ofReplicas],
            ['availableReplicas', 'readyReplicas', 'cannot be greater than status.readyReplicas'],
          ],
        ),
        ...decrementErrors(object.status?.collisionCount, previous.status?.collisionCount),
      ];
    const errors = specErrors(object.spec, false);
    if (!semanticEqual(fixedPart(object.spec), fixedPart(previous.spec)))
      errors.push(
        forbidden(
          'spec',
          "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ),
      );
    return errors;
  },
};
