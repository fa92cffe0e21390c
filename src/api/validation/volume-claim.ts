// The spec of a PersistentVolumeClaim: alone, in ephemeral volumes, in StatefulSets.
import { forbidden, invalid, notSupported, required, type FieldError } from '../field-error.ts';
import type { PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate } from '../generated/types.ts';
import { validateLabelSelector } from '../meta/label-selector.ts';
import { dns1123Subdomain, nameIsDnsLabel, nameIsDnsSubdomain } from '../meta/names.ts';
import { validateAnnotations, validateLabels } from '../meta/object-meta.ts';
import { isAbsent, optionalOneOf, requiredText, semanticEqual, texts } from './fields.ts';
import { fractionalByteWarning, positiveAmount } from './resources.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

export function accessModeErrors(path: string, modes: readonly string[] | undefined): FieldError[] {
  const unknown = (modes ?? []).filter((mode) => !accessModes.includes(mode));
  const errors = unknown.map((mode) => notSupported(path, mode, accessModes));
  const known = (modes ?? []).filter((mode) => accessModes.includes(mode));
  if (known.includes('ReadWriteOncePod') && known.some((mode) => mode !== 'ReadWriteOncePod'))
    errors.push(forbidden(path, 'may not use ReadWriteOncePod with other access modes'));
  return errors;
}

export const volumeModeErrors = (path: string, mode: string | undefined) =>
  optionalOneOf(path, mode, ['Block', 'Filesystem']);

export const classNameErrors = (path: string, name: string | undefined): FieldError[] =>
  isAbsent(name) ? [] : texts(path, name, nameIsDnsSubdomain(name, false));

function sourceErrors(
  path: string,
  source: {
    readonly name: string;
    readonly kind: string;
    readonly apiGroup?: string | undefined;
    readonly namespace?: string | undefined;
  },
): FieldError[] {
  const { apiGroup = '', namespace = '' } = source;
  return [
    ...requiredText(`${path}.name`, source.name),
    ...requiredText(`${path}.kind`, source.kind),
    ...(apiGroup === '' && source.kind !== 'PersistentVolumeClaim'
      ? [invalid(path, source.kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")]
      : []),
    ...(apiGroup === '' ? [] : texts(`${path}.apiGroup`, apiGroup, dns1123Subdomain(apiGroup))),
    ...(namespace === '' ? [] : texts(`${path}.namespace`, namespace, nameIsDnsLabel(namespace, false))),
  ];
}

export function claimSpecErrors(path: string, spec: PersistentVolumeClaimSpec): FieldError[] {
  const errors: FieldError[] = [];
  if ((spec.accessModes?.length ?? 0) === 0)
    errors.push(required(`${path}.accessModes`, 'at least 1 access mode is required'));
  errors.push(
    ...validateLabelSelector(spec.selector, `${path}.selector`),
    ...accessModeErrors(`${path}.accessModes`, spec.accessModes),
  );
  const storage = spec.resources?.requests?.['storage'];
  errors.push(
    ...(storage === undefined
      ? [required(`${path}.resources[storage]`)]
      : positiveAmount(`${path}.resources[storage]`, storage)),
    ...classNameErrors(`${path}.storageClassName`, spec.storageClassName),
    ...volumeModeErrors(`${path}.volumeMode`, spec.volumeMode),
  );
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined) errors.push(...sourceErrors(`${path}.dataSource`, dataSource));
  if (dataSourceRef !== undefined) errors.push(...sourceErrors(`${path}.dataSourceRef`, dataSourceRef));
  if (dataSource !== undefined && dataSourceRef !== undefined) {
    if (!isAbsent(dataSourceRef.namespace))
      errors.push(invalid(path, {}, 'may not be specified when dataSourceRef.namespace is specified'));
    else if (
      !semanticEqual(
        [dataSource.apiGroup, dataSource.kind, dataSource.name],
        [dataSourceRef.apiGroup, dataSourceRef.kind, dataSourceRef.name],
      )
    )
      errors.push(invalid(path, {}, 'must match dataSourceRef'));
  }
  return [...errors, ...classNameErrors(`${path}.volumeAttributesClassName`, spec.volumeAttributesClassName)];
}

export const claimSpecWarnings = (path: string, spec: PersistentVolumeClaimSpec): string[] =>
  (['requests', 'limits'] as const).flatMap((part) =>
    fractionalByteWarning(`${path}.resources.${part}[storage]`, spec.resources?.[part]?.['storage']),
  );

export function claimTemplateErrors(path: string, template: PersistentVolumeClaimTemplate): FieldError[] {
  const meta = template.metadata ?? {};
  return [
    ...validateAnnotations(meta.annotations, `${path}.metadata.annotations`),
    ...validateLabels(meta.labels, `${path}.metadata.labels`),
    ...Object.entries(meta)
      .filter(([name, value]) => name !== 'annotations' && name !== 'labels' && !isAbsent(value))
      .map(([name]) => forbidden(`${path}.metadata.${name}`, 'cannot be set')),
    ...claimSpecErrors(`${path}.spec`, template.spec),
  ];
}
