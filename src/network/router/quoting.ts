// Texts of others as single words of HAProxy's configuration. Pure.

/** One word, whatever is in it but line breaks, which no configuration line can hold. */
export const quoted = (text: string): string => `'${text.replaceAll(/[\r\n]/g, '').replaceAll("'", `'\\''`)}'`;

export const escapedPattern = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Not the beginning of a log format, which could tell what is none of a Route's (the environment, files). */
const literal = (character: string): string => (character === '%' ? '%%' : character);

/**
 * The replacement of `rewrite-target`. The value was once written into the configuration without quotes, and still means the same:
 * quotes vanish, a backslash takes the next character as it is, `#` ends the value; what followed the path is appended otherwise.
 */
export function rewriteReplacement(target: string): string {
  let text = '';
  for (let index = 0; index < target.length; index++) {
    const one = target[index]!;
    if (one === '#') return text;
    if (one === '"' || one === "'") continue;
    if (one === '\\') {
      index++;
      // Two are one for HAProxy: so a value can name what the pattern caught.
      text += literal(target[index] ?? '');
    } else text += literal(one);
  }
  return `${text}\\1`;
}
