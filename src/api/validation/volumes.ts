// Volumes of a Pod. Of sources of removed in-tree drivers, what the schema says is checked.
import { forbidden, invalid, required, type FieldError } from '../field-error.ts';
import type { ObjectMeta, Volume } from '../generated/types.ts';
import { dns1123Subdomain, nameIsDnsSubdomain } from '../meta/names.ts';
import { compareQuantities } from '../quantity.ts';
import { validateSchemaMember } from '../schema/validate.ts';
import {
  fileMode,
  isAbsent,
  labelErrors,
  noStepsUp,
  optionalOneOf,
  relativePath,
  requiredText,
  texts,
} from './fields.ts';
import { downwardFileErrors, itemsErrors, projectedErrors } from './projected-files.ts';
import { claimTemplateErrors } from './volume-claim.ts';

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

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
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
    case 'hostPath': {
      const { path: directory, type } = volume.hostPath!;
      if (isAbsent(directory)) return [required(`${at}.path`)];
      return [...noStepsUp(`${at}.path`, directory), ...optionalOneOf(`${at}.type`, type, hostPathTypes)];
    }
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
    case 'nfs': {
      const one = volume.nfs!;
      return [
        ...requiredText(`${at}.server`, one.server),
        ...requiredText(`${at}.path`, one.path),
        ...((one.path ?? '').startsWith('/')
          ? []
          : [invalid(`${at}.path`, one.path ?? '', 'must be an absolute path')]),
      ];
    }
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
      const errors = isAbsent(driver)
        ? [required(`${at}.driver`)]
        : [
            ...(driver.length > 63
              ? [
                  {
                    reason: 'FieldValueTooLong' as const,
                    field: `${at}.driver`,
                    message: 'Too long: may not be more than 63 bytes',
                  },
                ]
              : []),
            ...texts(`${at}.driver`, driver, dns1123Subdomain(driver.toLowerCase())),
          ];
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
    default:
      return validateSchemaMember('io.k8s.api.core.v1.Volume', source, volume[source], at);
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
    for (const name of further) own.push(forbidden(`${at}.${name}`, 'may not specify more than 1 volume type'));
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
