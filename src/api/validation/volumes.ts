// Volumes of a Pod. Of sources of removed in-tree drivers, what the schema says is checked.
import { forbidden, invalid, required, type FieldError } from '../field-error.ts';
import type {
  DownwardAPIVolumeFile,
  KeyToPath,
  ObjectFieldSelector,
  ObjectMeta,
  ProjectedVolumeSource,
  ResourceFieldSelector,
  Volume,
} from '../generated/types.ts';
import { validateLabelSelector } from '../meta/label-selector.ts';
import { dns1123Subdomain, nameIsDnsSubdomain } from '../meta/names.ts';
import { validateSchemaMember } from '../schema/validate.ts';
import { canonicalQuantity, compareQuantities } from '../quantity.ts';
import {
  fileInVolume,
  fileMode,
  isAbsent,
  labelErrors,
  noStepsUp,
  oneOf,
  optionalOneOf,
  qualifiedErrors,
  relativePath,
  requiredText,
  texts,
} from './fields.ts';
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
const fileFieldPaths = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
const resourceFields = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const sizeDivisors = new Set(['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']);
const sizeDivisorText = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';
/** Field labels that a Pod has, also where the place does not allow them. */
const podFieldLabels = new Set([
  ...fileFieldPaths,
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

export function fieldReferenceErrors(
  path: string,
  reference: ObjectFieldSelector,
  allowed: readonly string[],
): FieldError[] {
  const { apiVersion = 'v1', fieldPath } = reference;
  if (isAbsent(fieldPath)) return [required(`${path}.fieldPath`)];
  const wrong = (detail: string) => [invalid(`${path}.fieldPath`, fieldPath, `error converting fieldPath: ${detail}`)];
  if (apiVersion !== 'v1') return wrong(`unsupported pod version: ${apiVersion}`);
  const subscript = /^(.*)\['(.*)'\]$/.exec(fieldPath);
  if (subscript !== null) {
    const [, base, key = ''] = subscript;
    if (base === 'metadata.annotations') return qualifiedErrors(path, key.toLowerCase());
    if (base === 'metadata.labels') return qualifiedErrors(path, key);
    return wrong(`field label does not support subscript: ${fieldPath}`);
  }
  const label = fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath;
  if (!podFieldLabels.has(label)) return wrong(`field label not supported: ${fieldPath}`);
  return oneOf(`${path}.fieldPath`, label, allowed);
}

export function resourceReferenceErrors(
  path: string,
  reference: ResourceFieldSelector,
  inVolume: boolean,
): FieldError[] {
  const { resource, containerName, divisor } = reference;
  const errors: FieldError[] = [];
  const hugePages = /^(requests|limits)\.hugepages-/.test(resource ?? '');
  if (inVolume && isAbsent(containerName)) errors.push(required(`${path}.containerName`));
  else if (isAbsent(resource)) errors.push(required(`${path}.resource`));
  else if (!hugePages) errors.push(...oneOf(`${path}.resource`, resource, resourceFields));
  if (divisor === undefined || compareQuantities(String(divisor), '0') === 0) return errors;
  const text = canonicalQuantity(String(divisor));
  const wrong = (allowed: string, of: string) =>
    errors.push(
      invalid(`${path}.divisor`, resource, `only divisor's values ${allowed} are supported with the ${of} resource`),
    );
  if (resource.endsWith('.cpu')) {
    if (text !== '1m' && text !== '1') wrong('1m and 1', 'cpu');
  } else if (!sizeDivisors.has(text)) {
    if (resource.endsWith('.memory')) wrong(sizeDivisorText, 'memory');
    if (resource.endsWith('.ephemeral-storage')) wrong(sizeDivisorText, 'local ephemeral storage');
    if (hugePages) wrong(sizeDivisorText, 'hugepages');
  }
  return errors;
}

const itemErrors = (path: string, item: KeyToPath): FieldError[] => [
  ...requiredText(`${path}.key`, item.key),
  ...requiredText(`${path}.path`, item.path),
  ...fileInVolume(`${path}.path`, item.path ?? ''),
  ...fileMode(`${path}.mode`, item.mode),
];
const itemsErrors = (path: string, items: readonly KeyToPath[] | undefined): FieldError[] =>
  (items ?? []).flatMap((item, index) => itemErrors(`${path}.items[${index}]`, item));

function downwardFileErrors(path: string, file: DownwardAPIVolumeFile): FieldError[] {
  const errors = [...requiredText(`${path}.path`, file.path), ...fileInVolume(`${path}.path`, file.path ?? '')];
  if (file.fieldRef !== undefined) {
    errors.push(...fieldReferenceErrors(`${path}.fieldRef`, file.fieldRef, fileFieldPaths));
    if (file.resourceFieldRef !== undefined)
      errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (file.resourceFieldRef !== undefined)
    errors.push(...resourceReferenceErrors(`${path}.resourceFieldRef`, file.resourceFieldRef, true));
  else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  return [...errors, ...fileMode(`${path}.mode`, file.mode)];
}

function projectedErrors(path: string, projected: ProjectedVolumeSource): FieldError[] {
  const errors = fileMode(`${path}.defaultMode`, projected.defaultMode);
  const paths = new Set<string>();
  const claim = (file: string | undefined, shown: unknown) => {
    if (file === undefined || file === '') return;
    if (paths.has(file)) errors.push(invalid(path, shown, 'conflicting duplicate paths'));
    paths.add(file);
  };
  for (const [index, source] of (projected.sources ?? []).entries()) {
    const at = `${path}.sources[${index}]`;
    for (const kind of ['secret', 'configMap'] as const) {
      const one = source[kind];
      if (one === undefined) continue;
      errors.push(...requiredText(`${at}.${kind}.name`, one.name), ...itemsErrors(`${at}.${kind}`, one.items));
      for (const item of one.items ?? []) claim(item.path, one.name ?? '');
    }
    for (const file of source.downwardAPI?.items ?? []) {
      errors.push(...downwardFileErrors(`${at}.downwardAPI`, file));
      claim(file.path, file.path);
    }
    const token = source.serviceAccountToken;
    if (token !== undefined) {
      const seconds = token.expirationSeconds ?? 3600;
      const secondsPath = `${at}.serviceAccountToken.expirationSeconds`;
      if (seconds < 600) errors.push(invalid(secondsPath, seconds, 'may not specify a duration less than 10 minutes'));
      if (seconds > 2 ** 32)
        errors.push(invalid(secondsPath, seconds, 'may not specify a duration larger than 2^32 seconds'));
      // Upstream names the volume here, not the source.
      errors.push(...(isAbsent(token.path) ? [required(`${path}.path`)] : fileInVolume(`${path}.path`, token.path)));
    }
    const bundle = source.clusterTrustBundle;
    if (bundle !== undefined) {
      const of = `${at}.clusterTrustBundle`;
      if (bundle.name !== undefined && bundle.signerName !== undefined)
        errors.push(invalid(of, bundle, 'only one of name and signerName may be used'));
      else if (bundle.name !== undefined) {
        errors.push(...requiredText(`${of}.name`, bundle.name, 'must be a valid object name'));
        if (bundle.labelSelector !== undefined)
          errors.push(
            invalid(`${of}.labelSelector`, bundle.labelSelector, 'labelSelector must be unset if name is specified'),
          );
      } else if (bundle.signerName !== undefined)
        errors.push(
          ...requiredText(`${of}.signerName`, bundle.signerName, 'must be a valid signer name'),
          ...validateLabelSelector(bundle.labelSelector, `${of}.labelSelector`),
        );
      else errors.push(required(of, 'either name or signerName must be specified'));
      errors.push(...requiredText(`${of}.path`, bundle.path), ...fileInVolume(`${of}.path`, bundle.path ?? ''));
      claim(bundle.path, bundle.path);
    }
    const certificate = source.podCertificate;
    if (certificate !== undefined) {
      const of = `${at}.podCertificate`;
      errors.push(
        ...oneOf(`${of}.keyType`, certificate.keyType, [
          'RSA3072',
          'RSA4096',
          'ECDSAP256',
          'ECDSAP384',
          'ECDSAP521',
          'ED25519',
        ]),
      );
      const files = (['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const).filter(
        (name) => !isAbsent(certificate[name]),
      );
      for (const name of files) {
        errors.push(...fileInVolume(`${of}.${name}`, certificate[name]!));
        claim(certificate[name], certificate[name]);
      }
      if (files.length === 0)
        errors.push(required(of, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'));
    }
    if (Object.values(source).filter((one) => one !== undefined).length > 1)
      errors.push(forbidden(at, 'may not specify more than 1 volume type per source'));
  }
  return errors;
}

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
