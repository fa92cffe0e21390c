// PersistentVolume: one source, which never changes.
import { defaultGates } from '../../feature-gates.ts';
import { forbidden, invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type {
  GlusterfsPersistentVolumeSource,
  PersistentVolume,
  PersistentVolumeSpec,
  SecretReference,
} from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nameIsDnsLabel } from '../../meta/names.ts';
import { formatTime } from '../../meta/time.ts';
import {
  differences,
  immutable,
  isAbsent,
  labelErrors,
  noStepsUp,
  optionalOneOf,
  requiredText,
  semanticEqual,
  subdomainErrors,
  texts,
} from '../../validation/fields.ts';
import { termWarnings } from '../../validation/placement-warnings.ts';
import { basicAmountErrors, positiveAmount } from '../../validation/resources.ts';
import { nodeSelectorErrors } from '../../validation/scheduling.ts';
import { accessModeErrors, classNameErrors, volumeModeErrors } from '../../validation/volume-claim.ts';
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
} from '../../validation/volume-sources.ts';

type SourceName = Exclude<
  keyof PersistentVolumeSpec,
  | 'capacity'
  | 'accessModes'
  | 'claimRef'
  | 'persistentVolumeReclaimPolicy'
  | 'storageClassName'
  | 'mountOptions'
  | 'volumeMode'
  | 'nodeAffinity'
  | 'volumeAttributesClassName'
>;

const secretReferenceErrors = (path: string, secret: SecretReference): FieldError[] => [
  ...(isAbsent(secret.name) ? [required(`${path}.name`)] : subdomainErrors(`${path}.name`, secret.name)),
  ...(isAbsent(secret.namespace)
    ? [required(`${path}.namespace`)]
    : labelErrors(`${path}.namespace`, secret.namespace)),
];

/** All but the one for staging, which upstream does not look at. */
const csiSecrets = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
] as const;

function glusterfsErrors(path: string, source: GlusterfsPersistentVolumeSource): FieldError[] {
  const { endpoints, path: directory, endpointsNamespace: namespace } = source;
  const errors = [...requiredText(`${path}.endpoints`, endpoints), ...requiredText(`${path}.path`, directory)];
  const at = `${path}.endpointsNamespace`;
  if (namespace === '')
    errors.push(invalid(at, namespace, 'if the endpointnamespace is set, it must be a valid namespace name'));
  else if (namespace !== undefined) errors.push(...texts(at, namespace, nameIsDnsLabel(namespace, false)));
  return errors;
}

const directoryErrors = (path: string, directory: string | undefined): FieldError[] =>
  isAbsent(directory) ? [required(path)] : noStepsUp(path, directory);

/** In upstream's order: the first one counts, every further one is refused. */
const sourceRules: {
  readonly [K in SourceName]-?: (
    path: string,
    source: NonNullable<PersistentVolumeSpec[K]>,
    spec: PersistentVolumeSpec,
    volumeName: string,
  ) => FieldError[];
} = {
  hostPath: (path, source) => hostPathErrors(path, source),
  gcePersistentDisk: (path, source) => gceDiskErrors(path.replace(/gcePersistentDisk$/, 'persistentDisk'), source),
  awsElasticBlockStore: awsDiskErrors,
  glusterfs: glusterfsErrors,
  flocker: flockerErrors,
  nfs: nfsErrors,
  rbd: rbdErrors,
  quobyte: quobyteErrors,
  cephfs: cephMonitorErrors,
  iscsi: (path, source, _spec, volumeName) => iscsiErrors(path, source, volumeName),
  cinder: (path, source) => cinderErrors(path, source, true),
  fc: fcErrors,
  flexVolume: flexErrors,
  azureFile: azureFileErrors,
  vsphereVolume: (path, { volumePath }) => requiredText(`${path}.volumePath`, volumePath),
  photonPersistentDisk: (path, { pdID }) => requiredText(`${path}.pdID`, pdID),
  portworxVolume: (path, { volumeID }) => requiredText(`${path}.volumeID`, volumeID),
  azureDisk: azureDiskErrors,
  scaleIO: scaleIoErrors,
  local: (path, source, { nodeAffinity }) => [
    ...directoryErrors(`${path}.path`, source.path),
    ...(nodeAffinity === undefined
      ? [required(path.replace(/local$/, 'nodeAffinity'), 'Local volume requires node affinity')]
      : []),
  ],
  storageos: (path, source) => storageOsErrors(path, source, true),
  csi: (path, source) => [
    ...driverNameErrors(`${path}.driver`, source.driver),
    ...requiredText(`${path}.volumeHandle`, source.volumeHandle),
    ...csiSecrets.flatMap((name) => {
      const secret = source[name];
      return secret === undefined ? [] : secretReferenceErrors(`${path}.${name}`, secret);
    }),
  ],
};

const sourceNames = Object.keys(sourceRules) as SourceName[];
const sourcesOf = (spec: PersistentVolumeSpec): Partial<Pick<PersistentVolumeSpec, SourceName>> =>
  Object.fromEntries(sourceNames.filter((name) => spec[name] !== undefined).map((name) => [name, spec[name]]));

function sourceErrors(path: string, spec: PersistentVolumeSpec, volumeName: string): FieldError[] {
  const errors: FieldError[] = [];
  let found = false;
  for (const name of sourceNames) {
    const source = spec[name];
    if (source === undefined) continue;
    if (!found || name === 'flexVolume') {
      const rule = sourceRules[name] as (...given: readonly unknown[]) => FieldError[];
      errors.push(...rule(`${path}.${name}`, source, spec, volumeName));
    } else
      errors.push(
        forbidden(`${path}.${name === 'cephfs' ? 'cephFS' : name}`, 'may not specify more than 1 volume type'),
      );
    found = true;
  }
  return found ? errors : [required(path, 'must specify a volume type')];
}

/** Of a volume that an attachment carries in itself: a CSI volume that no claim has. */
export function inlineVolumeErrors(path: string, spec: PersistentVolumeSpec): FieldError[] {
  const inline = 'may not be specified in the context of inline volumes';
  const errors: FieldError[] = [];
  if (spec.claimRef !== undefined) errors.push(forbidden(`${path}.claimRef`, inline));
  if (Object.keys(spec.capacity ?? {}).length > 0) errors.push(forbidden(`${path}.capacity`, inline));
  if (spec.csi === undefined)
    errors.push(required(`${path}.csi`, 'has to be specified in the context of inline volumes'));
  if ((spec.accessModes?.length ?? 0) === 0) errors.push(required(`${path}.accessModes`));
  errors.push(...accessModeErrors(`${path}.accessModes`, spec.accessModes));
  const policy = spec.persistentVolumeReclaimPolicy;
  if (!isAbsent(policy) && policy !== 'Retain')
    errors.push(
      forbidden(`${path}.persistentVolumeReclaimPolicy`, 'may only be Retain in the context of inline volumes'),
    );
  if (spec.nodeAffinity !== undefined) errors.push(forbidden(`${path}.nodeAffinity`, inline));
  errors.push(...sourceErrors(path, spec, ''));
  if (!isAbsent(spec.storageClassName)) errors.push(forbidden(`${path}.storageClassName`, inline));
  if (spec.volumeMode !== undefined && spec.volumeMode !== 'Filesystem')
    errors.push(
      forbidden(
        `${path}.volumeMode`,
        'may not specify volumeMode other than Filesystem in the context of inline volumes',
      ),
    );
  return errors;
}

function validate(object: PersistentVolume): FieldError[] {
  const spec: PersistentVolume['spec'] = object.spec ?? {};
  const capacity = spec.capacity ?? {};
  const errors: FieldError[] = [];
  if ((spec.accessModes?.length ?? 0) === 0) errors.push(required('spec.accessModes'));
  errors.push(...accessModeErrors('spec.accessModes', spec.accessModes));
  if (Object.keys(capacity).length === 0) errors.push(required('spec.capacity'));
  if (capacity['storage'] === undefined || Object.keys(capacity).length > 1)
    errors.push(notSupported('spec.capacity', spec.capacity ?? null, ['storage']));
  for (const [name, amount] of Object.entries(capacity))
    errors.push(
      ...basicAmountErrors(`spec.capacity[${name}]`, amount),
      ...positiveAmount(`spec.capacity[${name}]`, amount),
    );
  const policy = spec.persistentVolumeReclaimPolicy;
  if (!isAbsent(policy))
    errors.push(...optionalOneOf('spec.persistentVolumeReclaimPolicy', policy, ['Delete', 'Recycle', 'Retain']));
  const terms = spec.nodeAffinity?.required;
  if (spec.nodeAffinity !== undefined)
    errors.push(
      ...(terms === undefined
        ? [required('spec.nodeAffinity.required', 'must specify required node constraints')]
        : nodeSelectorErrors('spec.nodeAffinity.required', terms)),
    );
  errors.push(...sourceErrors('spec', spec, object.metadata.name ?? ''));
  if (spec.hostPath !== undefined && /^\/+$/.test(spec.hostPath.path) && policy === 'Recycle')
    errors.push(forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"));
  errors.push(
    ...classNameErrors('spec.storageClassName', spec.storageClassName),
    ...volumeModeErrors('spec.volumeMode', spec.volumeMode),
  );
  if (spec.volumeAttributesClassName !== undefined) {
    errors.push(
      ...(spec.volumeAttributesClassName === ''
        ? [required('spec.volumeAttributesClassName', 'an empty string is disallowed')]
        : classNameErrors('spec.volumeAttributesClassName', spec.volumeAttributesClassName)),
    );
    if (spec.csi === undefined)
      errors.push(required('spec.csi', 'has to be specified when using volumeAttributesClassName'));
  }
  return errors;
}

const mountable: readonly SourceName[] = [
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'nfs',
  'rbd',
  'quobyte',
  'iscsi',
  'cinder',
  'cephfs',
  'azureFile',
  'vsphereVolume',
  'azureDisk',
  'photonPersistentDisk',
];
const mountOptionsAnnotation = 'volume.beta.kubernetes.io/mount-options';

function mountOptionErrors({ metadata, spec }: PersistentVolume): FieldError[] {
  return metadata.annotations?.[mountOptionsAnnotation] === undefined ||
    mountable.some((name) => spec?.[name] !== undefined)
    ? []
    : [
        forbidden(
          `metadata.annotations.${mountOptionsAnnotation}`,
          'may not specify mount options for this volume type',
        ),
      ];
}

const deadSources: readonly (readonly [SourceName, string, string])[] = [
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

function warnings({ metadata, spec }: PersistentVolume): string[] {
  const result: string[] = [];
  for (const [key, text] of [
    ['volume.beta.kubernetes.io/storage-class', 'deprecated since v1.8; use "storageClassName" attribute instead'],
    [mountOptionsAnnotation, 'deprecated since v1.31; use "mountOptions" attribute instead'],
  ] as const)
    if (metadata.annotations?.[key] !== undefined) result.push(`metadata.annotations[${key}]: ${text}`);
  if (spec.persistentVolumeReclaimPolicy === 'Recycle')
    result.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    );
  for (const [index, term] of (spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).entries())
    result.push(...termWarnings(`spec.nodeAffinity.required.nodeSelectorTerms[${index}]`, term, false));
  for (const [name, shown, text] of deadSources) if (spec[name] !== undefined) result.push(`spec.${shown}: ${text}`);
  return result;
}

export const persistentVolume: KindBehaviour<PersistentVolume> = {
  prepareForCreate(object, { now }) {
    object.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(now) };
  },
  prepareForUpdate(object, previous, { subresource, now }) {
    if (subresource !== 'status') return;
    object.spec = previous.spec as typeof object.spec;
    object.status ??= {};
    const [time, before] = [object.status.lastPhaseTransitionTime, previous.status?.lastPhaseTransitionTime];
    if (object.status.phase === previous.status?.phase) object.status.lastPhaseTransitionTime = time ?? before;
    else if (time === undefined || time === before) object.status.lastPhaseTransitionTime = formatTime(now);
  },
  validate: (object) => [...validate(object), ...mountOptionErrors(object)],
  warnings,
  validateUpdate(object, previous, subresource, context) {
    if (subresource === 'status') return [];
    // Upstream looks at the whole twice here.
    const errors = [...validate(object), ...mountOptionErrors(object), ...validate(object)];
    const before = sourcesOf(previous.spec ?? {});
    let now = sourcesOf(object.spec ?? {});
    // The secret for expanding may still be given.
    if (before.csi !== undefined && before.csi.controllerExpandSecretRef === undefined && now.csi !== undefined)
      now = { ...now, csi: { ...now.csi, controllerExpandSecretRef: undefined } };
    if (!semanticEqual(now, before))
      errors.push(
        forbidden(
          'spec.persistentvolumesource',
          `spec.persistentvolumesource is immutable after creation\n${differences(before, now).join('\n')}`,
        ),
      );
    errors.push(...immutable('volumeMode', object.spec?.volumeMode, previous.spec?.volumeMode));
    if (previous.spec?.nodeAffinity !== undefined && !(context?.gates ?? defaultGates).isOn('MutablePVNodeAffinity'))
      errors.push(
        ...(semanticEqual(object.spec?.nodeAffinity, previous.spec.nodeAffinity)
          ? []
          : [
              invalid(
                'nodeAffinity',
                object.spec?.nodeAffinity ?? null,
                'field is immutable, except for updating from beta label to GA',
              ),
            ]),
      );
    if (previous.spec?.volumeAttributesClassName !== undefined && object.spec?.volumeAttributesClassName === undefined)
      errors.push(forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'));
    return errors;
  },
};
