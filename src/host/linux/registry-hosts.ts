// What containers-registries.conf(5) says of mirrors, insecure and blocked registries, as containerd understands it: a
// hosts.toml for each registry host. Pure. containerd knows hosts only, so a mirror of one path is asked for the whole host
// (the host itself follows where the mirror has nothing); what cannot be said so is told as a problem and left out.

export interface RegistryLocation {
  readonly location: string;
  readonly insecure: boolean;
}
export interface RegistryMirror extends RegistryLocation {
  readonly digestOnly: boolean;
}
export interface RegistryRule extends RegistryLocation {
  /** Of names: host, port, path. */
  readonly prefix: string;
  readonly blocked: boolean;
  readonly mirrors: readonly RegistryMirror[];
  /** The file that says it. */
  readonly source: string;
}
/** Of certs.d: full paths. */
export interface RegistryCertificates {
  readonly authorities: readonly string[];
  readonly clients: readonly { readonly certificate: string; readonly key: string }[];
}

type Record_ = Readonly<Record<string, unknown>>;
const isRecord = (value: unknown): value is Record_ =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const records = (value: unknown): readonly Record_[] => (Array.isArray(value) ? value.filter(isRecord) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value.replace(/\/+$/, '') : '');

/** Of one parsed file. */
export function registryRules(
  file: Record_,
  source: string,
): { readonly rules: readonly RegistryRule[]; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const problem = (what: string) => problems.push(`${source}: ${what}`);
  if (isRecord(file['registries']))
    problem('its sections [registries.*] are of version 1, which is not read; write [[registry]] tables');
  const rules = records(file['registry']).flatMap((table): RegistryRule[] => {
    const location = text(table['location']) || text(table['prefix']);
    const prefix = text(table['prefix']) || location;
    if (prefix === '') {
      problem('a [[registry]] without prefix and location is left out');
      return [];
    }
    const digestOnly = table['mirror-by-digest-only'] === true;
    const mirrors = records(table['mirror']).flatMap((mirror): RegistryMirror[] => {
      const from = text(mirror['pull-from-mirror']);
      if (text(mirror['location']) === '' || from === 'tag-only') {
        problem(
          from === 'tag-only'
            ? `the mirror ${text(mirror['location'])} is left out: pull-from-mirror = "tag-only" is not possible with containerd`
            : `a mirror of ${prefix} without location is left out`,
        );
        return [];
      }
      return [
        {
          location: text(mirror['location']),
          insecure: mirror['insecure'] === true,
          digestOnly: digestOnly || from === 'digest-only',
        },
      ];
    });
    const [insecure, blocked] = [table['insecure'] === true, table['blocked'] === true];
    if (prefix.startsWith('*.') && (mirrors.length > 0 || insecure || location !== prefix))
      problem(`the prefix ${prefix} is used for blocking only: containerd has no mirrors of host patterns`);
    return [{ prefix, location, insecure, blocked, mirrors, source }];
  });
  return { rules, problems };
}

/** The one that counts for a repository: the longest prefix that ends at a separator. */
export function ruleFor(rules: readonly RegistryRule[], repository: string): RegistryRule | undefined {
  const fits = ({ prefix }: RegistryRule): boolean =>
    prefix.startsWith('*.')
      ? hostOf(repository).endsWith(prefix.slice(1))
      : repository === prefix || repository.startsWith(`${prefix}/`);
  return rules.filter(fits).toSorted((a, b) => b.prefix.length - a.prefix.length)[0];
}

/** Where the mirrors have the repository, in order: their logins may be needed. */
export function mirrorRepositories(rules: readonly RegistryRule[], repository: string): readonly string[] {
  const rule = ruleFor(rules, repository);
  if (rule === undefined || rule.prefix.startsWith('*.')) return [];
  return rule.mirrors.map(({ location }) => `${location}${repository.slice(rule.prefix.length)}`);
}

const hostOf = (name: string): string => name.split('/')[0]!;
const pathOf = (name: string): string => name.slice(hostOf(name).length);
const serverOf = (host: string): string => (host === 'docker.io' ? 'registry-1.docker.io' : host);

/** The address below which containerd adds a repository's whole path; undefined: it would have to cut some of it off. */
function base(prefix: string, location: string): string | undefined {
  const [own, other] = [pathOf(prefix), pathOf(location)];
  if (!other.endsWith(own)) return undefined;
  return `${hostOf(location)}${own === '' ? other : other.slice(0, -own.length)}`;
}

interface Endpoint {
  readonly url: string;
  readonly lines: readonly string[];
}

function endpoints(
  location: string,
  insecure: boolean,
  capabilities: readonly string[],
  certificates: RegistryCertificates | undefined,
  plain: ReadonlySet<string>,
): readonly Endpoint[] {
  const [host, path] = [serverOf(hostOf(location)), pathOf(location)];
  const { authorities = [], clients = [] } = certificates ?? {};
  const lines = [
    `capabilities = ${JSON.stringify(capabilities)}`,
    ...(path === '' ? [] : ['override_path = true']),
    ...(authorities.length === 0 ? [] : [`ca = ${JSON.stringify(authorities)}`]),
    ...(clients.length === 0
      ? []
      : [`client = ${JSON.stringify(clients.map(({ certificate, key }) => [certificate, key]))}`]),
  ];
  const at = (scheme: string) => `${scheme}://${host}${path === '' ? '' : `/v2${path}`}`;
  if (!insecure) return [{ url: at('https'), lines }];
  const [secured, open] = [
    { url: at('https'), lines: [...lines, 'skip_verify = true'] },
    { url: at('http'), lines: lines.filter((line) => !/^(?:ca|client) /.test(line)) },
  ];
  return plain.has(host) ? [open] : [secured, open];
}

/** The host that turned out to speak plain HTTP, or no longer to: containerd tells of its first try only. */
export function schemeFound(failure: string): { readonly host: string; readonly isPlain: boolean } | undefined {
  const plain = /"https:\/\/([^/"]+)\/\S*": http: server gave HTTP response to HTTPS client/.exec(failure)?.[1];
  if (plain !== undefined) return { host: plain, isPlain: true };
  const secured = /from host (\S+) failed with status code \[[^\]]*\]: 400 Bad Request/.exec(failure)?.[1];
  return secured === undefined ? undefined : { host: secured, isPlain: false };
}

/** hosts.toml by registry host; `plain` are insecure hosts that are known to speak plain HTTP. */
export function hostsFiles(
  rules: readonly RegistryRule[],
  certificates: ReadonlyMap<string, RegistryCertificates>,
  plain: ReadonlySet<string>,
): { readonly files: ReadonlyMap<string, string>; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const files = new Map<string, string>();
  const usable = rules.filter(({ prefix }) => !prefix.startsWith('*.'));
  for (const host of new Set([...usable.map(({ prefix }) => hostOf(prefix)), ...certificates.keys()])) {
    // Longer prefixes first: what they say is more to the point.
    const ofHost = usable
      .filter(({ prefix }) => hostOf(prefix) === host)
      .toSorted((a, b) => b.prefix.length - a.prefix.length);
    const tried: Endpoint[] = [];
    let last: readonly Endpoint[] = [];
    const add = (rule: RegistryRule, { location, insecure }: RegistryLocation, capabilities: readonly string[]) => {
      const address = base(rule.prefix, location);
      if (address === undefined) {
        problems.push(
          `${rule.source}: ${location} is left out as a place of ${rule.prefix}: containerd keeps the path of images, so it must end with ${pathOf(rule.prefix)}`,
        );
        return [];
      }
      return endpoints(address, insecure, capabilities, certificates.get(hostOf(address)), plain);
    };
    const both = ['pull', 'resolve'];
    for (const rule of ofHost) {
      for (const mirror of rule.mirrors) tried.push(...add(rule, mirror, mirror.digestOnly ? ['pull'] : both));
      if (rule.prefix === host) last = add(rule, rule, both);
      else if (rule.location !== rule.prefix || rule.insecure) tried.push(...add(rule, rule, both));
    }
    if (last.length === 0) last = endpoints(host, false, both, certificates.get(host), plain);
    const all = [...tried, ...last];
    const distinct = all.filter(({ url }, index) => all.findIndex((other) => other.url === url) === index);
    const server = distinct.at(-1)!;
    files.set(
      host,
      [
        '# Generated from containers-registries.conf(5) and certs.d; changes are lost.',
        `server = ${JSON.stringify(server.url)}`,
        ...server.lines,
        // containerd 1.6 refuses a file without this table.
        ...(distinct.length === 1 ? ['', '[host]'] : []),
        ...distinct.slice(0, -1).flatMap(({ url, lines }) => ['', `[host.${JSON.stringify(url)}]`, ...lines]),
        '',
      ].join('\n'),
    );
  }
  return { files, problems };
}
