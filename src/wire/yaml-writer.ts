// JSON values as YAML, as upstream writes them to the byte: names in its order, texts plain where they would be read as texts, in
// double quotes where they would be read as something else, in lines where they have some. Fast enough for long lists, where
// the library takes a second a megabyte. One exception: a name << is quoted, for readers take a plain one for a merge.

const readAsOthers = new Set(
  [
    ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'],
    ['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'],
    ['', '~', 'null', 'Null', 'NULL', '.nan', '.NaN', '.NAN'],
    ['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF', '-.inf', '-.Inf', '-.INF'],
  ].flat(),
);
const wholeNumber = /^[-+]?(?:0[xX][\da-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9]\d*)$/;
const fraction = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const base60 = /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/;
const timestamp =
  /^\d{4}-(\d{1,2})-(\d{1,2})(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)| (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?)?$/;

function isTimestamp(text: string): boolean {
  const match = timestamp.exec(text);
  if (match === null) return false;
  const [month, day, hour, minute, second] = [
    match[1],
    match[2],
    match[3] ?? match[6],
    match[4] ?? match[7],
    match[5] ?? match[8],
  ].map((part) => Number(part ?? 0)) as [number, number, number, number, number];
  const days = new Date(Date.UTC(Number(text.slice(0, 4)), month, 0)).getUTCDate();
  return month >= 1 && month <= 12 && day >= 1 && day <= days && hour < 24 && minute < 60 && second < 60;
}

const [maxSigned, maxUnsigned] = [2n ** 63n, 2n ** 64n];

function isWhole(text: string): boolean {
  if (!wholeNumber.test(text)) return false;
  const sign = /^[-+]/.test(text) ? text[0]! : '';
  const digits = text.slice(sign.length);
  const value = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return value < maxSigned || (sign === '' && value < maxUnsigned) || (sign === '-' && value === maxSigned);
}

/** Whether a reader would take the text for something else. */
function isReadAsOther(text: string): boolean {
  const first = text.charCodeAt(0);
  // Only these begin what is no text: signs, digits, a point, and some letters of words.
  const isNumeric = (first >= 48 && first <= 57) || first === 43 || first === 45;
  if (!isNumeric && first !== 46) return readAsOthers.has(text);
  if (readAsOthers.has(text)) return true;
  if (first === 46) return fraction.test(text) && Number.isFinite(Number(text));
  if (isTimestamp(text) || base60.test(text)) return true;
  const plain = text.replaceAll('_', '');
  return isWhole(plain) || (fraction.test(plain) && Number.isFinite(Number(plain)));
}

/** What cannot stand as it is: control characters (tabs too), what is beyond the first plane, breaks that are no line feeds. */
// oxlint-disable-next-line no-control-regex -- these are what it looks for
const unprintable = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]/;
/** In a plain text these begin or hold something else. */
const indicators = /^[#,[\]{}&*!|>'"%@`]|^---|^\.\.\.|^[-?:](?=[\s]|$)|:(?=\s|$)|\s#/;

const escapes: Readonly<Record<number, string>> = {
  0: '0',
  7: 'a',
  8: 'b',
  9: 't',
  10: 'n',
  11: 'v',
  12: 'f',
  13: 'r',
  27: 'e',
  34: '"',
  92: '\\',
  133: 'N',
  8232: 'L',
  8233: 'P',
};
// oxlint-disable-next-line no-control-regex -- these are what it looks for
const escaped = /["\\\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|[\u{10000}-\u{10ffff}]/gu;

function escape(character: string): string {
  const code = character.codePointAt(0)!;
  const known = escapes[code];
  if (known !== undefined) return `\\${known}`;
  const digits = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${digits.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`;
}

/** Where a text stands: the column that it begins in, and what its further lines begin with. */
interface Place {
  readonly column: number;
  readonly pad: string;
}
const lineWidth = 80;

const mayBeFolded = (text: string, place: Place | undefined): place is Place =>
  place !== undefined && place.column + text.length > lineWidth && text.includes(' ');

type Fold = 'plain' | 'single' | 'double';

/** Characters as they are written, broken at spaces behind the width; `quote` stands around them. */
function folded(text: string, { column: start, pad }: Place, style: Fold): string {
  const characters = Array.from(text);
  const quote = style === 'plain' ? '' : style === 'single' ? "'" : '"';
  let column = start + quote.length;
  let result = quote;
  let isSpace = false;
  characters.forEach((one, index) => {
    if (one !== ' ') {
      const shown = style === 'double' ? one.replace(escaped, escape) : style === 'single' && one === "'" ? "''" : one;
      result += shown;
      column += Array.from(shown).length;
      isSpace = false;
      return;
    }
    const isInside = style === 'plain' || (index > 0 && index < characters.length - 1);
    const isBeforeSpace = characters[index + 1] === ' ';
    if (!isSpace && column > lineWidth && isInside && (style === 'double' || !isBeforeSpace)) {
      const mark = style === 'double' && isBeforeSpace ? '\\' : '';
      result += `\n${pad}${mark}`;
      column = pad.length + mark.length;
    } else {
      result += ' ';
      column++;
    }
    isSpace = true;
  });
  return result + quote;
}

const doubleQuoted = (text: string, place: Place | undefined): string =>
  mayBeFolded(text, place) ? folded(text, place, 'double') : `"${text.replace(escaped, escape)}"`;

/** In lines below what it belongs to; `pad` is their indentation. */
function literal(text: string, pad: string): string {
  const hint = /^[ \n]/.test(text) ? '2' : '';
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : '';
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  const lines = body.split('\n').map((line) => (line === '' ? '' : pad + line));
  return `|${hint}${chomp}\n${lines.join('\n')}`;
}

/** `place` undefined: a name, which stands in one line. */
function textOf(text: string, place: Place | undefined): string {
  if (text.includes('\n')) {
    const isPrintable = !unprintable.test(text);
    const isBlock = place !== undefined && isPrintable && !text.includes(' \n') && !text.endsWith(' ');
    return isBlock ? literal(text, place.pad) : doubleQuoted(text, place);
  }
  if (isReadAsOther(text) || unprintable.test(text)) return doubleQuoted(text, place);
  if (text.startsWith(' ') || text.endsWith(' ') || indicators.test(text))
    return mayBeFolded(text, place) ? folded(text, place, 'single') : `'${text.replaceAll("'", "''")}'`;
  return mayBeFolded(text, place) ? folded(text, place, 'plain') : text;
}

/** As Go's shortest form: with an exponent below -4 and from 6 on; integers of 64 bits are none of those. */
function numberOf(value: number): string {
  if (Number.isInteger(value) && value < 2 ** 64 && value >= -(2 ** 63))
    return Object.is(value, -0) ? '-0' : String(value);
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const letter = /\p{L}/u;
const digit = /\p{Nd}/u;

/** Upstream's order of names: digits as the numbers that they are, letters behind everything else. */
export function compareNames(a: string, b: string): number {
  const [as, bs] = [Array.from(a), Array.from(b)];
  for (let index = 0; index < as.length && index < bs.length; index++) {
    const [one, other] = [as[index]!, bs[index]!];
    if (one === other) continue;
    const byCode = one.codePointAt(0)! - other.codePointAt(0)!;
    const [isLetter, isOtherLetter] = [letter.test(one), letter.test(other)];
    if (isLetter && isOtherLetter) return byCode;
    if (isLetter || isOtherLetter) return isOtherLetter ? -1 : 1;
    return compareNumbers(as, bs, index) || byCode;
  }
  return as.length - bs.length;
}

function compareNumbers(as: readonly string[], bs: readonly string[], at: number): number {
  let [start, aEnd, bEnd] = ['', at, at];
  if (as[at] === '0' || bs[at] === '0')
    for (let index = at - 1; index >= 0 && digit.test(as[index]!); index--)
      if (as[index] !== '0') {
        start = '1';
        break;
      }
  while (aEnd < as.length && digit.test(as[aEnd]!)) aEnd++;
  while (bEnd < bs.length && digit.test(bs[bEnd]!)) bEnd++;
  const numberFrom = (list: readonly string[], end: number): bigint => {
    let value = start === '' ? 0n : 1n;
    for (let index = at; index < end; index++)
      value = BigInt.asIntN(64, value * 10n + BigInt(list[index]!.codePointAt(0)! - 48));
    return value;
  };
  const [one, other] = [numberFrom(as, aEnd), numberFrom(bs, bEnd)];
  return one === other ? aEnd - bEnd : one < other ? -1 : 1;
}

/** Names of objects come again and again, and mostly in the same company. */
const isSimpleName = /^[a-zA-Z][a-zA-Z]*$/;
const simpleOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const longNameBytes = 128;

const itemsAtOnce = 50;

function namesOf(map: Readonly<Record<string, unknown>>): string[] {
  const names = Object.keys(map).filter((name) => map[name] !== undefined);
  return names.sort(names.every((name) => isSimpleName.test(name)) ? simpleOrder : compareNames);
}

class Writer {
  readonly parts: string[] = [];

  /** What stands behind a dash or a name's colon, whose own indentation is `pad`. */
  #value(value: unknown, pad: string, column: number, isItem: boolean): void {
    const { parts } = this;
    if (typeof value === 'string') parts.push(' ', textOf(value, { column: column + 1, pad: `${pad}  ` }), '\n');
    else if (typeof value === 'number') parts.push(' ', numberOf(value), '\n');
    else if (typeof value !== 'object' || value === null)
      parts.push(value === true ? ' true\n' : value === false ? ' false\n' : ' null\n');
    else if (Array.isArray(value)) {
      if (value.length === 0) parts.push(' []\n');
      else if (isItem) this.#list(value, `${pad}  `, ' ');
      else this.#list(value, pad, '\n');
    } else this.#map(value as Readonly<Record<string, unknown>>, `${pad}  `, isItem ? ' ' : '\n');
  }

  /** `before` stands in front of the first one: a space where it continues a line. */
  #list(list: readonly unknown[], pad: string, before: string): void {
    let lead = before === ' ' ? ' ' : `\n${pad}`;
    for (const one of list) {
      this.parts.push(lead, '-');
      this.#value(one, pad, pad.length + 1, true);
      lead = pad;
    }
  }

  #map(map: Readonly<Record<string, unknown>>, pad: string, before: string): void {
    const names = namesOf(map);
    if (names.length === 0) {
      this.parts.push(' {}\n');
      return;
    }
    let lead = before === ' ' ? ' ' : `\n${pad}`;
    for (const name of names) {
      this.#member(name, map[name], pad, lead);
      lead = pad;
    }
  }

  #member(name: string, value: unknown, pad: string, lead: string): void {
    const { parts } = this;
    if (name.includes('\n') || (name.length * 3 > longNameBytes && Buffer.byteLength(name) > longNameBytes)) {
      parts.push(lead, '? ', textOf(name, { column: pad.length + 2, pad: `${pad}  ` }), '\n', pad, ':');
      this.#value(value, pad, pad.length + 1, true);
      return;
    }
    const shown = name === '<<' ? '"<<"' : textOf(name, undefined);
    parts.push(lead, shown, ':');
    this.#value(value, pad, pad.length + shown.length + 1, false);
  }

  /** Stops after some items of each list of the document, for who wants to do something else meanwhile. */
  *document(value: unknown): Generator<undefined> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.#value(value, '', -1, true);
    const map = value as Readonly<Record<string, unknown>>;
    const names = namesOf(map);
    if (names.length === 0) this.parts.push('{}\n');
    for (const name of names) {
      const member = map[name];
      if (!Array.isArray(member) || member.length <= itemsAtOnce) {
        this.#member(name, member, '', '');
        continue;
      }
      this.parts.push(textOf(name, undefined), ':\n');
      for (const [index, one] of member.entries()) {
        this.parts.push('-');
        this.#value(one, '', 1, true);
        if (index % itemsAtOnce === itemsAtOnce - 1) yield undefined;
      }
    }
  }
}

function textOfParts({ parts }: Writer): string {
  const text = parts.join('').replace(/^ /, '');
  // Lines that end in empty ones are open: the end of the document is said.
  return text.endsWith('\n\n') ? `${text}...\n` : text;
}

export function printYaml(value: unknown): string {
  const writer = new Writer();
  for (const _ of writer.document(value));
  return textOfParts(writer);
}

/** The same; `pause` is asked between parts of long lists, so that others get their turn. */
export async function printLongYaml(value: unknown, pause: () => Promise<void>): Promise<string> {
  const writer = new Writer();
  for (const _ of writer.document(value)) await pause();
  return textOfParts(writer);
}
