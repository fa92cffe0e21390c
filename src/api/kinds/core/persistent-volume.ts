// PersistentVolume: one source, which never changes.
import { forbidden, notSupported, required, type FieldError } from '../../field-error.ts';
import type { PersistentVolume, PersistentVolumeSpec } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { formatTime } from '../../meta/time.ts';
import {
  differences,
  immutable,
  isAbsent,
  noStepsUp,
  optionalOneOf,
  requiredText,
  semanticEqual,
} from '../../validation/fields.ts';
import { positiveAmount } from '../../validation/resources.ts';
import { validateSchemaMember } from '../../schema/validate.ts';
import { nodeSelectorErrors } from '../../validation/scheduling.ts';
import { accessModeErrors, classNameErrors, volumeModeErrors } from '../../validation/volume-claim.ts';

const notSources = new Set<keyof PersistentVolumeSpec>([
  'capacity',
  'accessModes',
  'claimRef',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'mountOptions',
  'volumeMode',
  'nodeAffinity',
  'volumeAttributesClassName',
]);
const sourcesOf = (spec: PersistentVolumeSpec) =>
  Object.fromEntries(
    Object.entries(spec).filter(
      ([name, value]) => !notSources.has(name as keyof PersistentVolumeSpec) && value !== undefined,
    ),
  );

/** The rules are here; of the others, what the schema says is checked. */
const withRules = new Set<keyof PersistentVolumeSpec>(['hostPath', 'local', 'csi', 'nfs']);

function sourceErrors(spec: PersistentVolumeSpec): FieldError[] {
  const [first, ...further] = Object.keys(sourcesOf(spec));
  if (first === undefined) return [required('spec', 'must specify a volume type')];
  const errors = further.map((name) => forbidden(`spec.${name}`, 'may not specify more than 1 volume type'));
  if (spec.hostPath !== undefined)
    errors.push(
      ...(isAbsent(spec.hostPath.path)
        ? [required('spec.hostPath.path')]
        : noStepsUp('spec.hostPath.path', spec.hostPath.path)),
    );
  if (spec.local !== undefined) {
    errors.push(
      ...(isAbsent(spec.local.path) ? [required('spec.local.path')] : noStepsUp('spec.local.path', spec.local.path)),
    );
    if (spec.nodeAffinity === undefined)
      errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
  }
  if (spec.csi !== undefined)
    errors.push(
      ...requiredText('spec.csi.driver', spec.csi.driver),
      ...requiredText('spec.csi.volumeHandle', spec.csi.volumeHandle),
    );
  if (spec.nfs !== undefined)
    errors.push(...requiredText('spec.nfs.server', spec.nfs.server), ...requiredText('spec.nfs.path', spec.nfs.path));
  const source = first as keyof PersistentVolumeSpec;
  if (!withRules.has(source))
    errors.push(
      ...validateSchemaMember('io.k8s.api.core.v1.PersistentVolumeSpec', source, spec[source], `spec.${source}`),
    );
  return errors;
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
  for (const error of sourceErrors(spec)) errors.push({ ...error, field: error.field.replace(/^spec/, path) });
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
    errors.push(...positiveAmount(`spec.capacity[${name}]`, amount));
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
  errors.push(...sourceErrors(spec));
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
  validate,
  validateUpdate(object, previous, subresource) {
    if (subresource === 'status') return [];
    const errors = validate(object);
    const [now, before] = [sourcesOf(object.spec ?? {}), sourcesOf(previous.spec ?? {})];
    if (!semanticEqual(now, before))
      errors.push(
        forbidden(
          'spec.persistentvolumesource',
          `spec.persistentvolumesource is immutable after creation\n${differences(before, now).join('\n')}`,
        ),
      );
    errors.push(...immutable('volumeMode', object.spec?.volumeMode, previous.spec?.volumeMode));
    if (previous.spec?.nodeAffinity !== undefined)
      errors.push(...immutable('nodeAffinity', object.spec?.nodeAffinity, previous.spec.nodeAffinity));
    if (previous.spec?.volumeAttributesClassName !== undefined && object.spec?.volumeAttributesClassName === undefined)
      errors.push(forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'));
    return errors;
  },
};
