// Sets up a Pod's volumes; what fails is told and tried again.
import type { Pod } from '#api/generated/types.ts';
import { VolumeError } from '../volumes/volumes.ts';
import type { PodsOptions } from './options.ts';
import type { PodState } from './state.ts';

/** False: not all of them are there yet. */
export async function setUpVolumes(
  { volumes, sources, events }: Pick<PodsOptions, 'volumes' | 'sources' | 'events'>,
  pod: Pod,
  state: PodState,
): Promise<boolean> {
  try {
    state.mounted = await volumes.setUp(pod, sources.volumes(pod, state.ips));
    return true;
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    events.event(
      pod,
      'Warning',
      'FailedMount',
      `MountVolume.SetUp failed for volume ${JSON.stringify(error.volume)} : ${error.message}`,
    );
    state.retryInMs = 2_000;
    return false;
  }
}
