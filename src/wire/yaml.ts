// YAML bodies: the part of YAML 1.1 that turns into JSON, through the yaml library, which is loaded at first use.

export class YamlSyntaxError extends Error {}

const unwantedTags: ReadonlySet<string> = new Set(
  ['timestamp', 'binary', 'set', 'omap', 'pairs'].map((name) => `tag:yaml.org,2002:${name}`),
);

const library = () => import('yaml');

/**
 * Throws YamlSyntaxError. One document; keys become texts, anchors are resolved within the library's alias limit.
 * `duplicates` has a text for each key that a map has twice, with its line, as Go's reader words it.
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
  if (options.duplicates === true)
    visit(document, {
      Map(_, map) {
        const seen = new Set<string>();
        for (const pair of map.items) {
          const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
          if (seen.has(key)) {
            const at = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? 0;
            const line = text.slice(0, at).split('\n').length;
            duplicates.push(`line ${line}: key ${JSON.stringify(key)} already set in map`);
          }
          seen.add(key);
        }
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
