// Raw JSON to a typed object, as upstream's decoder sees it: unknown fields and zero values go, fields come in schema
// order, every text that has a canonical form gets it. Defaults are not set here (defaults.ts), rules not checked.
import { ApiError, badRequestError } from '../status.ts';
import type { KindRow, KubernetesObject, Mutable } from '../kind.ts';
import type { DecodeOptions } from './decode-options.ts';
import { notRegistered, unrecognized, versionKindError } from './unrecognized.ts';
import { namedScalar, typeFacts, typeNames, type StructType } from './type-table.ts';
import {
  DecodeError,
  Decoder,
  inDocumentOrder,
  isObject,
  jsonKind,
  type Output,
  type RawObject,
} from './value-decoder.ts';

export type { DecodeOptions, FieldValidation } from './decode-options.ts';

export const strictErrorsMax = 100;

function strictErrors(raw: unknown, decoder: Decoder, options: DecodeOptions): string[] {
  if (options.fieldValidation === 'Ignore') return [];
  const paths = inDocumentOrder(raw, decoder.unknown);
  const unknown = paths.map((path) => `unknown field ${JSON.stringify(path)}`);
  const duplicates = options.duplicates ?? [];
  if (options.inOrder !== undefined && unknown.length > 0 && duplicates.length > 0)
    return options.inOrder(paths).slice(0, strictErrorsMax);
  const found = options.format === 'yaml' ? [...duplicates, ...unknown] : [...unknown, ...duplicates];
  return [...new Set(found)].slice(0, strictErrorsMax);
}

/** What is told of a body that is refused for them. */
export function strictErrorText(errors: readonly string[], options: DecodeOptions): string {
  const isLine = (text: string): boolean => options.format === 'yaml' && options.duplicates?.includes(text) === true;
  const lines = errors.filter(isLine);
  const rest = errors.filter((text) => !isLine(text));
  const all = lines.length === 0 ? rest : [`yaml: unmarshal errors:\n  ${lines.join('\n  ')}`, ...rest];
  return `strict decoding error: ${all.join(', ')}`;
}

interface Target {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const groupVersion = (target: { readonly group: string; readonly version: string }) =>
  target.group === '' ? target.version : `${target.group}/${target.version}`;

/** Why a document is not an object of its kind: what a patch that leads to it is told. */
export interface DecodeCause {
  readonly text: string;
  /** For a document that never was a text. */
  readonly unstructuredText: string;
}
const causes = new WeakMap<ApiError, DecodeCause>();
/** Undefined: the error is about something else. */
export const decodeCauseOf = (error: unknown): DecodeCause | undefined =>
  error instanceof ApiError ? causes.get(error) : undefined;

function withCause(error: ApiError, text: string, unstructuredText = text): ApiError {
  causes.set(error, { text, unstructuredText });
  return error;
}

export const cannotHandle = (kind: string, version: string, target: Target, cause: string, unstructuredText = cause) =>
  withCause(
    badRequestError(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${target.kind}: ${cause}`),
    cause,
    unstructuredText,
  );

const innerPackage = (group: string) => (group === '' ? 'core' : group.split('.')[0]!);

/** Only for an error's text: looks through the whole table. */
const isKnownKind = (apiVersion: string, kind: string): boolean =>
  typeNames().some(
    (name) =>
      name.endsWith(`.${kind}`) &&
      typeFacts(name).groupVersionKinds.some(
        ([group, version, one]) => one === kind && groupVersion({ group, version }) === apiVersion,
      ),
  );

/** The object must say that it is what the path says, or say nothing. */
export function checkGroupVersionKind(raw: RawObject, target: Target, source: Uint8Array | undefined): void {
  const { kind, apiVersion } = raw;
  const header = (name: string, value: unknown) => {
    const text = versionKindError(
      `json: cannot unmarshal ${jsonKind(value)} into Go struct field .${name} of type string`,
    );
    return withCause(unrecognized(target.kind, text, source), text);
  };
  if (apiVersion !== undefined && apiVersion !== null && typeof apiVersion !== 'string')
    throw header('apiVersion', apiVersion);
  if (kind !== undefined && kind !== null && typeof kind !== 'string') throw header('kind', kind);
  const version =
    apiVersion === undefined || apiVersion === null || apiVersion === '' ? groupVersion(target) : apiVersion;
  const name = kind === undefined || kind === null || kind === '' ? target.kind : kind;
  if (version.split('/').length > 2)
    throw withCause(
      unrecognized(target.kind, `unexpected GroupVersion string: ${version}`, source),
      `unexpected GroupVersion string: ${version}`,
    );
  const isOther = name !== target.kind;
  if (isOther || (version !== groupVersion(target) && !isKnownKind(version, name)))
    throw cannotHandle(
      name,
      version.slice(version.indexOf('/') + 1),
      target,
      isKnownKind(version, name)
        ? `converting (${version.slice(version.indexOf('/') + 1)}.${name}) to (${innerPackage(target.group)}.${target.kind}): unknown conversion`
        : notRegistered(version, name),
    );
  if (version !== groupVersion(target))
    throw withCause(
      badRequestError(
        `the API version in the data (${version}) does not match the expected API version (${groupVersion(target)})`,
      ),
      notRegistered(version, name),
    );
}

function decodeWith(
  struct: StructType,
  raw: RawObject,
  target: Target,
  options: DecodeOptions,
): { object: Output; warnings: string[] } {
  const decoder = new Decoder(options.isConverted);
  let object: Output;
  try {
    if (options.asWritten !== undefined) new Decoder().decode(struct, options.asWritten);
    object = decoder.decode(struct, raw);
  } catch (error) {
    if (error instanceof DecodeError)
      throw cannotHandle(target.kind, target.version, target, error.message, error.unstructuredText);
    throw error;
  }
  const strict = strictErrors(raw, decoder, options);
  if (strict.length > 0 && options.fieldValidation === 'Strict')
    throw cannotHandle(target.kind, target.version, target, strictErrorText(strict, options));
  return { object, warnings: strict };
}

const withHeader = (target: Target, object: Output): Output => ({
  kind: target.kind,
  apiVersion: groupVersion(target),
  metadata: {},
  ...object,
});

const wrongValue = (raw: unknown): string =>
  `json: cannot unmarshal ${jsonKind(raw)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`;

/** An empty list of owners, which is nothing in any other place, asks to forget them all: as a list of an empty one does. */
function keepReset(row: KindRow, raw: RawObject, object: Output): void {
  const sent = isObject(raw['metadata']) ? raw['metadata']['managedFields'] : undefined;
  if (!Array.isArray(sent) || sent.length > 0 || row.storage === undefined) return;
  (object['metadata'] as Output)['managedFields'] = [{}];
}

/** A new object of the row's kind. Throws ApiError 400. */
export function decodeObject(
  row: KindRow,
  raw: unknown,
  options: DecodeOptions,
): { object: Mutable<KubernetesObject>; warnings: string[] } {
  // Go decodes null into nothing at all.
  if (raw === null) return decodeObject(row, {}, options);
  if (!isObject(raw)) throw unrecognized(row.kind, versionKindError(wrongValue(raw)), options.source);
  if (row.custom !== undefined)
    return row.custom.decode(
      raw,
      options.ignoresUnknown === true ? { ...options, fieldValidation: 'Ignore' } : options,
    );
  checkGroupVersionKind(raw, row, options.source);
  const { object, warnings } = decodeWith(typeFacts(row.typeName), raw, row, options);
  keepReset(row, raw, object);
  // The cast is what this file proves: the object has the fields of its type and a metadata.
  return { object: withHeader(row, object) as unknown as Mutable<KubernetesObject>, warnings };
}

/** A subresource's body or options (Scale, Binding, Eviction, TokenRequest, DeleteOptions) of a named type. */
export function decodeType(
  typeName: string,
  raw: unknown,
  options: DecodeOptions,
): { object: Record<string, unknown>; warnings: string[] } {
  if (namedScalar(typeName) !== undefined) throw badRequestError(`${typeName} is no object`);
  const struct = typeFacts(typeName);
  const [first] = struct.groupVersionKinds;
  const parts = typeName.split('.');
  const target: Target = {
    group: first?.[0] ?? '',
    version: first?.[1] ?? parts.at(-2) ?? '',
    kind: first?.[2] ?? struct.shortName,
  };
  if (!isObject(raw)) throw unrecognized(target.kind, versionKindError(wrongValue(raw)), options.source);
  return decodeWith(struct, raw, target, options);
}
