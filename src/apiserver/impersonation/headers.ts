// Who a request asks to be, by its headers. Pure; whether it may is another question (modes.ts).
import { badRequestError } from '#api/status.ts';
import type { ApiRequest } from '#api/request.ts';
import { headerValues } from '../content/header-values.ts';

/** As asked, nothing completed. */
export interface WantedUser {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: ReadonlyMap<string, readonly string[]>;
}

const extraPrefix = 'impersonate-extra-';

/** Undefined: nobody else. Throws an ApiError (400) for what only belongs to a named user. */
export function wantedUser(request: ApiRequest): WantedUser | undefined {
  const { headers } = request;
  const extraNames = Object.keys(headers).filter((name) => name.startsWith(extraPrefix));
  const groups = headerValues(request, 'impersonate-group');
  const first = (name: string): string => headerValues(request, name)[0] ?? '';
  const wanted: WantedUser = {
    name: first('impersonate-user'),
    uid: first('impersonate-uid'),
    groups,
    extra: extraOf(request, extraNames),
  };
  if (wanted.name !== '') return wanted;
  if (wanted.uid === '' && groups.length === 0 && extraNames.length === 0) return undefined;
  throw badRequestError(`requested ${goText(wanted)} without impersonating a user name`);
}

function extraOf(request: ApiRequest, names: readonly string[]): Map<string, readonly string[]> {
  const extra = new Map<string, readonly string[]>();
  for (const name of names) {
    const key = unescaped(name.slice(extraPrefix.length).toLowerCase());
    extra.set(key, [...(extra.get(key) ?? []), ...headerValues(request, name)]);
  }
  return extra;
}

/** What cannot be unescaped is taken as it is. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const goStrings = (list: readonly string[]): string =>
  list.length === 0 ? '[]string(nil)' : `[]string{${list.map((one) => JSON.stringify(one)).join(', ')}}`;

/** As upstream prints it into its message. */
function goText({ name, uid, groups, extra }: WantedUser): string {
  const pairs = [...extra].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const map =
    pairs.length === 0
      ? 'map[string][]string(nil)'
      : `map[string][]string{${pairs.map(([key, values]) => `${JSON.stringify(key)}:${goStrings(values)}`).join(', ')}}`;
  return `&user.DefaultInfo{Name:${JSON.stringify(name)}, UID:${JSON.stringify(uid)}, Groups:${goStrings(groups)}, Extra:${map}}`;
}
