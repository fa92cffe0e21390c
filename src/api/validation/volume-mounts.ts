// Where a container has its Pod's volumes: as directories and as block devices.
import { forbidden, invalid, notFound, type FieldError } from '../field-error.ts';
import type { Container, Volume } from '../generated/types.ts';
import { isAbsent, noStepsUp, oneOf, optionalOneOf, relativePath, requiredText } from './fields.ts';

export function mountErrors(path: string, container: Container, volumes: ReadonlyMap<string, Volume>): FieldError[] {
  const errors: FieldError[] = [];
  const points = new Set<string>();
  const devices = container.volumeDevices ?? [];
  const privileged = container.securityContext?.privileged === true;
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const at = `${path}[${index}]`;
    errors.push(...requiredText(`${at}.name`, mount.name));
    if (!volumes.has(mount.name)) errors.push(notFound(`${at}.name`, mount.name));
    errors.push(...requiredText(`${at}.mountPath`, mount.mountPath));
    if (points.has(mount.mountPath)) errors.push(invalid(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    points.add(mount.mountPath);
    if (devices.some((one) => one.name === mount.name))
      errors.push(invalid(`${at}.name`, mount.name, 'must not already exist in volumeDevices'));
    if (devices.some((one) => one.devicePath === mount.mountPath))
      errors.push(invalid(`${at}.mountPath`, mount.mountPath, 'must not already exist as a path in volumeDevices'));
    // Upstream leaves the index out of the next four paths.
    if (!isAbsent(mount.subPath)) errors.push(...relativePath(`${path}.subPath`, mount.subPath));
    if (!isAbsent(mount.subPathExpr)) {
      if (!isAbsent(mount.subPath))
        errors.push(invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      errors.push(...relativePath(`${path}.subPathExpr`, mount.subPathExpr));
    }
    const propagation = mount.mountPropagation;
    if (propagation !== undefined) {
      errors.push(...oneOf(`${path}.mountPropagation`, propagation, ['Bidirectional', 'HostToContainer', 'None']));
      if (propagation === 'Bidirectional' && !privileged)
        errors.push(
          forbidden(
            `${path}.mountPropagation`,
            'Bidirectional mount propagation is available only to privileged containers',
          ),
        );
    }
    const recursive = mount.recursiveReadOnly;
    if (recursive === 'Enabled' || recursive === 'IfPossible') {
      if (mount.readOnly !== true)
        errors.push(forbidden(`${path}.recursiveReadOnly`, 'may only be specified when readOnly is true'));
      if (propagation !== undefined && propagation !== 'None')
        errors.push(
          forbidden(
            `${path}.recursiveReadOnly`,
            'may only be specified when mountPropagation is None or not specified',
          ),
        );
    } else errors.push(...optionalOneOf(`${path}.recursiveReadOnly`, recursive, ['Disabled', 'Enabled', 'IfPossible']));
  }
  return errors;
}

export function deviceErrors(path: string, container: Container, volumes: ReadonlyMap<string, Volume>): FieldError[] {
  const errors: FieldError[] = [];
  const [paths, names] = [new Set<string>(), new Set<string>()];
  const mounts = container.volumeMounts ?? [];
  for (const [index, device] of (container.volumeDevices ?? []).entries()) {
    const at = `${path}[${index}]`;
    const volume = volumes.get(device.name);
    errors.push(...requiredText(`${at}.name`, device.name));
    if (names.has(device.name)) errors.push(invalid(`${at}.name`, device.name, 'must be unique'));
    if (volume === undefined) errors.push(notFound(`${at}.name`, device.name));
    else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined)
      errors.push(
        invalid(
          `${at}.name`,
          device.name,
          'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
        ),
      );
    errors.push(...requiredText(`${at}.devicePath`, device.devicePath));
    if (paths.has(device.devicePath)) errors.push(invalid(`${at}.devicePath`, device.devicePath, 'must be unique'));
    if (noStepsUp('', device.devicePath).length > 0)
      errors.push(invalid(`${at}.devicePath`, device.devicePath, "can not contain backsteps ('..')"));
    else paths.add(device.devicePath);
    if (mounts.some((one) => one.name === device.name))
      errors.push(invalid(`${at}.name`, device.name, 'must not already exist in volumeMounts'));
    if (mounts.some((one) => one.mountPath === device.devicePath))
      errors.push(invalid(`${at}.devicePath`, device.devicePath, 'must not already exist as a path in volumeMounts'));
    names.add(device.name);
  }
  return errors;
}
