// Validation errors with a field path, as upstream's k8s.io/apimachinery/pkg/util/validation/field: the texts and
// reasons are parsed by clients.

export type FieldErrorReason =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

export interface FieldError {
  readonly reason: FieldErrorReason;
  readonly field: string;
  /** Without the field; the Status cause's message. */
  readonly message: string;
}

const ownEscapes: Readonly<Record<string, string>> = { '\u0007': '\\a', '\u000b': '\\v' };
const shortEscapes = '\b\t\n\f\r';

function quotedCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if ((code >= 0x20 && code !== 0x7f) || shortEscapes.includes(character))
    return JSON.stringify(character).slice(1, -1);
  return ownEscapes[character] ?? `\\x${code.toString(16).padStart(2, '0')}`;
}

/** As Go quotes a text, which writes control characters in a shorter way than JSON. */
function quoted(text: string): string {
  const json = JSON.stringify(text);
  return json.includes('\\u00') || text.includes('\u007f') ? `"${Array.from(text, quotedCharacter).join('')}"` : json;
}

const show = (value: unknown): string =>
  typeof value === 'string' ? quoted(value) : value === undefined ? 'null' : JSON.stringify(value);

export const required = (field: string, detail = ''): FieldError => ({
  reason: 'FieldValueRequired',
  field,
  message: detail === '' ? 'Required value' : `Required value: ${detail}`,
});
export const invalid = (field: string, value: unknown, detail: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${show(value)}${detail === '' ? '' : `: ${detail}`}`,
});
export const duplicate = (field: string, value: unknown): FieldError => ({
  reason: 'FieldValueDuplicate',
  field,
  message: `Duplicate value: ${show(value)}`,
});
export const forbidden = (field: string, detail: string): FieldError => ({
  reason: 'FieldValueForbidden',
  field,
  message: `Forbidden: ${detail}`,
});
export const notFound = (field: string, value: unknown): FieldError => ({
  reason: 'FieldValueNotFound',
  field,
  message: `Not found: ${show(value)}`,
});
export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldError => ({
  reason: 'FieldValueNotSupported',
  field,
  message:
    supported.length === 0
      ? `Unsupported value: ${show(value)}`
      : `Unsupported value: ${show(value)}: supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`,
});
export const tooLong = (field: string, maxLength: number): FieldError => ({
  reason: 'FieldValueTooLong',
  field,
  message: `Too long: may not be more than ${maxLength} bytes`,
});
export const tooMany = (field: string, actual: number, max: number): FieldError => ({
  reason: 'FieldValueTooMany',
  field,
  message: `Too many: ${actual}: must have at most ${max} ${max === 1 ? 'item' : 'items'}`,
});
export const typeInvalid = (field: string, value: unknown, detail: string): FieldError => ({
  reason: 'FieldValueTypeInvalid',
  field,
  message: `Invalid value: ${show(value)}: ${detail}`,
});
