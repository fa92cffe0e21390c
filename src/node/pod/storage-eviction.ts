// Looks at the local disk that Pods with a limit use: writable layers, logs, volumes. The rule is in ../local-storage.ts.
import type { Pod } from '#api/generated/types.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { hasStorageLimit, storageEviction } from '../local-storage.ts';
import type { PodsOptions } from './options.ts';
import { podLogDirectory } from './runtime-config.ts';
import { podUidLabel } from './runtime-status.ts';
import type { PodState } from './state.ts';

const evictionGraceSeconds = 1;

/** Pods that use more than they may have failed from now on. */
export async function evictForStorage(
  options: Pick<PodsOptions, 'volumes' | 'machine' | 'runtime' | 'settings' | 'events'>,
  pods: readonly Pod[],
  states: ReadonlyMap<string, PodState>,
  enqueue: (podUid: string) => void,
): Promise<void> {
  const limited = pods.filter(
    (one) => hasStorageLimit(one) && states.get(one.metadata.uid ?? '')?.mounted !== undefined && !podIsTerminal(one),
  );
  if (limited.length === 0) return;
  const { volumes, machine, runtime, settings, events } = options;
  const layers = await runtime.listContainerStats();
  for (const pod of limited) {
    const uid = pod.metadata.uid ?? '';
    const containers = new Map<string, number>();
    for (const { name } of pod.spec.containers)
      containers.set(name, (await machine.diskUse(`${podLogDirectory(settings.podLogDirectory, pod)}/${name}`)).bytes);
    for (const { attributes, writableLayer } of layers) {
      const { name } = attributes.metadata;
      if (attributes.labels[podUidLabel] === uid && containers.has(name))
        containers.set(name, (containers.get(name) ?? 0) + (writableLayer?.usedBytes?.value ?? 0));
    }
    const message = storageEviction(pod, {
      volumes: new Map([...(await volumes.used(pod))].map(([name, { bytes }]) => [name, bytes])),
      containers,
    });
    const state = states.get(uid);
    if (message === undefined || state === undefined || state.failure !== undefined) continue;
    events.event(pod, 'Warning', 'Evicted', message);
    state.failure = { reason: 'Evicted', message };
    state.graceSeconds = evictionGraceSeconds;
    enqueue(uid);
  }
}
