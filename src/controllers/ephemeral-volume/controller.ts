// Makes the claims of generic ephemeral volumes.
import { PersistentVolumeClaims, Pods } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import { claimIndex } from '../persistentvolume-binder/controller.ts';
import { keyText, keyedController, read, splitKey, write } from '../runtime/declaration.ts';
import { decide } from './decide.ts';
import { ephemeralVolumeMeasures } from './metrics.ts';

const hasEphemeral = (pod: Pod): boolean => pod.spec.volumes?.some((one) => one.ephemeral !== undefined) === true;

export const ephemeralVolume = keyedController({
  name: 'ephemeral-volume',
  account: 'ephemeral-volume-controller',
  measures: ephemeralVolumeMeasures,
  component: 'ephemeral_volume',
  reads: [
    // A Pod's volumes never change.
    read(
      Pods,
      (pod) => (hasEphemeral(pod) ? [keyText(pod)] : []),
      (previous) => previous === undefined,
    ),
    read(
      PersistentVolumeClaims,
      (claim, lookup) => lookup.byIndex(Pods, claimIndex, keyText(claim)).filter(hasEphemeral).map(keyText),
      (_previous, current) => current === undefined,
    ),
  ],
  writes: [write(PersistentVolumeClaims, 'create')],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const pod = lookup.get(Pods, namespace, name);
    return pod && { pod, claim: (claimName: string) => lookup.get(PersistentVolumeClaims, namespace, claimName) };
  },
  decide,
});
