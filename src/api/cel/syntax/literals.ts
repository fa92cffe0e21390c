// Text and bytes literals: quotes, raw literals and escapes, with upstream's messages.

const escapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 0x5c,
  "'": 0x27,
  '"': 0x22,
  '`': 0x60,
  '?': 0x3f,
};
const digitsOf: Readonly<Record<string, number>> = { x: 2, X: 2, u: 4, U: 8 };

export class LiteralError extends Error {}

interface Body {
  readonly text: string;
  readonly isRaw: boolean;
}
function bodyOf(literal: string): Body {
  const prefix = /^[a-zA-Z]*/.exec(literal)![0];
  const rest = literal.slice(prefix.length);
  const quotes = rest.startsWith('"""') || rest.startsWith("'''") ? 3 : 1;
  const text = rest.slice(quotes, rest.length - quotes).replace(/\r\n?/g, '\n');
  return { text, isRaw: /[rR]/.test(prefix) };
}

/** Code points, or for bytes the values of \x and octal escapes as single bytes. */
function* unescape(text: string, isBytes: boolean): Generator<{ readonly code: number; readonly isByte: boolean }> {
  const fail = (): never => {
    throw new LiteralError('unable to unescape string');
  };
  for (let at = 0; at < text.length;) {
    if (text[at] !== '\\') {
      const code = text.codePointAt(at)!;
      yield { code, isByte: false };
      at += code > 0xffff ? 2 : 1;
      continue;
    }
    const letter = text[at + 1];
    if (letter === undefined) throw new LiteralError("unable to unescape string, found '\\' as last character");
    const simple = escapes[letter];
    if (simple !== undefined) {
      yield { code: simple, isByte: false };
      at += 2;
      continue;
    }
    const count = digitsOf[letter];
    if (count !== undefined) {
      if (isBytes && count > 2) fail();
      const digits = text.slice(at + 2, at + 2 + count);
      if (digits.length < count || !/^[0-9a-fA-F]+$/.test(digits)) fail();
      const code = Number.parseInt(digits, 16);
      if (!isBytes && (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))) fail();
      yield { code, isByte: isBytes };
      at += 2 + count;
      continue;
    }
    if (/[0-3]/.test(letter)) {
      const digits = text.slice(at + 1, at + 4);
      if (!/^[0-3][0-7]{2}$/.test(digits)) throw new LiteralError('unable to unescape octal sequence in string');
      yield { code: Number.parseInt(digits, 8), isByte: isBytes };
      at += 4;
      continue;
    }
    fail();
  }
}

export function stringLiteral(literal: string): string {
  const { text, isRaw } = bodyOf(literal);
  if (isRaw || !text.includes('\\')) return text;
  let result = '';
  for (const { code } of unescape(text, false)) result += String.fromCodePoint(code);
  return result;
}

export function bytesLiteral(literal: string): Uint8Array {
  const { text, isRaw } = bodyOf(literal);
  if (isRaw || !text.includes('\\')) return new Uint8Array(Buffer.from(text));
  const parts: number[] = [];
  for (const { code, isByte } of unescape(text, true))
    if (isByte) parts.push(code);
    else parts.push(...Buffer.from(String.fromCodePoint(code)));
  return Uint8Array.from(parts);
}
