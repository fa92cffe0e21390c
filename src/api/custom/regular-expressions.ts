// Regular expressions that users write, in RE2's language as upstream's: linear in the text, so that no pattern can stop the
// server. The library is loaded with the first custom resource definition.
import { InvariantError, messageOf } from '#base/errors.ts';

type Library = typeof import('re2js');

let library: Library | undefined;

export async function loadRegularExpressions(): Promise<void> {
  library ??= await import('re2js');
}

export interface Pattern {
  /** Anywhere in the text. */
  matches(text: string): boolean;
  /** The first `max` matches, all when it is negative. */
  findAll(text: string, max: number): string[];
}

const compiled = new Map<string, Pattern | string>();
const compiledMax = 1_000;

/** A text says what is wrong with the pattern. */
export function compilePattern(source: string): Pattern | string {
  if (library === undefined) throw new InvariantError('regular expressions are used before they are loaded');
  const known = compiled.get(source);
  if (known !== undefined) return known;
  let result: Pattern | string;
  try {
    const expression = library.RE2JS.compile(source);
    result = {
      matches: (text) => expression.matcher(text).find(),
      findAll(text, max) {
        const found: string[] = [];
        const matcher = expression.matcher(text);
        while ((max < 0 || found.length < max) && matcher.find()) found.push(matcher.group() ?? '');
        return found;
      },
    };
  } catch (error) {
    result = messageOf(error);
  }
  if (compiled.size >= compiledMax) compiled.clear();
  compiled.set(source, result);
  return result;
}
