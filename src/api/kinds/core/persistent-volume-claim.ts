// PersistentVolumeClaim: immutable but for growing, and for the volume that it is bound to.
import { forbidden, invalid, type FieldError } from '../../field-error.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { compareQuantities } from '../../quantity.ts';
import { differences, immutable, isAbsent, semanticEqual } from '../../validation/fields.ts';
import { claimSpecErrors } from '../../validation/volume-claim.ts';
import { amountErrors } from '../../validation/resources.ts';

/** dataSource and dataSourceRef say the same thing when only one is given. */
function normalizeSources(spec: Mutable<PersistentVolumeClaimSpec> | undefined): void {
  if (spec === undefined) return;
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
  const annotation = 'volume.beta.kubernetes.io/storage-class';
  const [classNow, classBefore] = [object, previous].map((one) => one.metadata.annotations?.[annotation]);
  if (classNow !== classBefore)
    errors.push(invalid(`metadata.annotations.${annotation}`, classNow ?? '', 'field is immutable'));
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

export const persistentVolumeClaim: KindBehaviour<PersistentVolumeClaim> = {
  prepareForCreate(object) {
    object.status = { phase: 'Pending' };
    normalizeSources(object.spec);
  },
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
    else normalizeSources(object.spec);
  },
  validate: (object) => claimSpecErrors('spec', object.spec ?? {}),
  validateUpdate: (object, previous, subresource) =>
    subresource === 'status'
      ? Object.entries(object.status?.capacity ?? {}).flatMap(([name, amount]) =>
          amountErrors(`status.capacity[${name}]`, name, amount),
        )
      : updateErrors(object, previous),
};
