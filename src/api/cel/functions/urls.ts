// URLs in expressions, by the rules of Go's url.ParseRequestURI: an absolute URI or an absolute path.
import type { FunctionTable, Run } from '../check/functions.ts';
import { ArrayList, CelError, EntryMap, Opaque } from '../run/values.ts';
import { urlType, type CelType } from '../types.ts';

interface Parts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

export class UrlValue extends Opaque {
  readonly text: string;
  readonly parts: Parts;
  constructor(text: string, parts: Parts) {
    super();
    this.text = text;
    this.parts = parts;
  }
  override get celType(): CelType {
    return urlType;
  }
  override equals(other: unknown): boolean {
    return other instanceof UrlValue && other.text === this.text;
  }
}

const quoted = (text: string): string => JSON.stringify(text);

/** A text says what is wrong, as Go does. */
export function parseUrl(text: string): Parts | string {
  const failed = (why: string): string => `parse ${quoted(text)}: ${why}`;
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return failed('net/url: invalid control character in URL');
  if (text === '') return failed('empty url');
  let rest = text;
  let scheme = '';
  const colon = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text);
  if (colon !== null) {
    scheme = colon[1]!.toLowerCase();
    rest = text.slice(colon[0].length);
  } else if (text.startsWith(':')) return failed('missing protocol scheme');
  const mark = rest.indexOf('?');
  const query = mark < 0 ? '' : rest.slice(mark + 1);
  if (mark >= 0) rest = rest.slice(0, mark);
  if (!rest.startsWith('/'))
    return scheme === '' ? failed('invalid URI for request') : { scheme, host: '', path: '', query };
  let host = '';
  if (scheme !== '' && rest.startsWith('//')) {
    const slash = rest.indexOf('/', 2);
    const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
    rest = slash < 0 ? '' : rest.slice(slash);
    host = authority.slice(authority.lastIndexOf('@') + 1);
    const wrong = hostProblem(host);
    if (wrong !== undefined) return failed(wrong);
  }
  const escape = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(rest);
  if (escape !== null) return failed(`invalid URL escape ${quoted(escape[0])}`);
  return { scheme, host, path: rest, query };
}

function hostProblem(host: string): string | undefined {
  if (host.startsWith('[')) {
    const end = host.lastIndexOf(']');
    if (end < 0) return "missing ']' in host";
    const port = host.slice(end + 1);
    return port === '' || /^:[0-9]*$/.test(port) ? undefined : `invalid port ${quoted(port)} after host`;
  }
  const colon = host.lastIndexOf(':');
  if (colon >= 0 && !/^:[0-9]*$/.test(host.slice(colon))) return `invalid port ${quoted(host.slice(colon))} after host`;
  const bad = /[ "<>\\^`{|}]/.exec(host);
  return bad === null ? undefined : `invalid character ${quoted(bad[0])} in host name`;
}

const escapedPath = (path: string): string =>
  path.replace(/[^A-Za-z0-9\-_.~$&+,/:;=@%!'()*[\]]/gu, (one) => encodeURIComponent(one));

const hostNameOf = ({ host }: Parts): string =>
  host.startsWith('[') ? host.slice(1, host.lastIndexOf(']')) : host.replace(/:[0-9]*$/, '');
const portOf = ({ host }: Parts): string =>
  /:([0-9]*)$/.exec(host.startsWith('[') ? host.slice(host.lastIndexOf(']')) : host)?.[1] ?? '';

function queryOf({ query }: Parts): EntryMap {
  const lists = new Map<string, { readonly key: string; readonly value: ArrayList }>();
  for (const [key, value] of new URLSearchParams(query)) {
    const known = lists.get(key);
    if (known === undefined) lists.set(key, { key, value: new ArrayList([value]) });
    else known.value.items.push(value);
  }
  return new EntryMap(lists);
}

export function declareUrls(table: FunctionTable): void {
  const add = (signature: string, run: Run): void => table.declare(signature, run);
  add('string_to_url: url(string): kubernetes.URL', (text: string) => {
    const parts = parseUrl(text);
    if (typeof parts === 'string') throw new CelError(`URL parse error during conversion from string: ${parts}`);
    return new UrlValue(text, parts);
  });
  add('is_url_string: isURL(string): bool', (text: string) => typeof parseUrl(text) !== 'string');
  add('url_get_scheme: kubernetes.URL.getScheme(): string', ({ parts }: UrlValue) => parts.scheme);
  add('url_get_host: kubernetes.URL.getHost(): string', ({ parts }: UrlValue) => parts.host);
  add('url_get_hostname: kubernetes.URL.getHostname(): string', ({ parts }: UrlValue) => hostNameOf(parts));
  add('url_get_port: kubernetes.URL.getPort(): string', ({ parts }: UrlValue) => portOf(parts));
  add('url_get_escaped_path: kubernetes.URL.getEscapedPath(): string', ({ parts }: UrlValue) =>
    escapedPath(parts.path),
  );
  add('url_get_query: kubernetes.URL.getQuery(): map(string, list(string))', ({ parts }: UrlValue) => queryOf(parts));
}
