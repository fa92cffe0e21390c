// An expression's text to tokens, with the grammar of CEL. Bad characters are problems; the rest is read on, as upstream.
import type { Problem, Source } from './problems.ts';

export type TokenKind =
  | 'ident'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'symbol'
  | 'keyword'
  | 'escaped'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written; `<EOF>` at the end. */
  readonly text: string;
  readonly at: number;
}

const keywords = new Set(['true', 'false', 'null', 'in']);
const symbols = ['==', '!=', '<=', '>=', '&&', '||', ...Array.from('<>[]{}().,-!?:+*/%')];
const numbers: readonly (readonly [TokenKind, RegExp])[] = [
  ['double', /(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)/y],
  ['uint', /(?:0x[0-9a-fA-F]+|[0-9]+)[uU]/y],
  ['int', /0x[0-9a-fA-F]+|[0-9]+/y],
];
const space = /(?:[ \t\r\n\f]+|\/\/[^\n]*)+/y;
const word = /[A-Za-z_][A-Za-z0-9_]*/y;
const quoted = /`[A-Za-z0-9_.\-/ ]+`/y;
const opening = /([bB]?[rR]|[bB])?("""|'''|"|')/y;

export function tokenize(source: Source, problems: Problem[]): Token[] {
  const { text } = source;
  // Offsets count code points; texts without astral characters have them for nothing.
  const isPlain = source.points.length === text.length;
  let counted = 0;
  let countedAt = 0;
  const pointAt = (index: number): number => {
    if (isPlain) return index;
    while (countedAt < index) {
      countedAt += text.codePointAt(countedAt)! > 0xffff ? 2 : 1;
      counted++;
    }
    return counted;
  };
  const tokens: Token[] = [];
  let at = 0;
  const take = (expression: RegExp): string | undefined => {
    expression.lastIndex = at;
    return expression.exec(text)?.[0];
  };
  const push = (kind: TokenKind, taken: string): void => {
    tokens.push({ kind, text: taken, at: pointAt(at) });
    at += taken.length;
  };
  while (at < text.length) {
    const blank = take(space);
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    const start = take(opening);
    if (start !== undefined) {
      const literal = takeText(text, at, start);
      if (literal !== undefined) {
        push(/^[bB]/.test(start) ? 'bytes' : 'string', literal);
        continue;
      }
    }
    const name = take(word);
    if (name !== undefined) {
      push(keywords.has(name) ? 'keyword' : 'ident', name);
      continue;
    }
    const number = numbers
      .map(([kind, expression]) => [kind, take(expression)] as const)
      .find(([, one]) => one !== undefined);
    if (number !== undefined) {
      push(number[0], number[1]!);
      continue;
    }
    const escaped = take(quoted);
    if (escaped !== undefined) {
      push('escaped', escaped);
      continue;
    }
    const symbol = symbols.find((one) => text.startsWith(one, at));
    if (symbol !== undefined) {
      push('symbol', symbol);
      continue;
    }
    const bad = unrecognized(text, at);
    problems.push({ at: pointAt(at), message: `Syntax error: token recognition error at: '${bad}'` });
    at += bad.length;
  }
  tokens.push({ kind: 'end', text: '<EOF>', at: pointAt(text.length) });
  return tokens;
}

/** The literal from its prefix to its closing quotes; undefined when it does not close. */
function takeText(text: string, from: number, start: string): string | undefined {
  const quotes = start.replace(/^[a-zA-Z]+/, '');
  const isRaw = /[rR]/.test(start.slice(0, start.length - quotes.length));
  const isLong = quotes.length === 3;
  let at = from + start.length;
  while (at < text.length) {
    if (text.startsWith(quotes, at)) return text.slice(from, at + quotes.length);
    const character = text[at]!;
    if (!isLong && (character === '\n' || character === '\r')) return undefined;
    at += character === '\\' && !isRaw ? 2 : 1;
  }
  // `""` and `''` are whole when three quotes do not close.
  if (isLong) return text.slice(from, from + start.length - 1);
  return undefined;
}

function unrecognized(text: string, at: number): string {
  const character = String.fromCodePoint(text.codePointAt(at)!);
  const next = text[at + 1] ?? '';
  if (character === '"' || character === "'") {
    const line = /^[^\n\r]*/.exec(text.slice(at))![0];
    return line;
  }
  return character === '&' || character === '|' || character === '=' ? character + next : character;
}
