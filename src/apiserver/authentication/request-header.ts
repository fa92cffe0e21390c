// Who asks, as a front proxy in front of this server says it in headers: believed only with the certificate that the front proxy's
// authority gave for one of the allowed names. The names of the headers are also published, for servers behind this one.
import type { ApiRequest, Identity } from '#api/request.ts';

export const requestHeaders = {
  allowedNames: ['system:openshift-aggregator'],
  username: ['X-Remote-User'],
  uid: ['X-Remote-Uid'],
  group: ['X-Remote-Group'],
  extraPrefix: ['X-Remote-Extra-'],
} as const;

const lower = (names: readonly string[]): readonly string[] => names.map((name) => name.toLowerCase());
const single = { username: lower(requestHeaders.username), uid: lower(requestHeaders.uid) };
const groupNames = new Set(lower(requestHeaders.group));
const extraPrefixes = lower(requestHeaders.extraPrefix);

/** A header may come several times, and each is a value of its own: commas in it are text. */
function* pairsOf({ headers, rawHeaders }: ApiRequest): Generator<readonly [name: string, value: string]> {
  if (rawHeaders === undefined) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) yield [name, value];
    return;
  }
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    yield [rawHeaders[index]!.toLowerCase(), rawHeaders[index + 1]!];
}

/** Header values are bytes, read as Latin-1: names beyond ASCII are UTF-8 in them. */
const textOf = (value: string): string => Buffer.from(value, 'latin1').toString('utf8');

function extraKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** Undefined: nobody says who asks, or not somebody who may. */
export function requestHeaderIdentity(request: ApiRequest): Identity | undefined {
  const { frontProxyName } = request;
  if (frontProxyName === undefined || !requestHeaders.allowedNames.some((name) => name === frontProxyName))
    return undefined;
  const first = new Map<string, string>();
  const groups: string[] = [];
  const extra = new Map<string, string[]>();
  for (const [name, raw] of pairsOf(request)) {
    const value = textOf(raw);
    if (groupNames.has(name) && value !== '') groups.push(value);
    else if (!first.has(name)) first.set(name, value);
    for (const prefix of extraPrefixes)
      if (name.startsWith(prefix)) {
        const key = extraKey(name.slice(prefix.length));
        const values = extra.get(key);
        if (values === undefined) extra.set(key, [value]);
        else values.push(value);
      }
  }
  const valueOf = (names: readonly string[]): string =>
    names.map((name) => first.get(name) ?? '').find((value) => value !== '') ?? '';
  const name = valueOf(single.username);
  if (name === '') return undefined;
  const uid = valueOf(single.uid);
  return {
    name,
    groups,
    ...(uid === '' ? {} : { uid }),
    ...(extra.size === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}
