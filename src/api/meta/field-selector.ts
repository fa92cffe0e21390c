// Field selectors of requests: `status.phase!=Running,spec.nodeName=n1`. Texts as k8s.io/apimachinery fields.
import { badRequestError } from '../status.ts';

export interface FieldTerm {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

export interface FieldMatcher {
  readonly terms: readonly FieldTerm[];
  readonly empty: boolean;
  /** A field that is absent counts as empty. */
  matches(fields: Readonly<Record<string, string>>): boolean;
  /** The value that `field` must have, when one term says so. */
  exactValue(field: string): string | undefined;
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ',') {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeValue(text: string): string {
  let value = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === ',' || char === '=')
      throw badRequestError(`invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`);
    if (char !== '\\') {
      value += char;
      continue;
    }
    const escaped = text[++at];
    if (escaped !== '\\' && escaped !== ',' && escaped !== '=')
      throw badRequestError(`invalid field selector: invalid escape sequence: \\${escaped ?? ''}`);
    value += escaped;
  }
  return value;
}

export const escapeFieldValue = (value: string): string => value.replaceAll(/[\\,=]/g, (char) => `\\${char}`);

/** In the order of their texts. Throws an ApiError (400). */
export function fieldTerms(text: string): FieldTerm[] {
  const terms: FieldTerm[] = [];
  for (const part of splitTerms(text).toSorted()) {
    if (part === '') continue;
    const operator = /!=|==|=/.exec(part);
    if (operator === null) throw badRequestError(`invalid selector: '${text}'; can't understand '${part}'`);
    const field = part.slice(0, operator.index);
    const value = unescapeValue(part.slice(operator.index + operator[0].length));
    terms.push({ field, equal: operator[0] !== '!=', value });
  }
  return terms;
}

const exactValueOf = (terms: readonly FieldTerm[], field: string): string | undefined =>
  terms.find((term) => term.equal && term.field === field)?.value;

/** The value that the selector demands of a field; undefined when it demands none, or cannot be understood. */
export function requiredFieldValue(text: string, field: string): string | undefined {
  if (!text.includes(field)) return undefined;
  try {
    return exactValueOf(fieldTerms(text), field);
  } catch {
    return undefined;
  }
}

/** Throws an ApiError (400) with upstream's text: bad syntax, or a field that is not in `supported`. */
export function parseFieldSelector(text: string, supported: readonly string[]): FieldMatcher {
  const terms = fieldTerms(text);
  for (const { field } of terms)
    if (!supported.includes(field)) throw badRequestError(unsupportedText(field, supported));
  return {
    terms,
    empty: terms.length === 0,
    matches: (fields) => terms.every((term) => ((fields[term.field] ?? '') === term.value) === term.equal),
    exactValue: (field) => exactValueOf(terms, field),
  };
}

/** Kinds without selectors of their own have another text upstream. */
const unsupportedText = (field: string, supported: readonly string[]): string =>
  supported.every((one) => one === 'metadata.name' || one === 'metadata.namespace')
    ? `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`
    : `field label not supported: ${field}`;
