// Volumes of a Pod. The sources of removed drivers are in volume-sources.ts.
import { forbidden, invalid, required, type FieldError } from '../field-error.ts';
import type { ObjectMeta, Volume } from '../generated/types.ts';
import { byteLength, nameIsDnsSubdomain } from '../meta/names.ts';
import { compareQuantities } from '../quantity.ts';
import { fileMode, isAbsent, labelErrors, optionalOneOf, relativePath, requiredText, texts } from './fields.ts';
import { downwardFileErrors, itemsErrors, projectedErrors } from './projected-files.ts';
import { claimTemplateErrors } from './volume-claim.ts';
import {
  awsDiskErrors,
  azureDiskErrors,
  azureFileErrors,
  cephMonitorErrors,
  cinderErrors,
  driverNameErrors,
  fcErrors,
  flexErrors,
  flockerErrors,
  gceDiskErrors,
  hostPathErrors,
  iscsiErrors,
  nfsErrors,
  quobyteErrors,
  rbdErrors,
  scaleIoErrors,
  storageOsErrors,
} from './volume-sources.ts';

type SourceName = Exclude<keyof Volume, 'name'>;

/** In upstream's order: the first one counts, every further one is refused. */
const sourceOrder: readonly SourceName[] = [
  'emptyDir',
  'hostPath',
  'gitRepo',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'secret',
  'nfs',
  'iscsi',
  'glusterfs',
  'flocker',
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'quobyte',
  'downwardAPI',
  'fc',
  'flexVolume',
  'configMap',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'storageos',
  'projected',
  'scaleIO',
  'csi',
  'ephemeral',
  'image',
];

/** As upstream spells them where they are one too many. */
const furtherNames: Partial<Record<SourceName, string>> = { downwardAPI: 'downwarAPI', cephfs: 'cephFS' };

/** The rules of the source that counts. */
function sourceErrors(path: string, volume: Volume, source: SourceName, podName: string | undefined): FieldError[] {
  const at = `${path}.${source}`;
  switch (source) {
    case 'emptyDir': {
      const limit = volume.emptyDir!.sizeLimit;
      return limit !== undefined && compareQuantities(String(limit), '0') < 0
        ? [forbidden(`${at}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')]
        : [];
    }
    case 'hostPath':
      return hostPathErrors(at, volume.hostPath!);
    case 'gitRepo':
      return [
        ...requiredText(`${at}.repository`, volume.gitRepo!.repository),
        ...relativePath(`${at}.directory`, volume.gitRepo!.directory ?? ''),
      ];
    case 'secret': {
      const one = volume.secret!;
      return [
        ...requiredText(`${at}.secretName`, one.secretName),
        ...fileMode(`${at}.defaultMode`, one.defaultMode),
        ...itemsErrors(at, one.items),
      ];
    }
    case 'configMap': {
      const one = volume.configMap!;
      return [
        ...requiredText(`${at}.name`, one.name),
        ...fileMode(`${at}.defaultMode`, one.defaultMode),
        ...itemsErrors(at, one.items),
      ];
    }
    case 'nfs':
      return nfsErrors(at, volume.nfs!);
    case 'persistentVolumeClaim':
      return requiredText(`${at}.claimName`, volume.persistentVolumeClaim!.claimName);
    case 'downwardAPI': {
      const one = volume.downwardAPI!;
      return [
        ...fileMode(`${at}.defaultMode`, one.defaultMode),
        ...(one.items ?? []).flatMap((file) => downwardFileErrors(at, file)),
      ];
    }
    case 'projected':
      return projectedErrors(at, volume.projected!);
    case 'csi': {
      const { driver, nodePublishSecretRef } = volume.csi!;
      const errors = driverNameErrors(`${at}.driver`, driver);
      if (nodePublishSecretRef !== undefined)
        errors.push(
          ...(isAbsent(nodePublishSecretRef.name)
            ? [required(`${at}.nodePublishSecretRef.name`)]
            : texts(`${at}.name`, nodePublishSecretRef.name, nameIsDnsSubdomain(nodePublishSecretRef.name, false))),
        );
      return errors;
    }
    case 'ephemeral': {
      const template = volume.ephemeral!.volumeClaimTemplate;
      const errors =
        template === undefined
          ? [required(`${at}.volumeClaimTemplate`)]
          : claimTemplateErrors(`${at}.volumeClaimTemplate`, template);
      if (podName !== undefined && volume.name !== '') {
        const claim = `${podName}-${volume.name}`;
        for (const text of nameIsDnsSubdomain(claim, false))
          errors.push(invalid(`${path}.name`, volume.name, `PVC name ${JSON.stringify(claim)}: ${text}`));
      }
      return errors;
    }
    case 'image': {
      const { reference, pullPolicy } = volume.image!;
      return [
        ...requiredText(`${at}.reference`, reference),
        ...optionalOneOf(`${at}.pullPolicy`, pullPolicy, ['Always', 'IfNotPresent', 'Never']),
      ];
    }
    case 'gcePersistentDisk':
      return gceDiskErrors(`${path}.persistentDisk`, volume.gcePersistentDisk!);
    case 'awsElasticBlockStore':
      return awsDiskErrors(at, volume.awsElasticBlockStore!);
    case 'iscsi': {
      const errors = iscsiErrors(at, volume.iscsi!);
      const { initiatorName, targetPortal } = volume.iscsi!;
      if (initiatorName !== undefined && byteLength(`${volume.name}:${targetPortal}`) > 64)
        errors.push(
          invalid(
            `${path}.name`,
            volume.name,
            'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.',
          ),
        );
      return errors;
    }
    case 'glusterfs':
      return [
        ...requiredText(`${at}.endpoints`, volume.glusterfs!.endpoints),
        ...requiredText(`${at}.path`, volume.glusterfs!.path),
      ];
    case 'flocker':
      return flockerErrors(at, volume.flocker!);
    case 'rbd':
      return rbdErrors(at, volume.rbd!);
    case 'cinder':
      return cinderErrors(at, volume.cinder!, false);
    case 'cephfs':
      return cephMonitorErrors(at, volume.cephfs!);
    case 'quobyte':
      return quobyteErrors(at, volume.quobyte!);
    case 'fc':
      return fcErrors(at, volume.fc!);
    case 'flexVolume':
      return flexErrors(at, volume.flexVolume!);
    case 'azureFile':
      return azureFileErrors(at, volume.azureFile!);
    case 'azureDisk':
      return azureDiskErrors(at, volume.azureDisk!);
    case 'vsphereVolume':
      return requiredText(`${at}.volumePath`, volume.vsphereVolume!.volumePath);
    case 'photonPersistentDisk':
      return requiredText(`${at}.pdID`, volume.photonPersistentDisk!.pdID);
    case 'portworxVolume':
      return requiredText(`${at}.volumeID`, volume.portworxVolume!.volumeID);
    case 'scaleIO':
      return scaleIoErrors(at, volume.scaleIO!);
    case 'storageos':
      return storageOsErrors(at, volume.storageos!, false);
  }
}

/** Also gives the volumes that are right, by name: mounts may name only those. */
export function volumeErrors(
  path: string,
  volumes: readonly Volume[] | undefined,
  podMeta: ObjectMeta | undefined,
): { errors: FieldError[]; byName: ReadonlyMap<string, Volume> } {
  const errors: FieldError[] = [];
  const byName = new Map<string, Volume>();
  const podName = podMeta?.name === '' ? undefined : podMeta?.name;
  const made = new Set(
    (volumes ?? [])
      .filter((one) => one.ephemeral !== undefined && podName !== undefined)
      .map((one) => `${podName}-${one.name}`),
  );
  for (const [index, volume] of (volumes ?? []).entries()) {
    const at = `${path}[${index}]`;
    const [first, ...further] = sourceOrder.filter((name) => volume[name] !== undefined);
    const own: FieldError[] =
      first === undefined ? [required(at, 'must specify a volume type')] : sourceErrors(at, volume, first, podName);
    for (const name of further)
      own.push(forbidden(`${at}.${furtherNames[name] ?? name}`, 'may not specify more than 1 volume type'));
    own.push(...(isAbsent(volume.name) ? [required(`${at}.name`)] : labelErrors(`${at}.name`, volume.name)));
    if (byName.has(volume.name))
      own.push({
        reason: 'FieldValueDuplicate',
        field: `${at}.name`,
        message: `Duplicate value: ${JSON.stringify(volume.name)}`,
      });
    if (own.length === 0) byName.set(volume.name, volume);
    errors.push(...own);
    const claimName = volume.persistentVolumeClaim?.claimName;
    if (claimName !== undefined && made.has(claimName))
      errors.push(
        invalid(
          `${at}.persistentVolumeClaim.claimName`,
          claimName,
          'must not reference a PVC that gets created for an ephemeral volume',
        ),
      );
  }
  return { errors, byName };
}
