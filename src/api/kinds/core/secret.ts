// Secret: what each well-known type must hold; data is base64 in the API.
import { invalid, required, tooLong, type FieldError } from '../../field-error.ts';
import type { Secret } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { configMapKey } from '../../meta/names.ts';
import { immutable, isAbsent, texts } from '../../validation/fields.ts';
import { dataBytesMax, decodedLength, immutableDataErrors } from './config-map.ts';

function jsonErrors(secret: Secret, key: string): FieldError[] {
  const encoded = secret.data?.[key];
  if (encoded === undefined) return [required(`data[${key}]`)];
  const wrong = (detail: string) => [invalid(`data[${key}]`, '<secret contents redacted>', detail)];
  const text = Buffer.from(encoded, 'base64').toString();
  if (text === '') return wrong('unexpected end of JSON input');
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value)
      ? []
      : wrong('json: cannot unmarshal value into Go value of type map[string]interface {}');
  } catch {
    return wrong('invalid character in JSON input');
  }
}

function typeErrors(secret: Secret): FieldError[] {
  const has = (key: string) => secret.data !== undefined && key in secret.data;
  const need = (...keys: string[]) => keys.filter((key) => !has(key)).map((key) => required(`data[${key}]`));
  switch (secret.type) {
    case 'kubernetes.io/service-account-token': {
      const annotation = 'kubernetes.io/service-account.name';
      return isAbsent(secret.metadata.annotations?.[annotation])
        ? [required(`metadata.annotations[${annotation}]`)]
        : [];
    }
    case 'kubernetes.io/dockercfg':
      return jsonErrors(secret, '.dockercfg');
    case 'kubernetes.io/dockerconfigjson':
      return jsonErrors(secret, '.dockerconfigjson');
    case 'kubernetes.io/basic-auth':
      return has('username') || has('password') ? [] : need('username', 'password');
    case 'kubernetes.io/ssh-auth':
      return isAbsent(secret.data?.['ssh-privatekey']) ? [required('data[ssh-privatekey]')] : [];
    case 'kubernetes.io/tls':
      return need('tls.crt', 'tls.key');
    default:
      return [];
  }
}

function validate(secret: Secret): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(secret.data ?? {})) {
    errors.push(...texts(`data[${key}]`, key, configMapKey(key)));
    bytes += decodedLength(value);
  }
  if (bytes > dataBytesMax) errors.push(tooLong('data', dataBytesMax));
  return [...errors, ...typeErrors(secret)];
}

export const secret: KindBehaviour<Secret> = {
  metadataInUpdate: ['update', 'whole'],
  prepareForUpdate(object, previous) {
    if (isAbsent(object.type)) object.type = previous.type;
  },
  validate,
  validateUpdate: (object, previous) => [
    ...immutable('type', object.type, previous.type),
    ...immutableDataErrors(object, previous, ['data']),
    ...validate(object),
  ],
  selectableFields: ({ type }) => ({ type: type ?? '' }),
};
