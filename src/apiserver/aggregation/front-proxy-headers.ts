// Who asks, in the headers by which a server behind this one is told: X-Remote-User and its companions. What a client sends under
// these names is never passed on.
import type { Identity } from '#api/request.ts';

const own = new Set(['x-remote-user', 'x-remote-uid', 'x-remote-group']);
const extraPrefix = 'x-remote-extra-';

export const isIdentityHeader = (name: string): boolean => own.has(name) || name.startsWith(extraPrefix);

/** What may stand in a header's name (RFC 9110 tchar) without the percent sign stays; the rest is percent-encoded. */
const escapeKey = (key: string): string =>
  [...Buffer.from(key, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[!#$&'*+\-.^_`|~0-9A-Za-z]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

/** Header values are bytes: text beyond Latin-1 goes as its UTF-8. */
const asHeader = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

export function identityHeaders(user: Identity): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'x-remote-user': asHeader(user.name) };
  if (user.uid !== undefined && user.uid !== '') headers['x-remote-uid'] = asHeader(user.uid);
  if (user.groups.length > 0) headers['x-remote-group'] = user.groups.map(asHeader);
  for (const [key, values] of Object.entries(user.extra ?? {}))
    headers[`${extraPrefix}${escapeKey(key)}`] = values.map(asHeader);
  return headers;
}
