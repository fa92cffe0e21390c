// Functions of texts: the language's own, and the string extensions in the version that Kubernetes takes.
import { compilePattern } from '../../custom/regular-expressions.ts';
import type { FunctionTable, Run } from '../check/functions.ts';
import { ArrayList, CelError, type CelList } from '../run/values.ts';
import { formatText } from './format-text.ts';

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);
/** Indexes count code points. */
const points = (text: string): string[] => Array.from(text);

export function patternOf(source: string): Exclude<ReturnType<typeof compilePattern>, string> {
  const pattern = compilePattern(source);
  if (typeof pattern === 'string') throw new CelError(`error parsing regexp: ${pattern}`);
  return pattern;
}

function substring(text: string, from: bigint, to?: bigint): string {
  const list = isAscii(text) ? text : points(text);
  const end = to ?? BigInt(list.length);
  if (to !== undefined && from > to) throw new CelError(`invalid substring range. start: ${from}, end: ${to}`);
  if (from < 0n || from > BigInt(list.length)) throw new CelError(`index out of range: ${from}`);
  if (end < 0n || end > BigInt(list.length)) throw new CelError(`index out of range: ${end}`);
  const part = list.slice(Number(from), Number(end));
  return typeof part === 'string' ? part : part.join('');
}

function indexOf(text: string, part: string, from = 0n): bigint {
  if (part === '') return from;
  const [list, wanted] = [points(text), points(part)];
  if (from < 0n || from >= BigInt(list.length)) {
    if (from === 0n || from === BigInt(list.length)) return -1n;
    throw new CelError(`index out of range: ${from}`);
  }
  for (let at = Number(from); at <= list.length - wanted.length; at++)
    if (wanted.every((point, index) => list[at + index] === point)) return BigInt(at);
  return -1n;
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  const [list, wanted] = [points(text), points(part)];
  if (part === '') return from ?? BigInt(list.length);
  const start = from ?? BigInt(list.length - 1);
  if (from !== undefined && (from < 0n || from >= BigInt(list.length))) {
    if (from === BigInt(list.length)) return -1n;
    throw new CelError(`index out of range: ${from}`);
  }
  for (let at = Math.min(Number(start), list.length - wanted.length); at >= 0; at--)
    if (wanted.every((point, index) => list[at + index] === point)) return BigInt(at);
  return -1n;
}

function replace(text: string, from: string, to: string, count: bigint): string {
  if (count < 0n || count > 1_000_000_000n)
    return from === '' ? replaceSome(text, from, to, Infinity) : text.split(from).join(to);
  return replaceSome(text, from, to, Number(count));
}
function replaceSome(text: string, from: string, to: string, count: number): string {
  let left = count;
  if (from === '') {
    let result = '';
    for (const point of points(text)) result += (left-- > 0 ? to : '') + point;
    return left > 0 ? result + to : result;
  }
  const parts = text.split(from);
  let result = parts[0]!;
  for (const part of parts.slice(1)) result += (left-- > 0 ? to : from) + part;
  return result;
}

function split(text: string, by: string, count: bigint): ArrayList {
  if (count === 0n) return new ArrayList([]);
  if (count === 1n) return new ArrayList([text]);
  const parts = by === '' ? points(text) : text.split(by);
  if (count < 0n || BigInt(parts.length) <= count) return new ArrayList(parts);
  const kept = Number(count) - 1;
  return new ArrayList([...parts.slice(0, kept), parts.slice(kept).join(by)]);
}

const upper = (text: string): string => text.replace(/[a-z]+/g, (part) => part.toUpperCase());
const lower = (text: string): string => text.replace(/[A-Z]+/g, (part) => part.toLowerCase());

const quoted: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

const join = (list: CelList, by = ''): string =>
  Array.from(list, (one) => {
    if (typeof one !== 'string') throw new CelError('no such overload');
    return one;
  }).join(by);

export function declareTexts(table: FunctionTable): void {
  const add = (signature: string, run: Run): void => table.declare(signature, run);
  const matches = (text: string, pattern: string): boolean => patternOf(pattern).matches(text);
  add('contains_string: string.contains(string): bool', (text: string, part: string) => text.includes(part));
  add('ends_with_string: string.endsWith(string): bool', (text: string, part: string) => text.endsWith(part));
  add('starts_with_string: string.startsWith(string): bool', (text: string, part: string) => text.startsWith(part));
  add('matches: matches(string, string): bool', matches);
  add('matches_string: string.matches(string): bool', matches);

  add('string_char_at_int: string.charAt(int): string', (text: string, at: bigint) => {
    const list = points(text);
    if (at < 0n || at > BigInt(list.length)) throw new CelError(`index out of range: ${at}`);
    return list[Number(at)] ?? '';
  });
  add('string_index_of_string: string.indexOf(string): int', (text: string, part: string) => indexOf(text, part));
  add('string_index_of_string_int: string.indexOf(string, int): int', indexOf);
  add('string_last_index_of_string: string.lastIndexOf(string): int', (text: string, part: string) =>
    lastIndexOf(text, part),
  );
  add('string_last_index_of_string_int: string.lastIndexOf(string, int): int', lastIndexOf);
  add('string_lower_ascii: string.lowerAscii(): string', lower);
  add('string_upper_ascii: string.upperAscii(): string', upper);
  add(
    'string_replace_string_string: string.replace(string, string): string',
    (text: string, from: string, to: string) => replace(text, from, to, -1n),
  );
  add('string_replace_string_string_int: string.replace(string, string, int): string', replace);
  add('string_split_string: string.split(string): list(string)', (text: string, by: string) => split(text, by, -1n));
  add('string_split_string_int: string.split(string, int): list(string)', split);
  add('string_substring_int: string.substring(int): string', (text: string, from: bigint) => substring(text, from));
  add('string_substring_int_int: string.substring(int, int): string', substring);
  add('string_trim: string.trim(): string', (text: string) =>
    text.replace(/^[\s\u0085]+|[\s\u0085]+$/gu, (part) => part.replaceAll(/[^\ufeff]/gu, '')),
  );
  add('string_format: string.format(list(dyn)): string', formatText);
  add(
    'strings_quote: strings.quote(string): string',
    (text: string) => `"${Array.from(text, (one) => quoted[one] ?? one).join('')}"`,
  );
  add('list_join: list(string).join(): string', (list: CelList) => join(list));
  add('list_join_string: list(string).join(string): string', join);

  add(
    'string_find_string: string.find(string): string',
    (text: string, pattern: string) => patternOf(pattern).findAll(text, 1)[0] ?? '',
  );
  add(
    'string_find_all_string: string.findAll(string): list(string)',
    (text: string, pattern: string) => new ArrayList(patternOf(pattern).findAll(text, -1)),
  );
  add(
    'string_find_all_string_int: string.findAll(string, int): list(string)',
    (text: string, pattern: string, count: bigint) => new ArrayList(patternOf(pattern).findAll(text, Number(count))),
  );
}
