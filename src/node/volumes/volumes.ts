// Volumes of Pods: made, kept up to date, taken down. Kinds that are not here are refused with their name.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { nameSuffix, type Random } from '#base/random.ts';
import type { Pod, Volume } from '#api/generated/types.ts';
import type { DiskUse, NodeMachine } from '#host/node-machine.ts';
import { type CsiVolume, inlineCsiVolume, persistentCsiVolume } from '../csi/volume.ts';
import type { CsiVolumes } from '../csi/volumes.ts';
import { writeAtomically } from './atomic-writer.ts';
import { type BoundVolume, boundVolume, ClaimError, type ClaimSources } from './claims.ts';
import { mediumPageSize } from '../pod/huge-pages.ts';
import { checkHostPath } from './host-path.ts';
import { memoryVolumeBytes } from './memory-size.ts';
import { giveToGroup } from './ownership.ts';
import { type PayloadSources, volumePayload } from './payloads.ts';

export type VolumeSources = PayloadSources & ClaimSources;

/** Volumes of CSI drivers. */
export type PodCsiVolumes = Pick<CsiVolumes, 'ensure' | 'tearDown' | 'lookInMs'>;

export interface PodVolumesOptions {
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly random: Random;
  /** The kubelet's root directory: Pods' directories are below `pods/`. */
  readonly rootDirectory: string;
  /** Absent: CSI volumes are refused. */
  readonly csi?: PodCsiVolumes | undefined;
}

export interface MountedVolume {
  readonly path: string;
  /** A block volume: its device on the host. There is no path. */
  readonly device?: string;
  /** An image volume: its content is mounted by the runtime, and there is no path. */
  readonly image?: { readonly reference: string; readonly pullPolicy: string | undefined };
  /** Of the claim or the source itself, whatever a mount says. */
  readonly readOnly: boolean;
}

/** One volume could not be set up. The message is that of the Pod's event. */
export class VolumeError extends Error {
  constructor(volume: string, specName: string, cause: unknown) {
    const why = messageOf(cause);
    super(
      cause instanceof ClaimError
        ? `Unable to attach or mount volumes: unmounted volumes=[${volume}], unattached volumes=[], failed to process volumes=[${volume}]: ${why}`
        : `MountVolume.SetUp failed for volume ${JSON.stringify(specName)} : ${why}`,
      { cause },
    );
  }
}

export interface VolumesSetUp {
  /** By name in the Pod. */
  readonly mounted: ReadonlyMap<string, MountedVolume>;
  readonly failures: readonly VolumeError[];
  /** Names of those that are on their way. */
  readonly waiting: readonly string[];
}

const mountedCsi = (
  csi: PodCsiVolumes,
  pod: Pod,
  volume: CsiVolume,
  bound?: BoundVolume,
): MountedVolume | undefined => {
  const found = csi.ensure(pod, volume, bound);
  if (found === undefined) return undefined;
  return volume.block
    ? { path: '', device: found.path, readOnly: volume.readOnly }
    : { path: found.path, readOnly: volume.readOnly };
};

/** Of a PersistentVolume's spec: what says nothing of its kind. */
const generalFields = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

const pluginOf = (volume: Volume): string => {
  if (volume.emptyDir !== undefined) return 'empty-dir';
  if (volume.configMap !== undefined) return 'configmap';
  if (volume.secret !== undefined) return 'secret';
  if (volume.downwardAPI !== undefined) return 'downward-api';
  return 'projected';
};

export class PodVolumes {
  readonly #options: PodVolumesOptions;
  readonly #owned = new Set<string>();

  constructor(options: PodVolumesOptions) {
    this.#options = options;
  }

  podDirectory(podUid: string): string {
    return `${this.#options.rootDirectory}/pods/${podUid}`;
  }

  /** Makes or updates all volumes of the Pod: each for itself, whatever becomes of the others. */
  async setUp(pod: Pod, sources: VolumeSources): Promise<VolumesSetUp> {
    const mounted = new Map<string, MountedVolume>();
    const failures: VolumeError[] = [];
    const waiting: string[] = [];
    await this.#options.machine.makeDirectory(this.podDirectory(pod.metadata.uid ?? ''), 0o750);
    for (const volume of pod.spec.volumes ?? []) {
      let specName = volume.name;
      try {
        const bound = await boundVolume(pod, volume, sources);
        specName = bound?.volume.metadata.name ?? volume.name;
        const one = bound === undefined ? await this.#own(pod, volume, sources) : await this.#claim(pod, bound);
        if (one === undefined) waiting.push(volume.name);
        else mounted.set(volume.name, one);
      } catch (error) {
        failures.push(new VolumeError(volume.name, specName, error));
      }
    }
    return { mounted, failures, waiting };
  }

  /** When a volume of the Pod wants to be looked at again. */
  lookAgainInMs(podUid: string): number | undefined {
    return this.#options.csi?.lookInMs(podUid);
  }

  /** Undefined: it is on its way. */
  async #own(pod: Pod, volume: Volume, sources: VolumeSources): Promise<MountedVolume | undefined> {
    const { machine, clock, random, csi } = this.#options;
    if (volume.hostPath !== undefined) {
      await checkHostPath(machine, volume.hostPath.path, volume.hostPath.type ?? '');
      return { path: volume.hostPath.path, readOnly: false };
    }
    const inline = inlineCsiVolume(pod, volume);
    if (inline !== undefined && csi !== undefined) return mountedCsi(csi, pod, inline);
    if (volume.image !== undefined)
      return {
        path: '',
        readOnly: true,
        image: { reference: volume.image.reference ?? '', pullPolicy: volume.image.pullPolicy },
      };
    const path = `${this.podDirectory(pod.metadata.uid ?? '')}/volumes/kubernetes.io~${pluginOf(volume)}/${volume.name}`;
    const fsGroup = pod.spec.securityContext?.fsGroup;
    if (volume.emptyDir !== undefined) {
      await this.#emptyDirectory(pod, path, volume, fsGroup, sources.allocatable['memory']);
      return { path, readOnly: false };
    }
    const payload = await volumePayload(pod, volume, sources);
    if (payload === undefined) {
      const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
      throw new Error(`volumes of type ${kind} are not supported`);
    }
    if ((await machine.status(path)) === undefined) {
      await machine.makeDirectory(path, 0o777);
      // Secrets never reach a disk.
      machine.mounts.tmpfs(path, { mode: 0o777 });
    } else if (!machine.mounts.isMountPoint(path)) machine.mounts.tmpfs(path, { mode: 0o777 });
    const stamp = `${new Date(clock.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '_').replace('T', '_')}.${nameSuffix(random, 9)}`;
    await writeAtomically(machine, path, payload, stamp, fsGroup);
    return { path, readOnly: true };
  }

  async #emptyDirectory(
    pod: Pod,
    path: string,
    volume: Volume,
    fsGroup: number | undefined,
    memoryBytes: number | undefined,
  ): Promise<void> {
    const { machine } = this.#options;
    const { medium, sizeLimit } = volume.emptyDir ?? {};
    const isHuge = medium?.startsWith('HugePages') === true;
    if (medium !== undefined && medium !== '' && medium !== 'Memory' && !isHuge)
      throw new Error(`emptyDir medium ${JSON.stringify(medium)} is not supported`);
    const exists = (await machine.status(path)) !== undefined;
    if (!exists) await machine.makeDirectory(path, 0o777);
    if (medium === 'Memory' && !machine.mounts.isMountPoint(path)) {
      const sizeBytes = memoryVolumeBytes(pod, { sizeLimit }, memoryBytes);
      machine.mounts.tmpfs(path, { sizeBytes, mode: 0o777 });
    } else if (isHuge && !machine.mounts.isMountPoint(path)) {
      machine.mounts.hugePages(path, mediumPageSize(pod, medium));
      await machine.changeMode(path, 0o777);
    } else if (exists) return;
    if (fsGroup !== undefined) {
      await machine.changeOwner(path, 0, fsGroup);
      await machine.changeMode(path, 0o2777);
    }
  }

  async #claim(pod: Pod, bound: BoundVolume): Promise<MountedVolume | undefined> {
    const { machine, csi } = this.#options;
    const { volume, readOnly } = bound;
    const { hostPath, local, volumeMode } = volume.spec;
    const name = volume.metadata.name ?? '';
    const ofCsi = persistentCsiVolume(volume, readOnly);
    if (ofCsi !== undefined && csi !== undefined) return mountedCsi(csi, pod, ofCsi, bound);
    if (hostPath !== undefined) {
      await checkHostPath(machine, hostPath.path, hostPath.type ?? '');
      return { path: hostPath.path, readOnly };
    }
    if (local !== undefined) {
      const { path } = local;
      const status = await machine.status(path);
      if (status === undefined) throw new Error(`path ${path} does not exist`);
      if (volumeMode === 'Block') return { path: '', device: path, readOnly };
      if (status.type === 'block-device')
        throw new Error(
          `${path} is a block device: mount it, and name the folder where it is mounted in the PersistentVolume`,
        );
      if (status.type !== 'directory') throw new Error('only directory and block device are supported');
      const fsGroup = pod.spec.securityContext?.fsGroup;
      // Once, when it is set up: what is written later has the group by the directories' own bit.
      const key = `${pod.metadata.uid}/${path}`;
      if (fsGroup !== undefined && !readOnly && !this.#owned.has(key)) {
        await giveToGroup(machine, path, fsGroup, pod.spec.securityContext?.fsGroupChangePolicy);
        this.#owned.add(key);
      }
      return { path, readOnly };
    }
    const kind = Object.keys(volume.spec).find((key) => !generalFields.has(key)) ?? 'unknown';
    throw new Error(`PersistentVolume ${name}: volumes of type ${kind} are not supported`);
  }

  /** What the Pod's own volumes (emptyDir on disk) use, by name. */
  async used(pod: Pod): Promise<Map<string, DiskUse>> {
    const used = new Map<string, DiskUse>();
    for (const volume of pod.spec.volumes ?? []) {
      if (volume.emptyDir === undefined || (volume.emptyDir.medium ?? '') !== '') continue;
      const path = `${this.podDirectory(pod.metadata.uid ?? '')}/volumes/kubernetes.io~empty-dir/${volume.name}`;
      used.set(volume.name, await this.#options.machine.diskUse(path));
    }
    return used;
  }

  /**
   * Unmounts and removes everything of the Pod. Content behind mounts of others is never touched. False: a driver is still at it, and
   * the Pod is looked at when it is done.
   */
  async tearDown(podUid: string): Promise<boolean> {
    const { machine, csi } = this.#options;
    const directory = this.podDirectory(podUid);
    for (const key of this.#owned) if (key.startsWith(`${podUid}/`)) this.#owned.delete(key);
    // Binds of what is in a volume go before the volume.
    for (const target of machine.mounts.list().toReversed())
      if (target.startsWith(`${directory}/volume-subpaths/`)) machine.mounts.unmount(target);
    if (csi !== undefined && !(await csi.tearDown(podUid))) return false;
    if ((await machine.status(directory)) === undefined) return true;
    const below = () => machine.mounts.list().filter((target) => target.startsWith(`${directory}/`));
    for (const target of below().toReversed()) machine.mounts.unmount(target);
    if (below().length > 0) throw new Error(`something is still mounted below ${directory}`);
    await machine.remove(directory);
    return true;
  }

  /** Uids of Pods that have a directory here. */
  known(): Promise<readonly string[]> {
    return this.#options.machine.list(`${this.#options.rootDirectory}/pods`);
  }
}
