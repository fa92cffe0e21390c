// PersistentVolumeClaim: immutable but for growing, and for the volume that it is bound to.
import { forbidden, invalid, notSupported, required, type FieldError } from '../../field-error.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { compareQuantities } from '../../quantity.ts';
import { differences, immutable, isAbsent, qualifiedErrors, semanticEqual } from '../../validation/fields.ts';
import { claimSpecErrors, claimSpecWarnings } from '../../validation/volume-claim.ts';
import { amountErrors, basicAmountErrors } from '../../validation/resources.ts';

const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** A claim or a snapshot: all that the older of the two fields was ever for. */
const isKnownSource = ({ apiGroup = '', kind }: NonNullable<PersistentVolumeClaimSpec['dataSource']>): boolean =>
  (kind === 'PersistentVolumeClaim' && apiGroup === '') ||
  (kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io');

/** Unknown sources have always been left out. */
function dropSources(spec: Mutable<PersistentVolumeClaimSpec>, before: PersistentVolumeClaimSpec | undefined): void {
  if (
    before?.dataSource === undefined &&
    spec.dataSourceRef === undefined &&
    spec.dataSource !== undefined &&
    !isKnownSource(spec.dataSource)
  )
    delete spec.dataSource;
}

/** dataSource and dataSourceRef say the same thing when only one is given. */
function normalizeSources(
  spec: Mutable<PersistentVolumeClaimSpec> | undefined,
  before: PersistentVolumeClaimSpec | undefined,
): void {
  if (spec === undefined) return;
  dropSources(spec, before);
  if (spec.dataSource !== undefined && spec.dataSourceRef === undefined) spec.dataSourceRef = { ...spec.dataSource };
  else if (
    spec.dataSource === undefined &&
    spec.dataSourceRef !== undefined &&
    isAbsent(spec.dataSourceRef.namespace)
  ) {
    const { apiGroup, kind, name } = spec.dataSourceRef;
    spec.dataSource = { apiGroup, kind, name };
  }
}

function updateErrors(object: PersistentVolumeClaim, previous: PersistentVolumeClaim): FieldError[] {
  const [spec, before] = [object.spec ?? {}, previous.spec ?? {}];
  const errors = claimSpecErrors('spec', spec);
  const bound = object.status?.phase === 'Bound';
  const [classNow, classBefore] = [object, previous].map((one) => one.metadata.annotations?.[classAnnotation]);
  if (classNow !== classBefore)
    errors.push(invalid(`metadata.annotations.${classAnnotation}`, classNow ?? '', 'field is immutable'));
  const classSet =
    before.storageClassName === undefined &&
    spec.storageClassName !== undefined &&
    (classBefore === undefined || classBefore === spec.storageClassName);
  const unchanged: PersistentVolumeClaimSpec = {
    ...spec,
    volumeName: isAbsent(before.volumeName) ? before.volumeName : spec.volumeName,
    storageClassName: classSet ? before.storageClassName : spec.storageClassName,
    ...(bound
      ? {
          resources: {
            ...spec.resources,
            requests: { ...spec.resources?.requests, storage: before.resources?.requests?.['storage'] ?? '0' },
          },
          volumeAttributesClassName: before.volumeAttributesClassName,
        }
      : {}),
  };
  if (!semanticEqual(unchanged, before))
    errors.push(
      forbidden(
        'spec',
        `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${differences(before, unchanged).join('\n')}`,
      ),
    );
  const size = String(spec.resources?.requests?.['storage'] ?? '0');
  const old = String(before.resources?.requests?.['storage'] ?? '0');
  if (
    compareQuantities(size, old) < 0 &&
    compareQuantities(size, String(previous.status?.capacity?.['storage'] ?? '0')) <= 0
  )
    errors.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  return [...errors, ...immutable('volumeMode', spec.volumeMode, before.volumeMode)];
}

const resizeStatuses = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
];

function resourceKeyErrors(path: string, name: string): FieldError[] {
  const errors = qualifiedErrors(path, name);
  const isNative = !name.includes('/') || name.includes('kubernetes.io/');
  return errors.length === 0 && isNative && name !== 'storage' ? [notSupported(path, name, ['storage'])] : errors;
}

function statusErrors({ spec, status = {} }: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = [];
  if ((spec?.accessModes?.length ?? 0) === 0) errors.push(required('Spec.accessModes'));
  for (const [name, amount] of Object.entries(status.capacity ?? {}))
    errors.push(...basicAmountErrors(`status.capacity[${name}]`, amount));
  const path = 'status.allocatedResourceStatuses';
  for (const [name, value] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    errors.push(...resourceKeyErrors(path, name));
    if (!resizeStatuses.includes(value)) errors.push(notSupported(path, name, resizeStatuses));
  }
  for (const [name, amount] of Object.entries(status.allocatedResources ?? {})) {
    const wrong = resourceKeyErrors('status.allocatedResources', name);
    const at = `status.allocatedResources[${name}]`;
    const basic = basicAmountErrors(at, amount);
    errors.push(...(wrong.length > 0 ? wrong : basic.length > 0 ? basic : amountErrors(at, 'storage', amount)));
  }
  return errors;
}

export const persistentVolumeClaim: KindBehaviour<PersistentVolumeClaim> = {
  metadataInUpdate: ['update', 'whole'],
  prepareForCreate(object) {
    object.status = { phase: 'Pending' };
    normalizeSources(object.spec, undefined);
  },
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
    else normalizeSources(object.spec, previous.spec);
  },
  validate: (object) => claimSpecErrors('spec', object.spec ?? {}),
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status' ? statusErrors(object) : updateErrors(object, previous),
  warnings: ({ metadata, spec }) => [
    ...(metadata.annotations?.[classAnnotation] === undefined
      ? []
      : [`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`]),
    ...claimSpecWarnings('spec', spec),
  ],
};
