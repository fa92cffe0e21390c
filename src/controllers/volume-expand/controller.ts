// Tells of claims that ask for more than their volume has.
import { PersistentVolumeClaims, PersistentVolumes } from '#api/generated/kind-references.ts';
import type { PersistentVolumeClaim } from '#api/generated/types.ts';
import { compareQuantities } from '#api/quantity.ts';
import { keyedController, read, self, splitKey, writeSubresource } from '../runtime/declaration.ts';
import { capacityOf, decide, requestOf } from './decide.ts';

/** Asked for more, or got more. */
const grew = (previous: PersistentVolumeClaim | undefined, current: PersistentVolumeClaim | undefined): boolean =>
  current !== undefined &&
  (previous === undefined ||
    compareQuantities(requestOf(current), requestOf(previous)) > 0 ||
    compareQuantities(capacityOf(current), capacityOf(previous)) > 0);

export const volumeExpand = keyedController({
  name: 'volume-expand',
  account: 'expand-controller',
  component: 'volume_expand',
  reads: [read(PersistentVolumeClaims, self, grew), read(PersistentVolumes)],
  writes: [writeSubresource(PersistentVolumeClaims, 'status', 'patch')],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const claim = lookup.get(PersistentVolumeClaims, namespace, name);
    const volumeName = claim?.spec?.volumeName;
    if (claim === undefined || !volumeName) return undefined;
    return { claim, volume: lookup.get(PersistentVolumes, undefined, volumeName) };
  },
  decide,
});
