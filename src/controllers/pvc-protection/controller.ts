// Protects PersistentVolumeClaims in use from deletion.
import { PersistentVolumeClaims, Pods } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { claimIndex } from '../persistentvolume-binder/controller.ts';
import { keyedController, partChanges, read, self, splitKey, write } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

export const claimProtection = keyedController({
  name: 'pvc-protection',
  account: 'pvc-protection-controller',
  reads: [
    read(
      PersistentVolumeClaims,
      self,
      partChanges((one) => [one.metadata.deletionTimestamp, one.metadata.finalizers]),
    ),
    read(
      Pods,
      claimIndex.keysOf,
      partChanges((pod: Pod) => [podIsTerminal(pod), pod.spec.nodeName]),
    ),
  ],
  writes: [write(PersistentVolumeClaims, 'update')],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const claim = lookup.get(PersistentVolumeClaims, namespace, name);
    return claim && { claim, pods: lookup.byIndex(Pods, claimIndex, key) };
  },
  decide,
});
