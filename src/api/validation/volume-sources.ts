// Sources of volumes that Pods and PersistentVolumes have alike: of drivers that are no longer part of Kubernetes, too. They
// are stored and never mounted here, but what is wrong in them is told all the same.
import { invalid, notSupported, required, tooLong, type FieldError } from '../field-error.ts';
import type {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  FCVolumeSource,
  FlockerVolumeSource,
  GCEPersistentDiskVolumeSource,
  HostPathVolumeSource,
  ISCSIPersistentVolumeSource,
  NFSVolumeSource,
  QuobyteVolumeSource,
} from '../generated/types.ts';
import { byteLength, dns1123Subdomain, rangeText } from '../meta/names.ts';
import { inRange, isAbsent, labelErrors, noStepsUp, optionalOneOf, requiredText, texts } from './fields.ts';

interface NamedSecret {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

/** The kinds whose secret must say its namespace are those that no namespace has. */
export const secretErrors = (path: string, secret: NamedSecret | undefined, ofCluster: boolean): FieldError[] =>
  secret === undefined
    ? []
    : [
        ...requiredText(`${path}.name`, secret.name),
        ...(ofCluster ? requiredText(`${path}.namespace`, secret.namespace) : []),
      ];

export const nfsErrors = (path: string, { server, path: directory }: NFSVolumeSource): FieldError[] => [
  ...requiredText(`${path}.server`, server),
  ...requiredText(`${path}.path`, directory),
  ...((directory ?? '').startsWith('/') ? [] : [invalid(`${path}.path`, directory ?? '', 'must be an absolute path')]),
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

export const hostPathErrors = (path: string, { path: directory, type }: HostPathVolumeSource): FieldError[] =>
  isAbsent(directory)
    ? [required(`${path}.path`)]
    : [...noStepsUp(`${path}.path`, directory), ...optionalOneOf(`${path}.type`, type, hostPathTypes)];

/** Upstream says 1 and allows 0. */
const partitionErrors = (path: string, partition = 0): FieldError[] =>
  partition < 0 || partition > 255 ? [invalid(path, partition, rangeText(1, 255))] : [];

export const gceDiskErrors = (path: string, disk: GCEPersistentDiskVolumeSource): FieldError[] => [
  ...requiredText(`${path}.pdName`, disk.pdName),
  ...partitionErrors(`${path}.partition`, disk.partition),
];

export const awsDiskErrors = (path: string, disk: AWSElasticBlockStoreVolumeSource): FieldError[] => [
  ...requiredText(`${path}.volumeID`, disk.volumeID),
  ...partitionErrors(`${path}.partition`, disk.partition),
];

const initiatorForms: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.[A-Za-z0-9\-.]+:[^,;*&$|\s]+$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};

function initiatorErrors(path: string, name: string, ofCluster: boolean): FieldError[] {
  const form = initiatorForms[name.slice(0, 3)];
  if (form === undefined)
    return [
      invalid(path, name, ofCluster ? 'must be valid format' : 'must be valid format starting with iqn, eui, or naa'),
    ];
  return form.test(name) ? [] : [invalid(path, name, 'must be valid format')];
}

/** `volumeName`: of the PersistentVolume; absent for volumes of Pods. */
export function iscsiErrors(
  path: string,
  source: Omit<ISCSIPersistentVolumeSource, 'secretRef'> & { readonly secretRef?: NamedSecret | undefined },
  volumeName?: string,
): FieldError[] {
  const ofCluster = volumeName !== undefined;
  const { targetPortal, iqn, lun, initiatorName, secretRef } = source;
  const errors = requiredText(`${path}.targetPortal`, targetPortal);
  if (ofCluster && initiatorName !== undefined && byteLength(`${volumeName}:${targetPortal}`) > 64)
    errors.push(
      invalid(
        `${path}.targetportal`,
        targetPortal,
        'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.',
      ),
    );
  errors.push(
    ...(isAbsent(iqn) ? [required(`${path}.iqn`)] : initiatorErrors(`${path}.iqn`, iqn, ofCluster)),
    ...inRange(`${path}.lun`, lun, 0, 255),
  );
  if ((source.chapAuthDiscovery === true || source.chapAuthSession === true) && secretRef === undefined)
    errors.push(required(`${path}.secretRef`));
  if (ofCluster) errors.push(...secretErrors(`${path}.secretRef`, secretRef, false));
  if (initiatorName !== undefined) errors.push(...initiatorErrors(`${path}.initiatorname`, initiatorName, ofCluster));
  return errors;
}

export function flockerErrors(path: string, { datasetName = '', datasetUUID = '' }: FlockerVolumeSource): FieldError[] {
  const errors: FieldError[] = [];
  if (datasetName === '' && datasetUUID === '')
    errors.push(required(path, 'one of datasetName and datasetUUID is required'));
  if (datasetName !== '' && datasetUUID !== '')
    errors.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  if (datasetName.includes('/')) errors.push(invalid(`${path}.datasetName`, datasetName, "must not contain '/'"));
  return errors;
}

interface CephImage {
  readonly monitors?: readonly string[] | undefined;
  readonly image?: string | undefined;
}
export const cephMonitorErrors = (path: string, { monitors }: CephImage): FieldError[] =>
  (monitors?.length ?? 0) === 0 ? [required(`${path}.monitors`)] : [];
export const rbdErrors = (path: string, source: CephImage): FieldError[] => [
  ...cephMonitorErrors(path, source),
  ...requiredText(`${path}.image`, source.image),
];

export const cinderErrors = (
  path: string,
  source: { readonly volumeID?: string | undefined; readonly secretRef?: NamedSecret | undefined },
  ofCluster: boolean,
): FieldError[] => [
  ...requiredText(`${path}.volumeID`, source.volumeID),
  ...secretErrors(`${path}.secretRef`, source.secretRef, ofCluster),
];

/** host:port, as Go's net.SplitHostPort takes it apart. */
const isHostAndPort = (text: string): boolean => /^(\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/.test(text);

export function quobyteErrors(path: string, { registry, tenant = '', volume }: QuobyteVolumeSource): FieldError[] {
  const detail = 'must be a host:port pair or multiple pairs separated by commas';
  const errors: FieldError[] = [];
  if (isAbsent(registry)) errors.push(required(`${path}.registry`, detail));
  else if (byteLength(tenant) >= 65)
    errors.push(required(`${path}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'));
  else
    for (const pair of registry.split(','))
      if (!isHostAndPort(pair)) errors.push(invalid(`${path}.registry`, registry, detail));
  return [...errors, ...requiredText(`${path}.volume`, volume)];
}

export function fcErrors(path: string, { targetWWNs = [], wwids = [], lun }: FCVolumeSource): FieldError[] {
  const at = `${path}.targetWWNs`;
  const errors: FieldError[] = [];
  if (targetWWNs.length === 0 && wwids.length === 0)
    errors.push(required(at, 'must specify either targetWWNs or wwids, but not both'));
  if (targetWWNs.length > 0 && wwids.length > 0)
    errors.push(invalid(at, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'));
  if (targetWWNs.length > 0)
    errors.push(
      ...(lun === undefined
        ? [required(`${path}.lun`, 'lun is required if targetWWNs is specified')]
        : inRange(`${path}.lun`, lun, 0, 255)),
    );
  return errors;
}

export function flexErrors(
  path: string,
  source: { readonly driver?: string | undefined; readonly options?: Readonly<Record<string, string>> | undefined },
): FieldError[] {
  const errors = requiredText(`${path}.driver`, source.driver);
  for (const key of Object.keys(source.options ?? {})) {
    const domain = `.${key.split('/')[0]!.toLowerCase()}`;
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io'))
      errors.push(invalid(`${path}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved'));
  }
  return errors;
}

export const azureFileErrors = (
  path: string,
  source: {
    readonly secretName?: string | undefined;
    readonly shareName?: string | undefined;
    readonly secretNamespace?: string | undefined;
  },
): FieldError[] => [
  ...requiredText(`${path}.secretName`, source.secretName),
  ...requiredText(`${path}.shareName`, source.shareName),
  ...(source.secretNamespace === '' ? [required(`${path}.secretNamespace`)] : []),
];

const managedDisk = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const blobDisk = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

export function azureDiskErrors(path: string, disk: AzureDiskVolumeSource): FieldError[] {
  const { diskURI, kind } = disk;
  const errors = [
    ...requiredText(`${path}.diskName`, disk.diskName),
    ...requiredText(`${path}.diskURI`, diskURI),
    ...optionalOneOf(`${path}.cachingMode`, disk.cachingMode, ['None', 'ReadOnly', 'ReadWrite']),
    ...optionalOneOf(`${path}.kind`, kind, ['Dedicated', 'Managed', 'Shared']),
  ];
  if (kind === 'Managed' && !diskURI.startsWith('/subscriptions/'))
    errors.push(notSupported(`${path}.diskURI`, diskURI, [managedDisk]));
  if (kind !== undefined && kind !== 'Managed' && !diskURI.startsWith('https://'))
    errors.push(notSupported(`${path}.diskURI`, diskURI, [blobDisk]));
  return errors;
}

export const scaleIoErrors = (
  path: string,
  source: {
    readonly gateway?: string | undefined;
    readonly system?: string | undefined;
    readonly volumeName?: string | undefined;
  },
): FieldError[] =>
  (['gateway', 'system', 'volumeName'] as const).flatMap((name) => requiredText(`${path}.${name}`, source[name]));

export const storageOsErrors = (
  path: string,
  source: {
    readonly volumeName?: string | undefined;
    readonly volumeNamespace?: string | undefined;
    readonly secretRef?: NamedSecret | undefined;
  },
  ofCluster: boolean,
): FieldError[] => [
  ...(isAbsent(source.volumeName)
    ? [required(`${path}.volumeName`)]
    : labelErrors(`${path}.volumeName`, source.volumeName)),
  ...(isAbsent(source.volumeNamespace) ? [] : labelErrors(`${path}.volumeNamespace`, source.volumeNamespace)),
  ...secretErrors(`${path}.secretRef`, source.secretRef, ofCluster),
];

export const driverNameErrors = (path: string, driver: string | undefined): FieldError[] =>
  isAbsent(driver)
    ? [required(path)]
    : [
        ...(byteLength(driver) > 63 ? [tooLong(path, 63)] : []),
        ...texts(path, driver, dns1123Subdomain(driver.toLowerCase())),
      ];
