// THE order of the steps of a kind: what later steps need is made by earlier ones, and in the end nothing is left.
import type { KindUnderTest } from '../kind-under-test.ts';
import type { Step } from '../step.ts';
import { applySteps } from './apply.ts';
import { createSteps, isStored } from './create.ts';
import { deleteSteps } from './delete.ts';
import { mutatedSteps } from './mutated.ts';
import { patchSteps } from './patch.ts';
import { readSteps } from './read.ts';
import { subresourceSteps } from './subresources.ts';
import { updateSteps } from './update.ts';
import { watchSteps } from './watch.ts';

export interface SequenceOptions {
  readonly seed: number;
  /** How many mutations beside the fixed steps. */
  readonly mutations: number;
}

export function sequenceOf(kind: KindUnderTest, { seed, mutations }: SequenceOptions): Step[] {
  const steps = isStored(kind)
    ? [
        ...createSteps(kind),
        ...mutatedSteps(kind, mutations, seed),
        ...readSteps(kind),
        ...updateSteps(kind),
        ...patchSteps(kind),
        ...subresourceSteps(kind),
        ...watchSteps(kind),
        ...applySteps(kind),
        ...deleteSteps(kind),
      ]
    : [...createSteps(kind), ...mutatedSteps(kind, mutations * 2, seed)];
  const seen = new Set<string>();
  return steps.filter((step) => {
    if (step.silent === true) return true;
    if (seen.has(step.id)) return false;
    seen.add(step.id);
    return true;
  });
}
