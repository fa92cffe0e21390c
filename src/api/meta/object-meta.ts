// Rules of ObjectMeta that hold for every kind, with upstream's texts (k8s.io/apimachinery api/validation/objectmeta.go).
import type { ObjectMeta, OwnerReference } from '../generated/types.ts';
import { forbidden, invalid, required, tooLong, type FieldError } from '../field-error.ts';
import { byteLength, labelValue, nameIsDnsLabel, nameIsDnsSubdomain, qualifiedName, type NameCheck } from './names.ts';

const annotationBytesMax = 256 * 1024;
const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

function append(errors: FieldError[], more: readonly FieldError[]): void {
  for (const one of more) errors.push(one);
}

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const text of qualifiedName(key)) errors.push(invalid(path, key, text));
    for (const text of labelValue(value)) errors.push(invalid(path, value, text));
  }
  return errors;
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    for (const text of qualifiedName(key.toLowerCase())) errors.push(invalid(path, key, text));
    bytes += byteLength(key) + byteLength(value);
  }
  if (bytes > annotationBytesMax) errors.push(tooLong(path, annotationBytesMax));
  return errors;
}

function validateOwnerReferences(references: readonly OwnerReference[] | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  let controller = '';
  for (const reference of references ?? []) {
    const version = (reference.apiVersion ?? '').split('/').at(-1)!;
    if (version === '')
      errors.push(invalid(`${path}.apiVersion`, reference.apiVersion ?? '', 'version must not be empty'));
    for (const field of ['kind', 'name', 'uid'] as const)
      if ((reference[field] ?? '') === '') errors.push(invalid(`${path}.${field}`, '', 'must not be empty'));
    if (reference.apiVersion === 'v1' && reference.kind === 'Event')
      errors.push(invalid(path, reference, '/v1, Kind=Event is disallowed from being an owner'));
    if (reference.controller !== true) continue;
    const current = `${reference.kind}/${reference.name}`;
    if (controller === '') controller = current;
    else
      errors.push(
        invalid(
          path,
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`,
        ),
      );
  }
  return errors;
}

function validateFinalizers(finalizers: readonly string[] | undefined, path: string): FieldError[] {
  const errors = (finalizers ?? []).flatMap((one) => qualifiedName(one).map((text) => invalid(path, one, text)));
  if (finalizers?.includes(orphanFinalizer) === true && finalizers.includes(foregroundFinalizer))
    errors.push(
      invalid(path, finalizers, `finalizer ${orphanFinalizer} and ${foregroundFinalizer} cannot be both set`),
    );
  return errors;
}

function validateManagedFields(entries: ObjectMeta['managedFields'], path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (entries === undefined || entries === null) return errors;
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index]!;
    if (entry.operation !== 'Apply' && entry.operation !== 'Update')
      errors.push(invalid(`${path}[${index}].operation`, entry.operation ?? '', 'must be `Apply` or `Update`'));
    if (entry.fieldsType !== undefined && entry.fieldsType !== '' && entry.fieldsType !== 'FieldsV1')
      errors.push(invalid(`${path}[${index}].fieldsType`, entry.fieldsType, 'must be `FieldsV1`'));
    append(errors, validateFieldManager(entry.manager ?? '', `${path}[${index}].manager`));
    if (entry.subresource !== undefined && byteLength(entry.subresource) > 256)
      errors.push(tooLong(`${path}[${index}].subresource`, 256));
  }
  return errors;
}

const plainManager = /^[ -~]{0,128}$/;

/** Also for the fieldManager option of requests. */
export function validateFieldManager(manager: string, path: string): FieldError[] {
  if (plainManager.test(manager)) return [];
  const errors: FieldError[] = byteLength(manager) > 128 ? [tooLong(path, 128)] : [];
  let position = 0;
  for (const char of manager) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) {
      const code = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalid(path, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += byteLength(char);
  }
  return errors;
}

const standardFinalizers = new Set(['kubernetes', orphanFinalizer, foregroundFinalizer]);

/** Built-in kinds take no other unqualified finalizers. */
export const finalizerErrors = (
  finalizers: readonly string[] | undefined,
  pathOf: (index: number) => string,
): FieldError[] =>
  (finalizers ?? []).flatMap((one, index) =>
    one.includes('/') || standardFinalizers.has(one)
      ? []
      : [invalid(pathOf(index), one, 'name is neither a standard finalizer name nor is it fully qualified')],
  );
const finalizerPath = (index: number) => `metadata.finalizers[${index}]`;

export interface ObjectMetaRules {
  readonly namespaced: boolean;
  /** Default: DNS-1123 subdomain. */
  readonly checkName?: NameCheck | undefined;
  /** Custom resources may have unqualified finalizers. */
  readonly customResource?: boolean | undefined;
}

/** For creation, after the name was generated. Namespaces are checked by `namespaced`. */
export function validateObjectMeta(meta: ObjectMeta, options: ObjectMetaRules): FieldError[] {
  const checkName = options.checkName ?? nameIsDnsSubdomain;
  const errors: FieldError[] = [];
  const { name = '', generateName = '', namespace = '' } = meta;
  if (generateName !== '')
    for (const text of checkName(generateName, true)) errors.push(invalid('metadata.generateName', generateName, text));
  if (name === '') errors.push(required('metadata.name', 'name or generateName is required'));
  else for (const text of checkName(name, false)) errors.push(invalid('metadata.name', name, text));
  if (options.namespaced) {
    if (namespace === '') errors.push(required('metadata.namespace'));
    else
      for (const text of nameIsDnsLabel(namespace, false)) errors.push(invalid('metadata.namespace', namespace, text));
  } else if (namespace !== '') errors.push(forbidden('metadata.namespace', 'not allowed on this type'));
  if ((meta.generation ?? 0) < 0)
    errors.push(invalid('metadata.generation', meta.generation, 'must be greater than or equal to 0'));
  append(errors, validateLabels(meta.labels, 'metadata.labels'));
  append(errors, validateAnnotations(meta.annotations, 'metadata.annotations'));
  append(errors, validateOwnerReferences(meta.ownerReferences, 'metadata.ownerReferences'));
  append(errors, validateFinalizers(meta.finalizers, 'metadata.finalizers'));
  append(errors, validateManagedFields(meta.managedFields, 'metadata.managedFields'));
  if (options.customResource !== true) append(errors, finalizerErrors(meta.finalizers, finalizerPath));
  return errors;
}

/** Quoted as Go prints a list of strings with %#v: clients know this text. */
const goStrings = (list: readonly string[]) => `[]string{${list.map((one) => JSON.stringify(one)).join(', ')}}`;

export function validateObjectMetaUpdate(
  meta: ObjectMeta,
  previous: ObjectMeta,
  options: Pick<ObjectMetaRules, 'customResource'> = {},
): FieldError[] {
  const errors: FieldError[] = [];
  if (previous.deletionTimestamp !== undefined && previous.deletionTimestamp !== null) {
    const added = [...new Set(meta.finalizers ?? [])].filter((one) => previous.finalizers?.includes(one) !== true);
    if (added.length > 0)
      errors.push(
        forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers ${goStrings(added.toSorted())}`,
        ),
      );
  }
  if ((meta.resourceVersion ?? '') === '')
    errors.push(invalid('metadata.resourceVersion', meta.resourceVersion ?? '', 'must be specified for an update'));
  if ((meta.generation ?? 0) < (previous.generation ?? 0))
    errors.push(invalid('metadata.generation', meta.generation ?? 0, 'must not be decremented'));
  for (const field of ['name', 'namespace', 'uid'] as const)
    if ((meta[field] ?? '') !== (previous[field] ?? ''))
      errors.push(invalid(`metadata.${field}`, meta[field] ?? '', 'field is immutable'));
  for (const field of ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const)
    if ((meta[field] ?? null) !== (previous[field] ?? null))
      errors.push(invalid(`metadata.${field}`, meta[field] ?? null, 'field is immutable'));
  append(errors, validateLabels(meta.labels, 'metadata.labels'));
  append(errors, validateAnnotations(meta.annotations, 'metadata.annotations'));
  append(errors, validateOwnerReferences(meta.ownerReferences, 'metadata.ownerReferences'));
  append(errors, validateManagedFields(meta.managedFields, 'metadata.managedFields'));
  if (options.customResource !== true) append(errors, finalizerErrors(meta.finalizers, finalizerPath));
  return errors;
}
