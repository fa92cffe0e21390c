// RuntimeClass.
import { duplicate, required, type FieldError } from '../../field-error.ts';
import type { RuntimeClass, Toleration } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nameIsDnsLabel } from '../../meta/names.ts';
import { validateLabels } from '../../meta/object-meta.ts';
import { immutable, isAbsent, texts } from '../../validation/fields.ts';
import { resourceRequirementErrors } from '../../validation/resources.ts';
import { tolerationErrors } from '../../validation/scheduling.ts';

function repeatedTolerations(path: string, tolerations: readonly Toleration[]): FieldError[] {
  const seen = new Set<string>();
  return tolerations.flatMap((one, index) => {
    const id = JSON.stringify([one.key ?? '', one.operator ?? '', one.value ?? '', one.effect ?? '']);
    const again = seen.has(id);
    seen.add(id);
    return again ? [duplicate(`${path}[${index}]`, one)] : [];
  });
}

export const runtimeClass: KindBehaviour<RuntimeClass> = {
  validate: ({ handler, overhead, scheduling }) => [
    ...(isAbsent(handler) ? [required('handler')] : texts('handler', handler, nameIsDnsLabel(handler, false))),
    ...(overhead === undefined ? [] : resourceRequirementErrors('overhead', { limits: overhead.podFixed }, new Set())),
    ...(scheduling === undefined
      ? []
      : [
          ...validateLabels(scheduling.nodeSelector, 'scheduling.nodeSelector'),
          ...tolerationErrors('scheduling.tolerations', scheduling.tolerations),
          ...repeatedTolerations('scheduling.tolerations', scheduling.tolerations ?? []),
        ]),
  ],
  validateUpdate: (object, previous) => immutable('handler', object.handler, previous.handler),
};
