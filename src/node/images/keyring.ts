// Credentials of registries: docker configurations (auth.json, config.json, .dockercfg, pull secrets) and which of their
// entries fit an image, by upstream's rules: globs in host names, equal ports, paths as prefixes, most specific first, all
// that fit. Credential helpers are not run; plugins are credential-providers.ts.
import { createHash } from 'node:crypto';
import type { AuthConfig } from '../cri/messages.ts';
import { parseImageName } from './image-name.ts';

export interface SecretCoordinates {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

export interface PullCredential {
  readonly auth: AuthConfig;
  /** Tells equal credentials without being one. */
  readonly hash: string;
  /** Undefined: the node's, which all Pods may use. */
  readonly secret: SecretCoordinates | undefined;
  /** Whose token brought it from a plugin: all Pods of that service account may use it. */
  readonly account?: SecretCoordinates | undefined;
}

export interface RegistryEntry {
  /** Registry, with port and path where the configuration names them; no scheme. */
  readonly key: string;
  readonly credential: PullCredential;
}

const defaultRegistry = 'index.docker.io';
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function keyOf(address: string): string {
  const [host, ...path] = address.replace(/^https?:\/\//, '').split('/') as [string, ...string[]];
  let rest = path.length === 0 ? '' : `/${path.join('/')}`;
  if (/^\/v[12]\//.test(rest)) rest = rest.slice(3);
  return rest === '/' ? host : `${host}${rest}`;
}

function decodeAuth(auth: string): readonly [string, string] | undefined {
  const trimmed = auth.trim();
  const decoded = /^[A-Za-z0-9+/]*={0,2}$/.test(trimmed) ? Buffer.from(trimmed, 'base64').toString('utf8') : '';
  const colon = decoded.indexOf(':');
  if (colon < 0) return undefined;
  // Docker pads the password with zero bytes.
  return [decoded.slice(0, colon), decoded.slice(colon + 1).replace(/\0+$/, '')];
}

export function registryEntry(
  address: string,
  auth: AuthConfig,
  secret: SecretCoordinates | undefined,
  account?: SecretCoordinates,
): RegistryEntry {
  const hash = createHash('sha256').update(JSON.stringify(auth)).digest('hex');
  const credential = { auth, hash, secret, ...(account === undefined ? {} : { account }) };
  return { key: keyOf(address), credential };
}

export interface Keyring {
  readonly entries: readonly RegistryEntry[];
  /** Why the whole or single entries are left out, one clause each; never a part of the content. */
  readonly problems: readonly string[];
}

/** `config` has the entries below "auths", `legacy` (.dockercfg) at the top. What is wrong in one entry does not touch others. */
export function readKeyring(configuration: string, form: 'config' | 'legacy', secret?: SecretCoordinates): Keyring {
  let parsed: unknown;
  try {
    parsed = JSON.parse(configuration);
  } catch {
    return { entries: [], problems: ['it is not valid JSON'] };
  }
  if (!isRecord(parsed)) return { entries: [], problems: ['it is not a JSON object'] };
  const auths = form === 'config' ? (parsed['auths'] ?? {}) : parsed;
  if (!isRecord(auths)) return { entries: [], problems: ['"auths" is not an object'] };
  const entries: RegistryEntry[] = [];
  const problems: string[] = [];
  for (const [address, value] of Object.entries(auths)) {
    if (!isRecord(value)) {
      problems.push(`the entry ${JSON.stringify(address)} is not an object`);
      continue;
    }
    const encoded = text(value['auth']);
    const decoded = encoded === '' ? [text(value['username']), text(value['password'])] : decodeAuth(encoded);
    if (decoded === undefined) {
      problems.push(`the auth of ${JSON.stringify(address)} is not base64(username:password)`);
      continue;
    }
    const [username, password] = decoded as [string, string];
    const identityToken = text(value['identitytoken']);
    // An entry without any is how docker notes that a credential helper has them.
    if (username === '' && password === '' && identityToken === '') continue;
    const auth: AuthConfig = { username, password, ...(identityToken === '' ? {} : { identityToken }) };
    entries.push(registryEntry(address, auth, secret));
  }
  return { entries, problems };
}

const hostCharactersMax = 253;

/**
 * path.Match of one part of a host name: `*`, `?` and classes. Both texts are anybody's: no regular expression, whose time can
 * grow with every star; of the stars only the last one passed is ever tried again.
 */
function globMatches(glob: string, name: string): boolean {
  if (!/[*?[\]\\]/.test(glob)) return glob === name;
  if (glob.length > hostCharactersMax || name.length > hostCharactersMax) return false;
  const parts = glob.match(/\[\^?[^\]]+\]|\\?[^]/g) ?? [];
  let [part, at] = [0, 0];
  let star: { readonly part: number; at: number } | undefined;
  while (at < name.length) {
    if (parts[part] === '*') {
      star = { part: ++part, at };
    } else if (part < parts.length && characterMatches(parts[part]!, name[at]!)) {
      part++;
      at++;
    } else {
      if (star === undefined) return false;
      [part, at] = [star.part, ++star.at];
    }
  }
  return parts.slice(part).every((one) => one === '*');
}

/** `part`: a character, one with a backslash before it, `?`, or a class such as `[a-z]`, `[^0]`. */
function characterMatches(part: string, character: string): boolean {
  if (part === '?') return true;
  if (part.length < 3) return part.at(-1) === character;
  const isNegated = part[1] === '^';
  const ranges = part.slice(isNegated ? 2 : 1, -1).match(/[^]-[^]|[^]/g) ?? [];
  return ranges.some((one) => one[0]! <= character && character <= one.at(-1)!) !== isNegated;
}

const splitHost = (address: string): readonly [readonly string[], string, string] => {
  const slash = address.indexOf('/');
  const [host, path] = slash < 0 ? [address, ''] : [address.slice(0, slash), address.slice(slash)];
  const port = /:(\d+)$/.exec(host)?.[1] ?? '';
  return [(port === '' ? host : host.slice(0, -port.length - 1)).split('.'), port, path];
};

function keyMatches(key: string, repository: string): boolean {
  const [keyParts, keyPort, keyPath] = splitHost(key);
  const [parts, port, path] = splitHost(repository);
  return (
    keyPort === port &&
    keyParts.length === parts.length &&
    path.startsWith(keyPath) &&
    keyParts.every((part, index) => globMatches(part, parts[index]!))
  );
}

/** `pattern`: as the key of an entry. */
export const repositoryFits = (pattern: string, repository: string): boolean => keyMatches(keyOf(pattern), repository);

/** Those of one keyring that fit a repository, the most specific first. */
export function matchingCredentials(repository: string, entries: readonly RegistryEntry[]): readonly PullCredential[] {
  const found = entries
    .filter(({ key }) => keyMatches(key, repository))
    // Reverse order of bytes: longer paths before shorter, plain names before globs.
    .toSorted((a, b) => (a.key === b.key ? 0 : a.key < b.key ? 1 : -1));
  const fitting =
    found.length > 0 || !repository.startsWith('docker.io/')
      ? found
      : entries.filter(({ key }) => key === defaultRegistry || key === `${defaultRegistry}/`);
  return fitting.map(({ credential }) => credential);
}

/** The keyrings one after the other; what is the same twice is tried once. */
export function credentialsFor(
  image: string,
  keyrings: readonly (readonly RegistryEntry[])[],
): readonly PullCredential[] {
  const { repository } = parseImageName(image);
  const seen = new Set<string>();
  return keyrings
    .flatMap((entries) => matchingCredentials(repository, entries))
    .filter(({ hash, secret, account }) => {
      const id = `${hash} ${secret?.uid ?? ''} ${account?.uid ?? ''}`;
      return !seen.has(id) && seen.add(id) !== undefined;
    });
}

/** The node's logins at mirrors: the runtime gives them to that host alone, all others are asked without. */
export const mirrorCredentials = (
  repositories: readonly string[],
  keyrings: readonly (readonly RegistryEntry[])[],
): readonly PullCredential[] =>
  repositories.flatMap((repository) =>
    keyrings
      .flatMap((entries) => matchingCredentials(repository, entries))
      .map((credential) => ({
        ...credential,
        auth: { ...credential.auth, serverAddress: `https://${repository.split('/')[0]}` },
      })),
  );
