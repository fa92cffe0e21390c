// CBOR in diagnostic notation (RFC 8949 section 8), as errors show it.
import { CborReader, major } from './reader.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const escapes: Readonly<Record<string, string>> = { '\t': 't', '\n': 'n', '\r': 'r' };

function quoted(text: string, quote: string): string {
  let result = quote;
  for (let index = 0; index < text.length; index++) {
    const one = text[index]!;
    if (one in escapes) result += `\\${escapes[one]}`;
    else if (one === '\\' || one === quote) result += `\\${one}`;
    else if (one >= ' ' && one <= '~') result += one;
    else result += `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  }
  return result + quote;
}

function bytesText(content: Uint8Array): string {
  if (content.length > 0)
    try {
      return quoted(utf8.decode(content), "'");
    } catch {
      // shown as hexadecimal digits
    }
  return `h'${Buffer.from(content).toString('hex')}'`;
}

function floatText(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  if (text.includes('.')) return text;
  const exponent = text.indexOf('e');
  return exponent < 0 ? `${text}.0` : `${text.slice(0, exponent)}.0${text.slice(exponent)}`;
}

function stringText(reader: CborReader, type: number): string {
  const isIndefinite = reader.isIndefinite;
  const texts = reader
    .chunks()
    .map((chunk) => (type === major.bytes ? bytesText(chunk) : quoted(utf8.decode(chunk), '"')));
  if (!isIndefinite) return texts.join('');
  return texts.length === 0 ? (type === major.bytes ? "''_" : '""_') : `(_ ${texts.join(', ')})`;
}

function membersText(reader: CborReader, type: number): string {
  const [open, close] = type === major.map ? ['{', '}'] : ['[', ']'];
  const { argument, isIndefinite } = reader;
  const texts: string[] = [];
  for (let index = 0; isIndefinite ? !reader.tookBreak() : index < argument; index++)
    texts.push(type === major.map ? `${item(reader)}: ${item(reader)}` : item(reader));
  return `${open}${isIndefinite ? '_ ' : ''}${texts.join(', ')}${close}`;
}

const simpleTexts: Readonly<Record<number, string>> = { 20: 'false', 21: 'true', 22: 'null', 23: 'undefined' };

function item(reader: CborReader): string {
  reader.head();
  const { type, info } = reader;
  const argument = reader.big ?? BigInt(reader.argument);
  switch (type) {
    case major.positive:
      return argument.toString();
    case major.negative:
      return (-1n - argument).toString();
    case major.bytes:
    case major.text:
      return stringText(reader, type);
    case major.array:
    case major.map:
      return membersText(reader, type);
    case major.tag:
      return `${argument}(${item(reader)})`;
    default:
      if (info >= 25) return floatText(reader.float());
      return simpleTexts[reader.argument] ?? `simple(${reader.argument})`;
  }
}

/** Of bytes that are well-formed; what cannot be shown is told in hexadecimal digits. */
export function diagnose(bytes: Uint8Array): string {
  try {
    return item(new CborReader(bytes));
  } catch {
    return Buffer.from(bytes).toString('hex');
  }
}
