// Pods that the node itself needs: they are not ended for others, and are let in when things are short.
import type { Pod } from '#api/generated/types.ts';

const criticalPriority = 2_000_000_000;

export const isCriticalPod = ({ metadata, spec }: Pod): boolean =>
  metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined || (spec.priority ?? 0) >= criticalPriority;
