// What classes of volumes have in common: who provides them, with which parameters.
import { invalid, required, tooLong, type FieldError } from '../field-error.ts';
import { byteLength } from '../meta/names.ts';
import { isAbsent, qualifiedErrors, texts } from './fields.ts';
import { dns1123Subdomain } from '../meta/names.ts';

const parameterBytesMax = 256 * 1024;
const parametersMax = 512;
const driverNameMax = 63;

const bytesOf = (entries: readonly (readonly [string, string])[]): number =>
  entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);

/** `emptyAllowed`: of StorageClasses; other classes are nothing without parameters. */
export function parameterErrors(
  parameters: Readonly<Record<string, string>> | undefined,
  emptyAllowed: boolean,
): FieldError[] {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > parametersMax) return [tooLong('parameters', parametersMax)];
  return [
    ...entries.filter(([key]) => key === '').map(([key]) => invalid('parameters', key, 'field can not be empty.')),
    ...(bytesOf(entries) > parameterBytesMax ? [tooLong('parameters', parameterBytesMax)] : []),
    ...(!emptyAllowed && entries.length === 0
      ? [required('parameters', 'must contain at least one key/value pair')]
      : []),
  ];
}

export const provisionerErrors = (path: string, name: string | undefined): FieldError[] =>
  isAbsent(name) ? [required(path)] : qualifiedErrors(path, name.toLowerCase());

/** Of a CSI driver, wherever one is named. */
export function driverNameErrors(path: string, name: string | undefined): FieldError[] {
  if (isAbsent(name)) return [required(path)];
  return [
    ...(byteLength(name) > driverNameMax ? [tooLong(path, driverNameMax)] : []),
    ...texts(path, name, dns1123Subdomain(name.toLowerCase())),
  ];
}

/** Attributes that a driver gave of an attachment. */
export const attachmentMetadataErrors = (
  path: string,
  metadata: Readonly<Record<string, string>> | undefined,
): FieldError[] =>
  bytesOf(Object.entries(metadata ?? {})) > parameterBytesMax ? [tooLong(path, parameterBytesMax)] : [];

/** Upstream names the limit of the metadata, not that of messages. */
export const longMessage = (path: string): FieldError => tooLong(path, parameterBytesMax);
