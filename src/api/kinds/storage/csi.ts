// What the CSI has in the API: CSIDriver, CSINode, CSIStorageCapacity, VolumeAttachment, VolumeAttributesClass.
import { duplicate, forbidden, invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type {
  CSIDriver,
  CSIDriverSpec,
  CSINode,
  CSINodeDriver,
  CSIStorageCapacity,
  TokenRequestStorageV1,
  VolumeAttachment,
  VolumeAttachmentSource,
  VolumeAttributesClass,
  VolumeError,
} from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { byteLength, nameIsDnsSubdomain, rangeText } from '../../meta/names.ts';
import {
  attachmentMetadataErrors,
  driverNameErrors,
  longMessage,
  parameterErrors,
  provisionerErrors,
} from '../../validation/class-parameters.ts';
import { nodeSelectorWarnings } from '../../validation/deprecated-node-labels.ts';
import {
  immutable,
  nonNegative,
  optionalOneOf,
  qualifiedErrors,
  semanticEqual,
  texts,
} from '../../validation/fields.ts';
import { nonNegativeAmount } from '../../validation/resources.ts';
import { inlineVolumeErrors } from '../core/persistent-volume.ts';

const lifecycleModes = ['Persistent', 'Ephemeral'];

function tokenRequestErrors(requests: readonly Partial<TokenRequestStorageV1>[]): FieldError[] {
  const audiences = new Set<string>();
  return requests.flatMap(({ audience = '', expirationSeconds: seconds }, index) => {
    const at = `spec.tokenRequests[${index}]`;
    if (audiences.has(audience)) return [duplicate(`${at}.audience`, audience)];
    audiences.add(audience);
    if (seconds === undefined) return [];
    const wrong = (detail: string) => invalid(`${at}.expirationSeconds`, seconds, detail);
    return [
      ...(seconds < 600 ? [wrong('may not specify a duration less than 10 minutes')] : []),
      ...(seconds > 2 ** 32 ? [wrong('may not specify a duration larger than 2^32 seconds')] : []),
    ];
  });
}

function driverErrors(spec: CSIDriverSpec): FieldError[] {
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  const { tokenRequests = [], volumeLifecycleModes = [] } = spec;
  return [
    // Upstream's path, with its slip.
    ...(spec.attachRequired === undefined ? [required('spec.attachedRequired')] : []),
    ...(['podInfoOnMount', 'storageCapacity'] as const).flatMap((field) =>
      spec[field] === undefined ? [required(`spec.${field}`)] : [],
    ),
    ...optionalOneOf('spec.fsGroupPolicy', spec.fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType']),
    ...tokenRequestErrors(tokenRequests),
    ...volumeLifecycleModes
      .filter((mode) => !lifecycleModes.includes(mode))
      .map((mode) => notSupported('spec.volumeLifecycleModes', mode, lifecycleModes)),
    ...(spec.seLinuxMount === undefined ? [required('spec.seLinuxMount')] : []),
    ...(period !== undefined && period < 10
      ? [invalid('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds')]
      : []),
    ...(spec.serviceAccountTokenInSecrets !== undefined && tokenRequests.length === 0
      ? [
          invalid(
            'spec.serviceAccountTokenInSecrets',
            spec.serviceAccountTokenInSecrets,
            'serviceAccountTokenInSecrets is set but no tokenRequests are specified',
          ),
        ]
      : []),
  ];
}

const tokensAdvice =
  'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes';

export const csiDriver: KindBehaviour<CSIDriver> = {
  prepareForCreate(object) {
    // Its generation is counted from the first change on.
    delete object.metadata.generation;
  },
  validate: (object) => driverErrors(object.spec ?? {}),
  validateUpdate: (object, previous) => [
    ...driverErrors(object.spec ?? {}),
    ...immutable('spec.attachedRequired', object.spec?.attachRequired, previous.spec?.attachRequired),
    ...immutable('spec.volumeLifecycleModes', object.spec?.volumeLifecycleModes, previous.spec?.volumeLifecycleModes),
  ],
  warnings(object, previous) {
    const requests = object.spec?.tokenRequests ?? [];
    const isNews = previous === undefined || !semanticEqual(requests, previous.spec?.tokenRequests);
    return requests.length > 0 && isNews && object.spec.serviceAccountTokenInSecrets === undefined
      ? [tokensAdvice]
      : [];
  },
};

const nodeIdMax = 256;

function nodeDriverErrors(drivers: readonly Partial<CSINodeDriver>[]): FieldError[] {
  const names = new Set<string>();
  return drivers.flatMap((driver, index) => {
    const at = `spec.drivers[${index}]`;
    const { name = '', nodeID = '', allocatable } = driver;
    const errors = driverNameErrors(`${at}.name`, name);
    if (nodeID === '') errors.push(required(`${at}.nodeID`));
    if (byteLength(nodeID) > nodeIdMax)
      errors.push(invalid(`${at}.nodeID`, nodeID, `must be ${nodeIdMax} characters or less`));
    errors.push(...nonNegative(`${at}.allocatable.count`, allocatable?.count));
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    const keys = new Set<string>();
    for (const key of driver.topologyKeys ?? []) {
      if (key === '') errors.push(required(at));
      if (keys.has(key)) errors.push(duplicate(at, key));
      keys.add(key);
      errors.push(...qualifiedErrors(at, key));
    }
    return errors;
  });
}

const withoutCount = (driver: CSINodeDriver) => ({ ...driver, allocatable: undefined });

export const csiNode: KindBehaviour<CSINode> = {
  validate: (object) => nodeDriverErrors(object.spec?.drivers ?? []),
  // A driver that is listed stays as it is, but for how many volumes it takes.
  validateUpdate(object, previous) {
    const drivers = object.spec?.drivers ?? [];
    const byName = Map.groupBy(drivers, ({ name }) => name);
    return [
      ...nodeDriverErrors(drivers),
      ...(previous.spec?.drivers ?? []).flatMap((before) =>
        (byName.get(before.name) ?? []).flatMap((now) =>
          immutable('spec.drivers', withoutCount(now), withoutCount(before)),
        ),
      ),
    ];
  },
};

const capacityErrors = (object: CSIStorageCapacity): FieldError[] => [
  ...validateLabelSelector(object.nodeTopology, 'nodeTopology'),
  ...texts('storageClassName', object.storageClassName ?? '', nameIsDnsSubdomain(object.storageClassName ?? '', false)),
  ...(object.capacity === undefined ? [] : nonNegativeAmount('capacity', object.capacity)),
];

export const csiStorageCapacity: KindBehaviour<CSIStorageCapacity> = {
  validate: capacityErrors,
  validateUpdate: (object, previous) => [
    ...capacityErrors(object),
    ...immutable('nodeTopology', object.nodeTopology, previous.nodeTopology),
    ...immutable('storageClassName', object.storageClassName, previous.storageClassName),
  ],
  warnings: (object) => nodeSelectorWarnings('nodeTopology', object.nodeTopology),
};

function sourceErrors(source: VolumeAttachmentSource): FieldError[] {
  const at = 'spec.source';
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = source;
  const one = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (name === undefined)
    return inline === undefined ? [required(at, one)] : inlineVolumeErrors(`${at}.inlineVolumeSpec`, inline);
  if (inline !== undefined) return [forbidden(at, one)];
  return name === '' ? [required(`${at}.persistentVolumeName`, 'must specify non empty persistentVolumeName')] : [];
}

const messageBytesMax = 1024;
const volumeErrorErrors = (path: string, error: VolumeError | undefined): FieldError[] => [
  ...(byteLength(error?.message ?? '') > messageBytesMax ? [longMessage(`${path}.message`)] : []),
  ...((error?.errorCode ?? 0) < 0 ? [invalid(`${path}.errorCode`, error?.errorCode, rangeText(0, 2 ** 31 - 1))] : []),
];

function attachmentErrors(object: VolumeAttachment): FieldError[] {
  const { attacher, source = {}, nodeName = '' } = (object.spec ?? {}) as Partial<VolumeAttachment['spec']>;
  const name = source.persistentVolumeName;
  return [
    ...driverNameErrors('spec.attacher', attacher),
    ...sourceErrors(source),
    ...texts('spec.nodeName', nodeName, nameIsDnsSubdomain(nodeName, false)),
    ...attachmentMetadataErrors('status.attachmentMetadata', object.status?.attachmentMetadata),
    ...volumeErrorErrors('status.attachError', object.status?.attachError),
    ...volumeErrorErrors('status.detachError', object.status?.detachError),
    ...(name === undefined ? [] : texts('spec.source.persistentVolumeName', name, nameIsDnsSubdomain(name, false))),
  ];
}

export const volumeAttachment: KindBehaviour<VolumeAttachment> = {
  validate: attachmentErrors,
  validateUpdate: (object, previous) => [...attachmentErrors(object), ...immutable('spec', object.spec, previous.spec)],
};

const classErrors = (object: VolumeAttributesClass): FieldError[] => [
  ...provisionerErrors('driverName', object.driverName),
  ...parameterErrors(object.parameters, false),
];

export const volumeAttributesClass: KindBehaviour<VolumeAttributesClass> = {
  validate: classErrors,
  validateUpdate: (object, previous) => [
    ...(object.driverName === previous.driverName
      ? []
      : [forbidden('driverName', 'updates to driverName are forbidden.')]),
    ...(semanticEqual(object.parameters, previous.parameters)
      ? []
      : [forbidden('parameters', 'updates to parameters are forbidden.')]),
    ...classErrors(object),
  ],
};
