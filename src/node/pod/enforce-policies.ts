// Containers start when what policies say of their Pod's traffic holds: before, the Pod would be open to all for a moment.
import { messageOf } from '#base/errors.ts';
import type { Pod } from '#api/generated/types.ts';
import type { PodsOptions } from './options.ts';
import { podIps, type PodRuntimeStatus } from './runtime-status.ts';
import { comeBack, type PodState } from './state.ts';

const retryMs = 2_000;

/** False: not yet; an event says why, and the Pod is looked at again. */
export async function enforcePolicies(
  { enforcePolicies: enforce, events, nodeIps }: PodsOptions,
  pod: Pod,
  state: PodState,
  runtime: PodRuntimeStatus,
  sandboxId: string,
): Promise<boolean> {
  if (enforce === undefined || pod.spec.hostNetwork === true || state.enforcedSandbox === sandboxId) return true;
  try {
    await enforce(pod, podIps(pod, runtime, nodeIps()));
    state.enforcedSandbox = sandboxId;
    return true;
  } catch (error) {
    events.event(pod, 'Warning', 'NetworkNotReady', `network is not ready: ${messageOf(error)}`);
    comeBack(state, retryMs);
    return false;
  }
}
