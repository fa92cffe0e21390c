// Protects PersistentVolumes in use from deletion.
import { PersistentVolumes } from '#api/generated/kind-references.ts';
import { keyedController, read, self, write } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

export const persistentVolumeProtection = keyedController({
  name: 'pv-protection',
  account: 'pv-protection-controller',
  reads: [read(PersistentVolumes, self)],
  writes: [write(PersistentVolumes, 'update')],
  snapshot: (lookup, key) => lookup.get(PersistentVolumes, undefined, key),
  decide,
});
