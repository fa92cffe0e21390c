// RuntimeClass.
import { duplicate, required, type FieldError } from '../../field-error.ts';
import type { RuntimeClass, Toleration } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nameIsDnsLabel } from '../../meta/names.ts';
import { validateLabels } from '../../meta/object-meta.ts';
import { nodeLabelDeprecation } from '../../validation/deprecated-node-labels.ts';
import { immutable, isAbsent, texts } from '../../validation/fields.ts';
import { resourceRequirementErrors } from '../../validation/resources.ts';
import { tolerationErrors } from '../../validation/scheduling.ts';

function repeatedTolerations(path: string, tolerations: readonly Toleration[]): FieldError[] {
  const seen = new Set<string>();
  return tolerations.flatMap((one, index) => {
    const id = JSON.stringify([one.key ?? '', one.operator ?? '', one.value ?? '', one.effect ?? '']);
    const again = seen.has(id);
    seen.add(id);
    // In the form of Go's type, as upstream shows it.
    const shown = {
      Key: one.key ?? '',
      Operator: one.operator ?? '',
      Value: one.value ?? '',
      Effect: one.effect ?? '',
      TolerationSeconds: one.tolerationSeconds ?? null,
    };
    return again ? [duplicate(`${path}[${index}]`, shown)] : [];
  });
}

const validate = ({ handler, overhead, scheduling }: RuntimeClass): FieldError[] => [
  ...(isAbsent(handler) ? [required('handler')] : texts('handler', handler, nameIsDnsLabel(handler, false))),
  ...(overhead === undefined ? [] : resourceRequirementErrors('overhead', { limits: overhead.podFixed }, new Set())),
  ...(scheduling === undefined
    ? []
    : [
        ...validateLabels(scheduling.nodeSelector, 'scheduling.nodeSelector'),
        ...tolerationErrors('scheduling.tolerations', scheduling.tolerations),
        ...repeatedTolerations('scheduling.tolerations', scheduling.tolerations ?? []),
      ]),
];

export const runtimeClass: KindBehaviour<RuntimeClass> = {
  anyFinalizer: true,
  metadataInUpdate: ['whole', 'update'],
  validate,
  validateUpdate: (object, previous) => [
    ...validate(object),
    ...immutable('handler', object.handler, previous.handler),
  ],
  warnings: ({ scheduling }) =>
    Object.keys(scheduling?.nodeSelector ?? {}).flatMap((key) => {
      const text = nodeLabelDeprecation(key);
      return text === undefined ? [] : [`scheduling.nodeSelector: ${text}`];
    }),
};
