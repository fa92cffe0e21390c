// PodTemplate: a template that nothing follows, checked as those that something does.
import type { PodTemplate, PodTemplateSpec } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { podTemplateErrors } from '../../validation/pod-spec.ts';
import { templateWarnings } from '../../validation/pod-warnings.ts';

/** Go has a template where none was given. */
const nothing = { metadata: {}, spec: {} } as PodTemplateSpec;

export const podTemplate: KindBehaviour<PodTemplate> = {
  validate: ({ template = nothing }) => podTemplateErrors('template', template),
  warnings: ({ template }, previous) => templateWarnings('template', template, previous?.template),
};
