// The suffix that makes the name of a generated ConfigMap or Secret change with its content, as kustomize computes it.
import { createHash } from 'node:crypto';
import { isJsonObject } from '#api/patch/json-values.ts';
import type { Resource } from './resource.ts';

/** Digits that could make words, by what takes their place. */
const replaced: Readonly<Record<string, string>> = { '0': 'g', '1': 'h', '3': 'k', a: 'm', e: 't' };

/** As Go's encoder writes JSON: keys sorted, and <, >, & and the line separators escaped. */
export function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (isJsonObject(value))
    return `{${Object.keys(value)
      .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map((key) => `${goJson(key)}:${goJson(value[key])}`)
      .join(',')}}`;
  return (JSON.stringify(value) ?? 'null').replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Ten characters. The name has its place in what is hashed, but stays empty there: objects of equal content share a suffix. */
export function contentHash({ object = {}, kind }: Resource): string {
  const name = '';
  const fields =
    kind === 'Secret'
      ? { kind, type: object['type'] ?? '', name, data: object['data'] ?? '', ...mapField(object, 'stringData') }
      : kind === 'ConfigMap'
        ? { kind, name, data: object['data'] ?? '', ...mapField(object, 'binaryData') }
        : object;
  const digest = createHash('sha256').update(goJson(fields)).digest('hex');
  return digest.slice(0, 10).replace(/./g, (digit) => replaced[digit] ?? digit);
}

const mapField = (object: Readonly<Record<string, unknown>>, field: string) =>
  isJsonObject(object[field]) ? { [field]: object[field] } : {};
