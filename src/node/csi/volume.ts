// One volume of a CSI driver as a Pod uses it, and where it is on this node: paths and files as upstream has them, so that drivers
// and tools that look there find what they know.
import { createHash } from 'node:crypto';
import type { CSIDriver, PersistentVolume, Pod, SecretReference, Volume } from '#api/generated/types.ts';
import { type CsiCapability, firstAccessMode } from './client.ts';

export interface CsiVolume {
  /** The PersistentVolume's name, or of an inline volume its name in the Pod. */
  readonly specName: string;
  readonly driver: string;
  readonly handle: string;
  /** Of a PersistentVolume; else it lives and ends with its Pod. */
  readonly persistent: boolean;
  readonly block: boolean;
  readonly readOnly: boolean;
  readonly fsType: string;
  readonly accessModes: readonly string[];
  readonly accessMode: string;
  readonly mountOptions: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly stageSecret: SecretReference | undefined;
  readonly publishSecret: SecretReference | undefined;
}

/** Undefined: it is of another kind. */
export function persistentCsiVolume(volume: PersistentVolume, readOnly: boolean): CsiVolume | undefined {
  const { csi, volumeMode, accessModes, mountOptions } = volume.spec;
  if (csi === undefined) return undefined;
  return {
    specName: volume.metadata.name ?? '',
    driver: csi.driver,
    handle: csi.volumeHandle,
    persistent: true,
    block: volumeMode === 'Block',
    readOnly,
    fsType: csi.fsType ?? '',
    accessModes: accessModes ?? [],
    accessMode: firstAccessMode(volume),
    mountOptions: mountOptions ?? [],
    attributes: csi.volumeAttributes ?? {},
    stageSecret: csi.nodeStageSecretRef,
    publishSecret: csi.nodePublishSecretRef,
  };
}

export function inlineCsiVolume(pod: Pod, volume: Volume): CsiVolume | undefined {
  const { csi, name } = volume;
  if (csi === undefined) return undefined;
  const secret = csi.nodePublishSecretRef?.name;
  return {
    specName: name,
    driver: csi.driver,
    handle: `csi-${digest(`${pod.metadata.uid}${name}`)}`,
    persistent: false,
    block: false,
    readOnly: csi.readOnly === true,
    fsType: csi.fsType ?? '',
    accessModes: [],
    accessMode: 'ReadWriteOnce',
    mountOptions: [],
    attributes: csi.volumeAttributes ?? {},
    stageSecret: undefined,
    publishSecret: secret === undefined ? undefined : { name: secret, namespace: pod.metadata.namespace },
  };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

export const capabilityOf = (volume: CsiVolume, group: number | undefined): CsiCapability => ({
  block: volume.block,
  fsType: volume.fsType,
  mountOptions: volume.mountOptions,
  accessMode: volume.accessMode,
  group,
});

/** Where drivers are told to put volumes. */
export class CsiPaths {
  readonly root: string;
  readonly plugin: string;
  constructor(root: string) {
    this.root = root;
    this.plugin = `${root}/plugins/kubernetes.io/csi`;
  }
  readonly podVolumes = (uid: string): string => `${this.root}/pods/${uid}/volumes/kubernetes.io~csi`;
  readonly podDevices = (uid: string): string => `${this.root}/pods/${uid}/volumeDevices/kubernetes.io~csi`;
  /** Holds vol_data.json beside what the driver is given. */
  readonly stagingFolder = ({ driver, handle }: Pick<CsiVolume, 'driver' | 'handle'>): string =>
    `${this.plugin}/${driver}/${digest(handle)}`;
  get blockFolder(): string {
    return `${this.plugin}/volumeDevices`;
  }
  staging(volume: Pick<CsiVolume, 'driver' | 'handle' | 'block' | 'specName'>): string {
    return volume.block
      ? `${this.blockFolder}/staging/${volume.specName}`
      : `${this.stagingFolder(volume)}/globalmount`;
  }
  target(podUid: string, volume: Pick<CsiVolume, 'block' | 'specName'>): string {
    return volume.block
      ? `${this.blockFolder}/publish/${volume.specName}/${podUid}`
      : `${this.podVolumes(podUid)}/${volume.specName}/mount`;
  }
  /** The folder of vol_data.json of a Pod's use; of a block device it is one for all Pods. */
  data(podUid: string, volume: Pick<CsiVolume, 'block' | 'specName'>): string {
    return volume.block
      ? `${this.blockFolder}/${volume.specName}/data`
      : `${this.podVolumes(podUid)}/${volume.specName}`;
  }
}

export const dataFile = 'vol_data.json';

export interface VolumeData {
  readonly driverName: string;
  readonly volumeHandle: string;
  readonly specVolID: string;
}

/** Undefined: it is not what was written there. */
export function parseVolumeData(text: string | undefined): VolumeData | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { driverName, volumeHandle, specVolID } = value as Partial<Record<keyof VolumeData, unknown>>;
    if (typeof driverName !== 'string' || typeof volumeHandle !== 'string') return undefined;
    return { driverName, volumeHandle, specVolID: typeof specVolID === 'string' ? specVolID : '' };
  } catch {
    return undefined;
  }
}

/** Throws what upstream says when the driver is not made for volumes of this kind. */
export function checkLifecycle(volume: CsiVolume, object: CSIDriver | undefined): void {
  const mode = volume.persistent ? 'Persistent' : 'Ephemeral';
  const about = `volume mode ${JSON.stringify(mode)} not supported by driver ${volume.driver}`;
  if (object === undefined) {
    if (!volume.persistent) throw new Error(`${about} (no CSIDriver object)`);
    return;
  }
  const modes = object.spec.volumeLifecycleModes ?? [];
  if (!modes.includes(mode))
    throw new Error(`${about} (only supports [${modes.map((one) => JSON.stringify(one)).join(' ')}])`);
}

/** Whether the group of the Pod is given to the volume's files by the node. */
export function groupIsApplied(volume: CsiVolume, object: CSIDriver | undefined): boolean {
  const policy = object === undefined ? 'ReadWriteOnceWithFSType' : (object.spec.fsGroupPolicy ?? '');
  if (volume.readOnly || volume.block || policy === 'None') return false;
  if (policy === 'File') return true;
  if (volume.fsType === '') return false;
  return (
    !volume.persistent || volume.accessModes.some((mode) => mode === 'ReadWriteOnce' || mode === 'ReadWriteOncePod')
  );
}

export const podAttributes = (pod: Pod, { persistent }: CsiVolume): Readonly<Record<string, string>> => ({
  'csi.storage.k8s.io/pod.name': pod.metadata.name ?? '',
  'csi.storage.k8s.io/pod.namespace': pod.metadata.namespace ?? '',
  'csi.storage.k8s.io/pod.uid': pod.metadata.uid ?? '',
  'csi.storage.k8s.io/serviceAccount.name': pod.spec.serviceAccountName ?? '',
  'csi.storage.k8s.io/ephemeral': String(!persistent),
});
