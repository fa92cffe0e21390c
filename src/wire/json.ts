// JSON bodies: parsing with a limit on nesting, duplicate keys on demand, and for bad text the message that Go's decoder
// gives, which clients show.
import { bodyDepthMax } from '#base/limits.ts';

/** The text is no JSON; the message is Go's. */
export class JsonSyntaxError extends Error {}

export interface ParsedJson {
  readonly value: unknown;
  /** Paths of keys that occur twice in one object (`spec.containers[0].name`); empty unless asked for. */
  readonly duplicates: readonly string[];
  /** The value with a WrittenNumber where a number was not written plainly; undefined when all were. */
  readonly asWritten?: unknown;
}

/** A number that was written in another way than JSON.stringify writes it: 8e1, 8.0, more digits than a number holds. */
export class WrittenNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): number {
    return Number(this.text);
  }
}

/** Whether there may be such numbers: asked of every body, so it looks at the text alone. */
const mayHoldWrittenNumbers = /[:,[\s]-?(?:\d+(?:\.\d+)?[eE]|\d+\.\d*0|\d{16})/;

/** The language's types do not yet know what a reviver is told. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

/** The value with those numbers as they stand in the text; undefined when it has none. The text is known to be JSON. */
function withWrittenNumbers(text: string): unknown {
  if (!mayHoldWrittenNumbers.test(text)) return undefined;
  return parseWithSource(text, (_key, value, context) =>
    typeof value === 'number' && context.source !== undefined && context.source !== String(value)
      ? new WrittenNumber(context.source)
      : value,
  );
}

/** A byte order mark is no JSON. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Throws JsonSyntaxError. */
export function parseJson(bytes: Uint8Array | string, options: { readonly duplicates?: boolean } = {}): ParsedJson {
  const text = typeof bytes === 'string' ? bytes : decoder.decode(bytes);
  const wantsDuplicates = options.duplicates === true;
  const { tooDeep, members } =
    wantsDuplicates || text.length > bodyDepthMax ? scan(text) : { tooDeep: undefined, members: 0 };
  if (tooDeep !== undefined) throw new JsonSyntaxError(`invalid character '${tooDeep}' exceeded max depth`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new JsonSyntaxError(syntaxErrorOf(text));
  }
  return {
    value,
    // A key that comes twice is in the text twice, and in the value once.
    duplicates: wantsDuplicates && members !== countMembers(value) ? duplicateKeys(text) : [],
    asWritten: withWrittenNumbers(text),
  };
}

const [quoteCode, backslashCode, openBrace, closeBrace, openBracket, closeBracket] = [34, 92, 123, 125, 91, 93];
const [commaCode, colonCode] = [44, 58];

interface Scanned {
  /** What opens the level that is one too many. */
  readonly tooDeep: string | undefined;
  /** Of a text that is JSON: of all its objects. */
  readonly members: number;
}

function scan(text: string): Scanned {
  let depth = 0;
  let members = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === quoteCode) index = stringEnd(text, index);
    else if (code === colonCode) members++;
    else if (code === openBrace || code === openBracket) {
      if (++depth > bodyDepthMax) return { tooDeep: text[index], members };
    } else if (code === closeBrace || code === closeBracket) depth--;
  }
  return { tooDeep: undefined, members };
}

/** Of a value from JSON that is not too deep. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const one of value) if (typeof one === 'object') count += countMembers(one);
    return count;
  }
  for (const key in value) {
    const member = (value as Readonly<Record<string, unknown>>)[key];
    count += typeof member === 'object' ? countMembers(member) + 1 : 1;
  }
  return count;
}

/** Position of the closing quote of the string that starts at `start`. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslashCode) before--;
    if ((end - before) % 2 === 1) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

/** An open container; paths are put together only for what is reported. */
interface Frame {
  readonly parent: Frame | undefined;
  /** Undefined: a list. */
  readonly keys: Set<string> | undefined;
  member: string;
  index: number;
}

function memberPath(frame: Frame | undefined): string {
  if (frame === undefined) return '';
  const path = memberPath(frame.parent);
  if (frame.keys === undefined) return `${path}[${frame.index}]`;
  return path === '' ? frame.member : `${path}.${frame.member}`;
}

/** The text is known to be JSON: a text followed by a colon is a key, and nothing else is. */
function duplicateKeys(text: string): string[] {
  const found = new Set<string>();
  eachKey(text, (path, _at, isAgain) => {
    if (isAgain) found.add(path());
  });
  return [...found];
}

export interface KeyPosition {
  readonly first: number;
  /** Where it comes again in the same object. */
  again: number | undefined;
}

/** Where keys with these paths stand in a text that is JSON. */
export function keyPositions(bytes: Uint8Array, paths: ReadonlySet<string>): ReadonlyMap<string, KeyPosition> {
  const found = new Map<string, KeyPosition>();
  eachKey(decoder.decode(bytes), (path, at, isAgain) => {
    const there = path();
    if (!paths.has(there)) return;
    const position = found.get(there);
    if (position === undefined) found.set(there, { first: at, again: undefined });
    else if (isAgain) position.again ??= at;
  });
  return found;
}

function eachKey(text: string, onKey: (path: () => string, at: number, isAgain: boolean) => void): void {
  let top: Frame | undefined;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case openBrace:
        top = { parent: top, keys: new Set(), member: '', index: 0 };
        break;
      case openBracket:
        top = { parent: top, keys: undefined, member: '', index: 0 };
        break;
      case closeBrace:
      case closeBracket:
        top = top?.parent;
        break;
      case commaCode:
        if (top !== undefined) top.index++;
        break;
      case quoteCode: {
        const end = stringEnd(text, index);
        let after = end + 1;
        while (text.charCodeAt(after) <= 32) after++;
        if (text.charCodeAt(after) === colonCode && top?.keys !== undefined) {
          const raw = text.slice(index + 1, end);
          const key = raw.includes('\\') ? String(JSON.parse(text.slice(index, end + 1))) : raw;
          top.member = key;
          const isAgain = top.keys.has(key);
          if (!isAgain) top.keys.add(key);
          const frame = top;
          onKey(() => memberPath(frame), index, isAgain);
        }
        index = end;
        break;
      }
      default:
    }
  }
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u000b': '\\v',
  '\\': '\\\\',
  "'": "\\'",
};

/** As Go quotes it, which looks at the first byte of a character and takes it for one. */
function showCharacter(character: string): string {
  const byte = Buffer.from(character)[0]!;
  const shown = String.fromCharCode(byte);
  const escaped = shortEscapes[shown];
  if (escaped !== undefined) return `'${escaped}'`;
  const digits = byte.toString(16).padStart(2, '0');
  if (byte < 0x20 || byte === 0x7f) return `'\\x${digits}'`;
  return (byte >= 0x80 && byte <= 0xa0) || byte === 0xad ? `'\\u00${digits}'` : `'${shown}'`;
}

/** Go's message for a text that JSON.parse refuses. Slow, and only for that. */
export function syntaxErrorOf(text: string): string {
  let at = 0;
  const endOfInput = 'unexpected end of JSON input';
  const bad = (context: string) =>
    at >= text.length
      ? endOfInput
      : `invalid character ${showCharacter(String.fromCodePoint(text.codePointAt(at)!))} ${context}`;
  const skip = () => {
    while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
  };
  const literal = (word: string): string | undefined => {
    for (let index = 1; index < word.length; index++) {
      at++;
      if (text[at] !== word[index]) return bad(`in literal ${word} (expecting ${showCharacter(word[index]!)})`);
    }
    at++;
    return undefined;
  };
  const string = (): string | undefined => {
    at++;
    for (; at < text.length; at++) {
      const character = text[at]!;
      if (character === '"') {
        at++;
        return undefined;
      }
      if (character < ' ') return bad('in string literal');
      if (character !== '\\') continue;
      at++;
      if (at >= text.length) return endOfInput;
      if (text[at] === 'u') {
        for (let digit = 0; digit < 4; digit++) {
          at++;
          if (!/[0-9a-fA-F]/.test(text[at] ?? '')) return bad('in \\u hexadecimal character escape');
        }
      } else if (!'bfnrt\\/"'.includes(text[at]!)) return bad('in string escape code');
    }
    return endOfInput;
  };
  const number = (): string | undefined => {
    const digits = () => {
      while (/[0-9]/.test(text[at] ?? '')) at++;
    };
    if (text[at] === '-') {
      at++;
      if (!/[0-9]/.test(text[at] ?? '')) return bad('in numeric literal');
    }
    if (text[at] === '0') at++;
    else digits();
    if (text[at] === '.') {
      at++;
      if (!/[0-9]/.test(text[at] ?? '')) return bad('after decimal point in numeric literal');
      digits();
    }
    if (text[at] === 'e' || text[at] === 'E') {
      at++;
      if (text[at] === '+' || text[at] === '-') at++;
      if (!/[0-9]/.test(text[at] ?? '')) return bad('in exponent of numeric literal');
      digits();
    }
    return undefined;
  };
  const value = (): string | undefined => {
    skip();
    const character = text[at] ?? '';
    if (character === '{') return container('}', true);
    if (character === '[') return container(']', false);
    if (character === '"') return string();
    if (character === 't') return literal('true');
    if (character === 'f') return literal('false');
    if (character === 'n') return literal('null');
    return /[-0-9]/.test(character) ? number() : bad('looking for beginning of value');
  };
  const container = (close: string, keyed: boolean): string | undefined => {
    at++;
    skip();
    if (text[at] === close) {
      at++;
      return undefined;
    }
    for (;;) {
      if (keyed) {
        skip();
        if (text[at] !== '"') return bad('looking for beginning of object key string');
        const error = string();
        if (error !== undefined) return error;
        skip();
        if (text[at] !== ':') return bad('after object key');
        at++;
      }
      const error = value();
      if (error !== undefined) return error;
      skip();
      if (text[at] === close) {
        at++;
        return undefined;
      }
      if (text[at] !== ',') return bad(keyed ? 'after object key:value pair' : 'after array element');
      at++;
    }
  };
  const error = value();
  if (error !== undefined) return error;
  skip();
  return bad('after top-level value');
}
