// MutatingAdmissionPolicy. Its rules come with the first policy (policies/policy-rules.ts).
import type { MutatingAdmissionPolicy } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { policyNameWarnings } from '../../policies/bindings.ts';

type Rules = typeof import('../../policies/policy-rules.ts');
let rules: Rules | undefined;

export const mutatingAdmissionPolicy: KindBehaviour<MutatingAdmissionPolicy> = {
  anyFinalizer: true,
  metadataInUpdate: ['whole'],
  async load() {
    if (rules !== undefined) return;
    await (await import('../../cel/cel.ts')).loadCel();
    rules = await import('../../policies/policy-rules.ts');
  },
  validate: (object) => rules!.validateMutatingPolicy(object),
  validateUpdate: (object, previous) => rules!.validateMutatingPolicy(object, previous),
  warnings: (object) => policyNameWarnings(object.metadata.name),
};
