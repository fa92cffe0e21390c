// What node, controller and scheduler agree on about attaching CSI volumes: names, and which volumes it is about.
import { createHash } from 'node:crypto';
import type { CSIDriver, PersistentVolume } from '#api/generated/types.ts';

/** The name of the VolumeAttachment of a volume to a node: upstream's, which attachers and drivers look for. */
export const attachmentName = (handle: string, driver: string, nodeName: string): string =>
  `csi-${createHash('sha256').update(`${handle}${driver}${nodeName}`).digest('hex')}`;

const keyPrefix = 'kubernetes.io/csi/';

/** The name of a volume in a Node's status. */
export const attachedVolumeKey = (driver: string, handle: string): string => `${keyPrefix}${driver}^${handle}`;

/** The attachment that a name in a Node's status is about; undefined: it is no CSI volume's. */
export function attachmentOfKey(key: string, nodeName: string): string | undefined {
  const [driver, handle] = key.startsWith(keyPrefix) ? key.slice(keyPrefix.length).split('^') : [];
  return driver === undefined || handle === undefined ? undefined : attachmentName(handle, driver, nodeName);
}

/** Without an object that says otherwise a driver's volumes are attached. */
export const driverAttaches = (driver: CSIDriver | undefined): boolean => driver?.spec.attachRequired !== false;

/** Upstream's IsMultiAttachAllowed: it may be on several nodes at once. */
export const mayBeOnSeveralNodes = ({ spec }: PersistentVolume): boolean =>
  spec.accessModes === undefined ||
  spec.accessModes.length === 0 ||
  spec.accessModes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');
