// ConfigMap: keys become file names; an immutable one stays as it is.
import { forbidden, invalid, tooLong, type FieldError } from '../../field-error.ts';
import type { ConfigMap } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { byteLength, configMapKey } from '../../meta/names.ts';
import { semanticEqual, texts } from '../../validation/fields.ts';

/** Also for Secrets. */
export const dataBytesMax = 1024 * 1024;

/** Bytes that a base64 text stands for. */
export const decodedLength = (base64: string): number => Buffer.byteLength(base64, 'base64');

/** `immutable: true` cannot be taken back, and freezes the data. */
export function immutableDataErrors<T extends { readonly immutable?: boolean | undefined }>(
  object: T,
  previous: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (previous.immutable !== true) return [];
  const detail = 'field is immutable when `immutable` is set';
  return [
    ...(object.immutable === true ? [] : [forbidden('immutable', detail)]),
    ...fields
      .filter((field) => !semanticEqual(object[field], previous[field]))
      .map((field) => forbidden(field, detail)),
  ];
}

function validate(object: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(object.data ?? {})) {
    errors.push(...texts(`data[${key}]`, key, configMapKey(key)));
    if (object.binaryData !== undefined && key in object.binaryData)
      errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    bytes += byteLength(value);
  }
  for (const [key, value] of Object.entries(object.binaryData ?? {})) {
    errors.push(...texts(`binaryData[${key}]`, key, configMapKey(key)));
    bytes += decodedLength(value);
  }
  if (bytes > dataBytesMax) errors.push(tooLong('[]', dataBytesMax));
  return errors;
}

export const configMap: KindBehaviour<ConfigMap> = {
  metadataInUpdate: ['update', 'whole'],
  validate,
  validateUpdate: (object, previous) => [
    ...immutableDataErrors(object, previous, ['data', 'binaryData']),
    ...validate(object),
  ],
};
