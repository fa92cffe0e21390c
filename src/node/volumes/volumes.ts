// Volumes of Pods: made, kept up to date, taken down. Kinds that are not here are refused with their name.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { nameSuffix, type Random } from '#base/random.ts';
import type {
  Container,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Volume,
  VolumeMount,
} from '#api/generated/types.ts';
import { quantityToNumber } from '#api/quantity.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import { type ContainerMount, mountPropagation } from '../cri/messages.ts';
import { ContainerConfigError } from '../pod/environment.ts';
import { expand } from '../pod/expansion.ts';
import { writeAtomically } from './atomic-writer.ts';
import { type PayloadSources, volumePayload } from './payloads.ts';

export interface VolumeSources extends PayloadSources {
  claim(namespace: string, name: string): Promise<PersistentVolumeClaim | undefined>;
  persistentVolume(name: string): Promise<PersistentVolume | undefined>;
}

export interface PodVolumesOptions {
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly random: Random;
  /** The kubelet's root directory: Pods' directories are below `pods/`. */
  readonly rootDirectory: string;
}

export interface MountedVolume {
  readonly path: string;
  /** An image volume: its content is mounted by the runtime, and there is no path. */
  readonly image?: { readonly reference: string; readonly pullPolicy: string | undefined };
  /** Of the claim or the source itself, whatever a mount says. */
  readonly readOnly: boolean;
}

/** One volume could not be set up. */
export class VolumeError extends Error {
  readonly volume: string;
  constructor(volume: string, cause: unknown) {
    super(messageOf(cause), { cause });
    this.volume = volume;
  }
}

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

  /** Makes or updates all volumes of the Pod. Throws a VolumeError for the first that cannot be. */
  async setUp(pod: Pod, sources: VolumeSources): Promise<ReadonlyMap<string, MountedVolume>> {
    const mounted = new Map<string, MountedVolume>();
    await this.#options.machine.makeDirectory(this.podDirectory(pod.metadata.uid ?? ''), 0o750);
    for (const volume of pod.spec.volumes ?? []) {
      try {
        mounted.set(volume.name, await this.#setUpOne(pod, volume, sources));
      } catch (error) {
        throw new VolumeError(volume.name, error);
      }
    }
    return mounted;
  }

  async #setUpOne(pod: Pod, volume: Volume, sources: VolumeSources): Promise<MountedVolume> {
    const { machine, clock, random } = this.#options;
    if (volume.hostPath !== undefined) {
      await this.#checkHostPath(volume.hostPath.path, volume.hostPath.type ?? '');
      return { path: volume.hostPath.path, readOnly: false };
    }
    if (volume.persistentVolumeClaim !== undefined) return this.#claim(pod, volume.persistentVolumeClaim, sources);
    if (volume.ephemeral !== undefined)
      return this.#claim(pod, { claimName: `${pod.metadata.name}-${volume.name}` }, sources);
    if (volume.image !== undefined)
      return {
        path: '',
        readOnly: true,
        image: { reference: volume.image.reference ?? '', pullPolicy: volume.image.pullPolicy },
      };
    const path = `${this.podDirectory(pod.metadata.uid ?? '')}/volumes/kubernetes.io~${pluginOf(volume)}/${volume.name}`;
    const fsGroup = pod.spec.securityContext?.fsGroup;
    if (volume.emptyDir !== undefined) {
      await this.#emptyDirectory(path, volume, fsGroup);
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

  async #emptyDirectory(path: string, volume: Volume, fsGroup: number | undefined): Promise<void> {
    const { machine } = this.#options;
    const { medium, sizeLimit } = volume.emptyDir ?? {};
    if (medium !== undefined && medium !== '' && medium !== 'Memory')
      throw new Error(`emptyDir medium ${JSON.stringify(medium)} is not supported`);
    const exists = (await machine.status(path)) !== undefined;
    if (!exists) await machine.makeDirectory(path, 0o777);
    if (medium === 'Memory' && !machine.mounts.isMountPoint(path)) {
      const sizeBytes = sizeLimit === undefined ? undefined : Math.ceil(quantityToNumber(String(sizeLimit)));
      machine.mounts.tmpfs(path, { sizeBytes: sizeBytes === 0 ? undefined : sizeBytes, mode: 0o777 });
    } else if (exists) return;
    if (fsGroup !== undefined) {
      await machine.changeOwner(path, 0, fsGroup);
      await machine.changeMode(path, 0o2777);
    }
  }

  async #claim(
    pod: Pod,
    reference: { readonly claimName: string; readonly readOnly?: boolean | undefined },
    sources: VolumeSources,
  ): Promise<MountedVolume> {
    const namespace = pod.metadata.namespace ?? 'default';
    const claim = await sources.claim(namespace, reference.claimName);
    if (claim === undefined)
      throw new Error(
        `error processing PVC ${namespace}/${reference.claimName}: failed to fetch PVC from API server: persistentvolumeclaims ${JSON.stringify(reference.claimName)} not found`,
      );
    const volumeName = claim.spec.volumeName ?? '';
    if (claim.status?.phase !== 'Bound' || volumeName === '')
      throw new Error(`error processing PVC ${namespace}/${reference.claimName}: PVC is not bound`);
    const volume = await sources.persistentVolume(volumeName);
    if (volume === undefined) throw new Error(`persistentvolumes ${JSON.stringify(volumeName)} not found`);
    const bound = volume.spec.claimRef;
    if (bound?.uid !== undefined && bound.uid !== claim.metadata.uid)
      throw new Error(`PersistentVolume ${volumeName} is bound to another claim`);
    const readOnly = reference.readOnly === true;
    if (volume.spec.hostPath !== undefined) {
      await this.#checkHostPath(volume.spec.hostPath.path, volume.spec.hostPath.type ?? '');
      return { path: volume.spec.hostPath.path, readOnly };
    }
    if (volume.spec.local !== undefined) {
      const { path } = volume.spec.local;
      if ((await this.#options.machine.status(path)) === undefined) throw new Error(`path ${path} does not exist`);
      const fsGroup = pod.spec.securityContext?.fsGroup;
      // Once, when it is set up: what is written later has the group by the directories' own bit.
      const key = `${pod.metadata.uid}/${path}`;
      if (fsGroup !== undefined && !readOnly && !this.#owned.has(key)) {
        const policy = pod.spec.securityContext?.fsGroupChangePolicy;
        if (policy !== 'OnRootMismatch' || !(await this.#isOwned(path, fsGroup))) await this.#own(path, fsGroup);
        this.#owned.add(key);
      }
      return { path, readOnly };
    }
    throw new Error(`PersistentVolume ${volumeName}: only hostPath and local volumes are supported`);
  }

  /** Upstream's requiresPermissionChange: the root of the volume speaks for what is below it. */
  async #isOwned(path: string, gid: number): Promise<boolean> {
    const status = await this.#options.machine.status(path);
    return status !== undefined && status.gid === gid && (status.mode & 0o2060) === 0o2060;
  }

  /** Gives the group everything below (fsGroup). The root last: OnRootMismatch takes it as the sign that all is done. */
  async #own(path: string, gid: number): Promise<void> {
    const { machine } = this.#options;
    const status = await machine.status(path, false);
    if (status === undefined) return;
    if (status.type === 'directory')
      for (const name of await machine.list(path)) await this.#own(`${path}/${name}`, gid);
    await machine.changeOwner(path, status.uid, gid);
    if (status.type === 'symlink') return;
    await machine.changeMode(path, status.mode | 0o060 | (status.type === 'directory' ? 0o2010 : 0));
  }

  async #checkHostPath(path: string, type: string): Promise<void> {
    const { machine } = this.#options;
    if (type === '') return;
    const status = await machine.status(path);
    const fail = (what: string) => new Error(`hostPath type check failed: ${path} is not ${what}`);
    switch (type) {
      case 'DirectoryOrCreate':
        if (status === undefined) await machine.makeDirectory(path, 0o755);
        else if (status.type !== 'directory') throw fail('a directory');
        return;
      case 'Directory':
        if (status?.type !== 'directory') throw fail('a directory');
        return;
      case 'FileOrCreate':
        if (status === undefined) await machine.write(path, '', 0o644);
        else if (status.type === 'directory') throw fail('a file');
        return;
      case 'File':
        if (status?.type !== 'file') throw fail('a file');
        return;
      case 'Socket':
        if (status?.type !== 'socket') throw fail('a socket file');
        return;
      case 'CharDevice':
        if (status?.type !== 'character-device') throw fail('a character device');
        return;
      case 'BlockDevice':
        if (status?.type !== 'block-device') throw fail('a block device');
        return;
      default:
        throw new Error(`${JSON.stringify(type)} is an invalid volume type`);
    }
  }

  /** The mounts of a container, in its order. */
  async containerMounts(
    podUid: string,
    container: Container,
    volumes: ReadonlyMap<string, MountedVolume>,
    environment: Readonly<Record<string, string>>,
    images: ReadonlyMap<string, string>,
    recursiveReadOnlyMounts: boolean,
  ): Promise<ContainerMount[]> {
    const mounts: ContainerMount[] = [];
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
      const volume = volumes.get(mount.name);
      if (volume === undefined)
        throw new ContainerConfigError(
          `cannot find volume ${JSON.stringify(mount.name)} to mount into container ${JSON.stringify(container.name)}`,
        );
      const containerPath = mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`;
      const recursiveReadOnly = resolveRecursiveReadOnly(mount, recursiveReadOnlyMounts);
      if (volume.image !== undefined) {
        mounts.push({
          containerPath,
          hostPath: '',
          readonly: true,
          recursiveReadOnly,
          image: { image: images.get(mount.name) ?? '', userSpecifiedImage: volume.image.reference },
          imageSubPath: mount.subPath ?? '',
        });
        continue;
      }
      mounts.push({
        containerPath,
        recursiveReadOnly,
        hostPath: await this.#subPath(this.podDirectory(podUid), container, mount, index, volume.path, environment),
        readonly: mount.readOnly === true || volume.readOnly,
        propagation:
          mount.mountPropagation === 'Bidirectional'
            ? mountPropagation.bidirectional
            : mount.mountPropagation === 'HostToContainer'
              ? mountPropagation.hostToContainer
              : mountPropagation.private,
      });
    }
    return mounts;
  }

  async #subPath(
    podDirectory: string,
    container: Container,
    mount: VolumeMount,
    index: number,
    root: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<string> {
    const { machine } = this.#options;
    let subPath = mount.subPath ?? '';
    if (mount.subPathExpr !== undefined && mount.subPathExpr !== '') {
      subPath = expand(mount.subPathExpr, environment);
      if (subPath.includes('$(') && subPath.includes(')', subPath.indexOf('$(')))
        throw new ContainerConfigError(`missing value for ${JSON.stringify(mount.subPathExpr)}`);
    }
    if (subPath === '') return root;
    if (subPath.startsWith('/'))
      throw new ContainerConfigError(`error SubPath \`${subPath}\` must not be an absolute path`);
    if (subPath.split('/').includes('..'))
      throw new ContainerConfigError(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
    const failed = () =>
      new ContainerConfigError(
        `failed to prepare subPath for volumeMount ${JSON.stringify(mount.name)} of container ${JSON.stringify(container.name)}`,
      );
    // Links inside the volume are resolved as they are now; if they change, opening the result fails.
    const realRoot = await machine.realPath(root);
    let existing = `${root}/${subPath}`;
    while ((await machine.status(existing)) === undefined) existing = existing.slice(0, existing.lastIndexOf('/'));
    const real = await machine.realPath(existing);
    if (!isInside(real, realRoot)) throw failed();
    const relative = `${real.slice(realRoot.length)}${`${root}/${subPath}`.slice(existing.length)}`;
    const mode = (await machine.status(root))?.mode ?? 0o750;
    const target = `${podDirectory}/volume-subpaths/${mount.name}/${container.name}/${index}`;
    try {
      await machine.bindInside(realRoot, relative, mode, target);
    } catch {
      // Without the cause: it would tell of the host's files.
      throw failed();
    }
    return target;
  }

  /** Bytes that the Pod's own volumes (emptyDir on disk) use, by name. */
  async used(pod: Pod): Promise<Map<string, number>> {
    const used = new Map<string, number>();
    for (const volume of pod.spec.volumes ?? []) {
      if (volume.emptyDir === undefined || volume.emptyDir.medium === 'Memory') continue;
      const path = `${this.podDirectory(pod.metadata.uid ?? '')}/volumes/kubernetes.io~empty-dir/${volume.name}`;
      used.set(volume.name, await this.#options.machine.usedBytes(path));
    }
    return used;
  }

  /** Unmounts and removes everything of the Pod. Content behind mounts of others is never touched. */
  async tearDown(podUid: string): Promise<void> {
    const { machine } = this.#options;
    const directory = this.podDirectory(podUid);
    for (const key of this.#owned) if (key.startsWith(`${podUid}/`)) this.#owned.delete(key);
    if ((await machine.status(directory)) === undefined) return;
    const below = () => machine.mounts.list().filter((target) => target.startsWith(`${directory}/`));
    for (const target of below().toReversed()) machine.mounts.unmount(target);
    if (below().length > 0) throw new Error(`something is still mounted below ${directory}`);
    await machine.remove(directory);
  }

  /** Uids of Pods that have a directory here. */
  known(): Promise<readonly string[]> {
    return this.#options.machine.list(`${this.#options.rootDirectory}/pods`);
  }
}

function resolveRecursiveReadOnly(mount: VolumeMount, supported: boolean): boolean {
  const mode = mount.recursiveReadOnly ?? 'Disabled';
  if (mode === 'Disabled') return false;
  const fail = (what: string) =>
    new ContainerConfigError(
      `failed to resolve recursive read-only mode: volume ${JSON.stringify(mount.name)} requested recursive read-only mode, but it is ${what}`,
    );
  if (mount.readOnly !== true) throw fail('not read-only');
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None')
    throw fail(`not compatible with propagation ${JSON.stringify(mount.mountPropagation)}`);
  if (mode === 'Enabled' && !supported) throw fail('not supported by the runtime');
  return supported;
}

const isInside = (path: string, root: string): boolean => path === root || path.startsWith(`${root}/`);
