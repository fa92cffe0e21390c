// PriorityClass.
import { forbidden, type FieldError } from '../../field-error.ts';
import type { PriorityClass } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { immutable, requiredOneOf } from '../../validation/fields.ts';

const userPriorityMax = 1_000_000_000;
const systemClasses: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

function systemNameProblem(name: string, { value, globalDefault }: PriorityClass): string | undefined {
  const known = systemClasses[name];
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return globalDefault === true ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export const priorityClass: KindBehaviour<PriorityClass> = {
  validate(object) {
    const errors: FieldError[] = [];
    const name = object.metadata.name ?? '';
    if (name.startsWith('system-')) {
      const problem = systemNameProblem(name, object);
      if (problem !== undefined)
        errors.push(
          forbidden(
            'metadata.name',
            `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`,
          ),
        );
    } else if ((object.value ?? 0) > userPriorityMax)
      errors.push(forbidden('value', `maximum allowed value of a user defined priority is ${userPriorityMax}`));
    return [
      ...errors,
      ...(object.preemptionPolicy === undefined
        ? []
        : requiredOneOf('preemptionPolicy', object.preemptionPolicy, ['PreemptLowerPriority', 'Never'])),
    ];
  },
  validateUpdate: (object, previous) => [
    ...(object.value === previous.value ? [] : [forbidden('value', 'may not be changed in an update.')]),
    ...immutable('preemptionPolicy', object.preemptionPolicy, previous.preemptionPolicy),
  ],
};
