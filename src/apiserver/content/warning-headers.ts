// Warnings as values of the header `Warning` (RFC 7234 5.5; 299 is upstream's code for every one). Their texts hold what the
// client sent: nothing of that may break the header, nor grow it without bound. Limits are upstream's.
const lengthOfAllMax = 4_096;
const lengthOfOneMax = 256;

/** Header bytes are written as Latin-1: each byte of the UTF-8 text becomes one of its characters. */
const quoted = (text: string): string =>
  `299 - "${Buffer.from(text.replaceAll(/[\\"]/g, (char) => `\\${char}`)).toString('latin1')}"`;

/** Texts with control characters are left out, as upstream's. */
export function warningHeaders(warnings: readonly string[]): string[] {
  const texts = [...new Set(warnings)].filter((text) => text !== '' && !/\p{Cc}/u.test(text));
  let all = 0;
  for (const text of texts) all += text.length;
  const isCut = all > lengthOfAllMax;
  const result: string[] = [];
  let length = 0;
  for (const text of texts) {
    if (isCut && length >= lengthOfAllMax) break;
    const kept = isCut ? text.slice(0, lengthOfOneMax).toWellFormed() : text;
    length += kept.length;
    result.push(quoted(kept));
  }
  return result;
}
