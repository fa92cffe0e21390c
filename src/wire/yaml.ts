// YAML bodies: the part of YAML 1.1 that turns into JSON, through the yaml library, which is loaded at first use.

import type { ScalarTag, Tags } from 'yaml';
import { yamlValueLengthMax } from '#base/limits.ts';

export class YamlSyntaxError extends Error {}

const unwantedTags: ReadonlySet<string> = new Set(
  ['timestamp', 'binary', 'set', 'omap', 'pairs'].map((name) => `tag:yaml.org,2002:${name}`),
);

// oxlint-disable-next-line no-control-regex -- these are what it looks for
const controlCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;
const strictDecoder = new TextDecoder('utf-8', { fatal: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    throw new YamlSyntaxError('yaml: invalid leading UTF-8 octet');
  }
}

/** Upstream's words for what clients meet; the library's for the rest. */
function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if ((error as { code?: unknown }).code === 'TAB_AS_INDENT') return 'found a tab character that violates indentation';
  if (message.startsWith('Maximum call stack')) return 'exceeded max depth';
  if (message.startsWith('Excessive alias count')) return 'document contains excessive aliasing';
  const alias = /^Unresolved alias \(.*\): (.*)$/s.exec(message);
  return alias === null ? message : `unknown anchor '${alias[1]!}' referenced`;
}

const unsignedLimit = 2 ** 64;
/** An exponent needs a number before it: `e5` is a text. */
const withExponent = /^[-+]?(?:\.\d[\d_]*|\d[\d_]*(?:\.[\d_]*)?)[eE][-+]?\d+$/;

/** So does a point: `.` is a text. */
const withPoint = /^[-+]?(?:\d[\d_]*\.[\d_]*|\.\d[\d_]*)$/;

/** Numbers beyond all bounds are texts, as to upstream's reader. */
function asRead(tag: ScalarTag): ScalarTag {
  if (tag.format === undefined && tag.test?.test('.') === true) return { ...tag, test: withPoint };
  if (tag.format !== 'EXP' && tag.format !== 'HEX') return tag;
  return {
    ...tag,
    ...(tag.format === 'EXP' ? { test: withExponent } : {}),
    resolve(text, onError, options) {
      const value = tag.resolve(text, onError, options);
      if (typeof value !== 'number') return value;
      const isBeyond = tag.format === 'HEX' ? Math.abs(value) >= unsignedLimit : !Number.isFinite(value);
      return isBeyond ? text : value;
    },
  };
}

/** More say nothing more. */
const duplicatesMax = 100;

const library = () => import('yaml');

/**
 * Throws YamlSyntaxError. One document; keys become texts, anchors are resolved within the library's alias limit.
 * `duplicates` has a text for each key that a map has twice, with its line, as Go's reader words it; for a hundred of them.
 */
export async function parseYaml(
  bytes: Uint8Array | string,
  options: { readonly duplicates?: boolean } = {},
): Promise<{ value: unknown; duplicates: string[] }> {
  const { parseDocument, visit, isScalar } = await library();
  const text = typeof bytes === 'string' ? bytes : decodeText(bytes);
  if (controlCharacters.test(text)) throw new YamlSyntaxError('yaml: control characters are not allowed');
  const document = parseDocument(text, {
    version: '1.1',
    uniqueKeys: false,
    merge: true,
    prettyErrors: false,
    logLevel: 'error',
    schema: 'yaml-1.1',
    resolveKnownTags: false,
    // Upstream's reader keeps dates and 1:30 as texts, and knows no sets.
    customTags: (tags) =>
      tags
        .filter((tag) => typeof tag === 'string' || (!unwantedTags.has(tag.tag) && tag.format !== 'TIME'))
        .map((tag) => (typeof tag === 'string' || !('resolve' in tag) ? tag : asRead(tag as ScalarTag))),
  });
  // What follows the first document is not looked at, as by upstream's reader.
  const error = document.errors.find(({ code }) => code !== 'MULTIPLE_DOCS');
  if (error !== undefined) {
    const line = text.slice(0, error.pos[0]).split('\n').length;
    throw new YamlSyntaxError(`yaml: line ${line}: ${wordsOf(error)}`);
  }
  const duplicates: string[] = [];
  const lines = new LineNumbers(text);
  if (options.duplicates === true)
    visit(document, {
      Map(_, map) {
        const seen = new Set<string>();
        for (const pair of map.items) {
          const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
          if (seen.has(key)) {
            const at = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? 0;
            if (duplicates.length === duplicatesMax) return visit.BREAK;
            duplicates.push(`line ${lines.at(at)}: key ${JSON.stringify(key)} already set in map`);
          }
          seen.add(key);
        }
        return undefined;
      },
    });
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new YamlSyntaxError(`yaml: ${wordsOf(cause)}`, { cause });
  }
  return { value: toJson(value, { length: yamlValueLengthMax }), duplicates };
}

/** Found by halves: a text of megabytes may have a hundred thousand keys to tell of. */
class LineNumbers {
  readonly #text: string;
  #ends: number[] | undefined;
  constructor(text: string) {
    this.#text = text;
  }
  /** Of the character at this index; the first is 1. */
  at(index: number): number {
    const ends = (this.#ends ??= [...this.#text.matchAll(/\n/g)].map((one) => one.index));
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle]! < index) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  }
}

/** What JSON would show, with keys in order: upstream's reader makes maps, and JSON of them. `left` is what may still come. */
function toJson(value: unknown, left: { length: number }): unknown {
  left.length -= typeof value === 'string' ? value.length + 1 : 1;
  if (left.length < 0) throw new YamlSyntaxError('yaml: document contains excessive aliasing');
  if (Array.isArray(value)) return value.map((one) => toJson(one, left));
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return Number(value);
  if (value === undefined || value === null || typeof value !== 'object') return value ?? null;
  const result: Record<string, unknown> = {};
  const members = value as Record<string, unknown>;
  for (const key of Object.keys(members).toSorted()) {
    left.length -= key.length;
    if (key === '__proto__')
      Object.defineProperty(result, key, {
        value: toJson(members[key], left),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    else result[key] = toJson(members[key], left);
  }
  return result;
}

const mergeKey = /^[ -]*<<:/m;

/** For many values in one go; keys in their order, unless it is said otherwise. */
export async function yamlPrinter(
  more: { readonly sortMapEntries?: boolean; readonly indentSeq?: boolean } = {},
): Promise<(value: unknown) => string> {
  const { stringify, Document, visit } = await library();
  const options = {
    ...more,
    lineWidth: 0,
    version: '1.1',
    aliasDuplicateObjects: false,
    customTags: (tags: Tags) => tags.filter((tag) => typeof tag === 'string' || tag.tag !== 'tag:yaml.org,2002:merge'),
  } as const;
  return (value) => {
    const text = stringify(value, options);
    if (!mergeKey.test(text)) return text;
    // A plain << would be read as a merge.
    const document = new Document(value, options);
    visit(document, {
      Scalar(_, scalar) {
        if (scalar.value === '<<') scalar.type = 'QUOTE_DOUBLE';
      },
    });
    return document.toString(options);
  };
}
