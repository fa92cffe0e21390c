// Sets up a Pod's volumes and the devices that it claims; what fails is told and tried again.
import { messageOf } from '#base/errors.ts';
import type { Pod } from '#api/generated/types.ts';
import type { PodsOptions } from './options.ts';
import { comeBack, type PodState } from './state.ts';

const retryMs = 2_000;
/** Upstream's time until a Pod that failed is tried again. */
const claimsRetryMs = 10_000;

/** False: not all of them are there yet. */
export async function setUpVolumes(
  { volumes, sources, events }: Pick<PodsOptions, 'volumes' | 'sources' | 'events'>,
  pod: Pod,
  state: PodState,
): Promise<boolean> {
  const { mounted, failures, waiting } = await volumes.setUp(pod, sources.volumes(pod, state.ips));
  for (const { message } of failures) events.event(pod, 'Warning', 'FailedMount', message);
  if (failures.length > 0) comeBack(state, retryMs);
  if (failures.length > 0 || waiting.length > 0) return false;
  state.mounted = mounted;
  return true;
}

/** False: its devices are not all prepared. */
export async function prepareClaims(
  { claims, events }: Pick<PodsOptions, 'claims' | 'events'>,
  pod: Pod,
  state: PodState,
): Promise<boolean> {
  try {
    await claims.prepare(pod);
    return true;
  } catch (error) {
    events.event(pod, 'Warning', 'FailedPrepareDynamicResources', messageOf(error));
    comeBack(state, claimsRetryMs);
    return false;
  }
}
