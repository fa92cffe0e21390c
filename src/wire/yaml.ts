// YAML bodies: the part of YAML 1.1 that turns into JSON, through the yaml library, which is loaded at first use.

export class YamlSyntaxError extends Error {}

const unwantedTags: ReadonlySet<string> = new Set(
  ['timestamp', 'binary', 'set', 'omap', 'pairs'].map((name) => `tag:yaml.org,2002:${name}`),
);

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
  const text = typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes);
  const document = parseDocument(text, {
    version: '1.1',
    uniqueKeys: false,
    merge: true,
    prettyErrors: false,
    schema: 'yaml-1.1',
    resolveKnownTags: false,
    // Upstream's reader keeps dates and 1:30 as texts, and knows no sets.
    customTags: (tags) =>
      tags.filter((tag) => typeof tag === 'string' || (!unwantedTags.has(tag.tag) && tag.format !== 'TIME')),
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = text.slice(0, error.pos[0]).split('\n').length;
    throw new YamlSyntaxError(`yaml: line ${line}: ${error.message}`);
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
    throw new YamlSyntaxError(`yaml: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  return { value: toJson(value), duplicates };
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

/** Dates and the like become what JSON would show. */
function toJson(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value));
}

/** Keys sorted, as upstream prints. */
export const printYaml = async (value: unknown): Promise<string> => (await yamlPrinter())(value);

/** For many values in one go. */
export async function yamlPrinter(): Promise<(value: unknown) => string> {
  const { stringify } = await library();
  return (value) =>
    stringify(value, { sortMapEntries: true, lineWidth: 0, version: '1.1', aliasDuplicateObjects: false });
}
