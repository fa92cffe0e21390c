// Ends and removes what is left of a Pod that the API no longer has: containers, sandboxes, logs, volumes, cgroup.
import type { PodsOptions } from './options.ts';
import type { Removal } from './removal.ts';
import { podNameLabel, podNamespaceLabel, type PodRuntimeStatus, podUidLabel } from './runtime-status.ts';
import type { PodState } from './state.ts';
import type { Stopping } from './stopping.ts';

/** False: something of it still runs; come again. */
export async function clearAway(
  options: PodsOptions,
  { removal, stopping }: { readonly removal: Removal; readonly stopping: Stopping },
  uid: string,
  state: PodState,
  runtime: PodRuntimeStatus,
): Promise<boolean> {
  const { runtime: cri, claims, volumes, images, sources, machine, settings, userNamespaces } = options;
  if (runtime.containers.some((one) => one.state === 'running')) {
    await stopping.pod(state.pod, state, runtime);
    return false;
  }
  const sandboxes = await cri.listPodSandboxes({ [podUidLabel]: uid });
  for (const one of runtime.containers) {
    await removal.container(one.id);
  }
  for (const one of sandboxes) {
    await removal.sandbox(uid, one.id);
    const logs = `${one.labels[podNamespaceLabel]}_${one.labels[podNameLabel]}_${uid}`;
    await machine.remove(`${settings.podLogDirectory}/${logs}`);
  }
  await claims.unprepare(uid);
  if (!(await volumes.tearDown(uid))) return false;
  if (state.cgroup !== undefined) await machine.removeCgroup(state.cgroup);
  images.forget(uid);
  sources.release(uid);
  userNamespaces.release(uid);
  return true;
}
