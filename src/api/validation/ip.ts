// Forms of IP addresses, without reaching for node:net (which is the machine's).

const octet = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const v4 = new RegExp(`^${octet}(\\.${octet}){3}$`);

/** Dotted decimal without leading zeros. */
export const isIPv4 = (text: string): boolean => v4.test(text);

/** RFC 4291 text, without a zone. */
export function isIPv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2 || text.includes(':::')) return false;
  let groups = 0;
  for (const [half, part] of halves.entries()) {
    if (part === '') continue;
    const pieces = part.split(':');
    for (const [index, piece] of pieces.entries()) {
      const last = half === halves.length - 1 && index === pieces.length - 1;
      if (last && piece.includes('.')) {
        if (!isIPv4(piece)) return false;
        groups += 2;
      } else if (/^[0-9a-fA-F]{1,4}$/.test(piece)) groups++;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

export const isIP = (text: string): boolean => isIPv4(text) || isIPv6(text);
