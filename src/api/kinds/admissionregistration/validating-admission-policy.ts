// ValidatingAdmissionPolicy. Its rules come with the first policy (policies/policy-rules.ts).
import { invalid, required, type FieldError } from '../../field-error.ts';
import type { ValidatingAdmissionPolicy } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { policyNameWarnings } from '../../policies/bindings.ts';
import { conditionErrors } from '../../validation/conditions.ts';

type Rules = typeof import('../../policies/policy-rules.ts');
let rules: Rules | undefined;

function validateStatus({ status }: ValidatingAdmissionPolicy): FieldError[] {
  const warnings = (status?.typeChecking?.expressionWarnings ?? []).flatMap(({ fieldRef, warning }, index) => {
    const path = `status.typeChecking.expressionWarnings[${index}]`;
    const reference = (fieldRef ?? '').trim();
    return [
      ...((warning ?? '') === '' ? [required(`${path}.warning`)] : []),
      ...(reference === ''
        ? [required(`${path}.fieldRef`)]
        : /[{}]/.test(reference)
          ? [invalid(`${path}.fieldRef`, reference, 'invalid JSONPath: unrecognized character in action')]
          : []),
    ];
  });
  return [...warnings, ...conditionErrors('status.conditions', status?.conditions)];
}

export const validatingAdmissionPolicy: KindBehaviour<ValidatingAdmissionPolicy> = {
  anyFinalizer: true,
  metadataInUpdate: ['whole'],
  async load() {
    if (rules !== undefined) return;
    await (await import('../../cel/cel.ts')).loadCel();
    rules = await import('../../policies/policy-rules.ts');
  },
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate: (object) => rules!.validateValidatingPolicy(object),
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status' ? validateStatus(object) : rules!.validateValidatingPolicy(object, previous),
  warnings: (object) => policyNameWarnings(object.metadata.name),
};
