// The mounts and devices of one container, out of its Pod's volumes; sub paths are prepared without ever following a link.
import type { Container, VolumeMount } from '#api/generated/types.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import { type ContainerDevice, type ContainerMount, mountPropagation } from '../cri/messages.ts';
import { ContainerConfigError } from '../pod/environment.ts';
import { expand } from '../pod/expansion.ts';
import type { MountedVolume } from './volumes.ts';

export interface MountRequest {
  readonly machine: NodeMachine;
  readonly podDirectory: string;
  readonly container: Container;
  readonly volumes: ReadonlyMap<string, MountedVolume>;
  readonly environment: Readonly<Record<string, string>>;
  /** Ids of the images of image volumes. */
  readonly images: ReadonlyMap<string, string>;
  readonly recursiveReadOnlyMounts: boolean;
}

/** In the container's order. */
export async function containerMounts(request: MountRequest): Promise<ContainerMount[]> {
  const { container, volumes, images, recursiveReadOnlyMounts } = request;
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
      hostPath: await subPathOf(request, mount, index, volume.path),
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

async function subPathOf(
  { machine, podDirectory, container, environment }: MountRequest,
  mount: VolumeMount,
  index: number,
  root: string,
): Promise<string> {
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

/** Block volumes, as the container sees them. */
export function containerDevices(
  container: Container,
  volumes: ReadonlyMap<string, MountedVolume>,
): readonly ContainerDevice[] {
  return (container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const volume = volumes.get(name);
    if (volume?.device === undefined)
      throw new ContainerConfigError(
        `cannot find volume ${JSON.stringify(name)} to pass into container ${JSON.stringify(container.name)}`,
      );
    return { containerPath: devicePath, hostPath: volume.device, permissions: volume.readOnly ? 'r' : 'mrw' };
  });
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
