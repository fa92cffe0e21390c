// Built-in storage provisioner: makes and removes the directories behind PersistentVolumes.
import { Nodes, PersistentVolumeClaims, PersistentVolumes, StorageClasses } from '#api/generated/kind-references.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '#api/generated/types.ts';
import { classOfClaim } from '#rules/volume-matches-claim.ts';
import { selectedNode } from '../persistentvolume-binder/decide-claim.ts';
import { keyText, keyedController, read, splitKey, write, type Controller } from '../runtime/declaration.ts';
import {
  decide,
  isAsked,
  makeDirectory,
  provisionedBy,
  provisionerName,
  removeDirectory,
  volumeNameOf,
} from './decide.ts';

/** Files belong to host/: assembly gives what makes and removes them. */
export interface VolumeDirectories {
  /** Absolute path below which volumes are made. */
  readonly root: string;
  /** The node whose directories these are; absent: every node's. */
  readonly nodeName?: string | undefined;
  /** Makes the directory, writable for every user of a container. */
  make(path: string): Promise<void>;
  /** Removes it with what is in it; nothing there is fine. */
  remove(path: string): Promise<void>;
}

export const hostpathProvisioner = (directories: VolumeDirectories): Controller =>
  keyedController({
    name: 'hostpath-provisioner',
    account: 'persistent-volume-binder',
    component: provisionerName,
    reads: [
      read(PersistentVolumeClaims, (one: PersistentVolumeClaim) => (isAsked(one) ? [keyText(one)] : [])),
      read(PersistentVolumes, (one: PersistentVolume) =>
        one.metadata.annotations?.[provisionedBy] === provisionerName ? [keyText(one)] : [],
      ),
      read(StorageClasses),
      read(Nodes),
    ],
    writes: [write(PersistentVolumes, 'create', 'delete')],
    effects: {
      [makeDirectory]: (path) => directories.make(path),
      [removeDirectory]: (path) => directories.remove(path),
    },
    snapshot(lookup, key) {
      const { namespace, name } = splitKey(key);
      const { root } = directories;
      if (namespace === undefined) {
        const volume = lookup.get(PersistentVolumes, undefined, name);
        return volume && { type: 'volume' as const, volume, root };
      }
      const claim = lookup.get(PersistentVolumeClaims, namespace, name);
      if (claim === undefined) return undefined;
      const nodes = lookup.list(Nodes);
      const withoutChoice = (all: readonly Node[]) =>
        all.length === 1 ? all[0] : all.find((one) => one.metadata.name === directories.nodeName);
      const chosen = claim.metadata.annotations?.[selectedNode];
      return {
        type: 'claim' as const,
        claim,
        storageClass: lookup.get(StorageClasses, undefined, classOfClaim(claim)),
        node: chosen === undefined ? withoutChoice(nodes) : lookup.get(Nodes, undefined, chosen),
        volume: lookup.get(PersistentVolumes, undefined, volumeNameOf(claim)),
        root,
        home: directories.nodeName,
      };
    },
    decide,
  });
