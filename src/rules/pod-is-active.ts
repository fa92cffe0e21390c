// Whether a Pod still counts: it has not ended.
import type { Pod } from '#api/generated/types.ts';

/** Succeeded or Failed: its containers will not run again. */
export const podIsTerminal = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Neither ended nor being deleted. */
export const podIsActive = (pod: Pod): boolean => !podIsTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
