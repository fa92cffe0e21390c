// JSON as upstream's server writes its documents: clients and caches compare their hashes.

/** Characters that encoding/json escapes, for the sake of pages that JSON is put into. */
const escaped: Readonly<Record<string, string>> = {
  '<': String.raw`\u003c`,
  '>': String.raw`\u003e`,
  '&': String.raw`\u0026`,
  '\u2028': String.raw`\u2028`,
  '\u2029': String.raw`\u2029`,
};

export const escapedJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (character) => escaped[character]!);

/** An object as pieces of text, a member each; a value that is a function is made when its turn comes. */
export function* members(
  entries: Iterable<readonly [name: string, value: object | (() => object)]>,
  write: (value: unknown) => string = JSON.stringify,
): Generator<string> {
  let separator = '{';
  for (const [name, value] of entries) {
    yield `${separator}${JSON.stringify(name)}:${write(typeof value === 'function' ? (value as () => object)() : value)}`;
    separator = ',';
  }
  yield separator === '{' ? '{}' : '}';
}
