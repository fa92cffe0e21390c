// Which Routes the router takes. Pure. In upstream's order: may it be a wildcard, who owns the host, is it valid, can its
// certificate be read. A Route that is not valid keeps its claim: a mistake must not give a host to somebody else.
import type { Route } from '#api/generated/types.ts';
import { byAge, domainOf, hostOf, hostProblem, isWildcard, keyOf, pathOf } from './hosts.ts';
import { invalidity } from './route-validity.ts';
import type { ServingTls } from './route-certificates.ts';

export interface AdmissionSettings {
  readonly routerName: string;
  readonly canonicalHostname: string | undefined;
  /** Of hosts of Routes that name none. */
  readonly domain: string;
  readonly allowsWildcards: boolean;
  /** Paths of one host may belong to several namespaces. */
  readonly sharesHosts: boolean;
}

export interface AdmittedRoute {
  readonly route: Route;
  readonly host: string;
  /** Starts with `/`; `/` for all. */
  readonly path: string;
  readonly wildcard: boolean;
  /** Its TLS part, with the certificate of the Secret that it names in its place. */
  readonly tls: ServingTls | undefined;
}

export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

export interface Verdict {
  readonly route: Route;
  readonly host: string;
  /** Undefined: admitted. */
  readonly rejection: Rejection | undefined;
}

export interface AdmissionSources {
  /** The Route's TLS with what its external Secret holds, or why that cannot be had. */
  readonly tlsOf: (route: Route) => { readonly tls: ServingTls | undefined } | Rejection;
  /** What HAProxy itself says against a Route that was tried; it must not keep the others from being served. */
  readonly refusalOf: (route: Route) => string | undefined;
}

export const plainSources: AdmissionSources = {
  tlsOf: ({ spec }) => ({ tls: spec.tls }),
  refusalOf: () => undefined,
};

/** Routes that hold a host, the oldest first. */
type Claims = Map<string, Route[]>;
const claimsOf = (claims: Claims, key: string): readonly Route[] => claims.get(key) ?? [];
function claim(claims: Claims, key: string, route: Route): void {
  const list = claims.get(key);
  if (list === undefined) claims.set(key, [route]);
  else list.push(route);
}

export function decideAdmission(
  routes: readonly Route[],
  settings: AdmissionSettings,
  sources: AdmissionSources = plainSources,
): { readonly admitted: readonly AdmittedRoute[]; readonly verdicts: readonly Verdict[] } {
  const admitted: AdmittedRoute[] = [];
  const verdicts: Verdict[] = [];
  const board = new HostBoard(settings);
  for (const route of routes.toSorted(byAge)) {
    const host = hostOf(route, settings.domain);
    const answer = judge(route, host, settings, sources, board);
    const rejection = 'reason' in answer ? answer : undefined;
    verdicts.push({ route, host, rejection });
    if (!('reason' in answer))
      admitted.push({ route, host, path: pathOf(route), wildcard: isWildcard(route), tls: answer.tls });
  }
  return { admitted, verdicts };
}

function judge(
  route: Route,
  host: string,
  settings: AdmissionSettings,
  sources: AdmissionSources,
  board: HostBoard,
): { readonly tls: ServingTls | undefined } | Rejection {
  const policy = route.spec.wildcardPolicy ?? '';
  if (policy !== '' && policy !== 'None' && policy !== 'Subdomain')
    return { reason: 'RouteNotAdmitted', message: `unknown wildcard policy ${policy}` };
  if (isWildcard(route) && !settings.allowsWildcards)
    return { reason: 'RouteNotAdmitted', message: 'wildcard routes are not allowed' };
  const wrongHost = hostProblem(host);
  if (wrongHost !== undefined) return { reason: 'InvalidHost', message: wrongHost };
  const claimed = board.claim(route, host);
  if (claimed !== undefined) return { reason: 'HostAlreadyClaimed', message: claimed };
  const read = sources.tlsOf(route);
  if ('reason' in read) return read;
  const invalid = invalidity(route, read.tls) ?? sources.refusalOf(route);
  return invalid === undefined ? read : { reason: 'ExtendedValidationFailed', message: invalid };
}

/** Who holds which host. Routes come by age, so that who is there stays. */
class HostBoard {
  readonly #settings: AdmissionSettings;
  readonly #exact: Claims = new Map();
  readonly #wildcards: Claims = new Map();
  /** Exact hosts below a domain: another namespace's wildcard may not cover them. */
  readonly #below: Claims = new Map();
  /** Both kinds by the host that they name. */
  readonly #all: Claims = new Map();

  constructor(settings: AdmissionSettings) {
    this.#settings = settings;
  }

  /** Why another one holds it; undefined: this Route has it now. */
  claim(route: Route, host: string): string | undefined {
    const refused =
      (this.#settings.allowsWildcards ? this.#wildcardConflict(route, host) : undefined) ?? this.#conflict(route, host);
    if (refused !== undefined) return refused;
    claim(this.#all, host, route);
    if (isWildcard(route)) claim(this.#wildcards, domainOf(host), route);
    else {
      claim(this.#exact, host, route);
      claim(this.#below, domainOf(host), route);
    }
    return undefined;
  }

  #mayShare(one: Route, other: Route): boolean {
    return this.#settings.sharesHosts || one.metadata.namespace === other.metadata.namespace;
  }

  #wildcardConflict(route: Route, host: string): string | undefined {
    const wild = isWildcard(route);
    const domain = domainOf(host);
    const said = (holder: Route, text: string) =>
      holder.metadata.namespace === route.metadata.namespace ? text : `a route in another namespace holds host ${host}`;
    // One host beside a wildcard that covers it is fine for who owns both; the same path twice is not.
    const exact = claimsOf(this.#exact, host).find((one) =>
      this.#mayShare(one, route) ? !wild && pathOf(one) === pathOf(route) : true,
    );
    if (exact !== undefined) return said(exact, `route ${keyOf(exact)} has host ${host}`);
    const cover = claimsOf(this.#wildcards, domain).find((one) =>
      this.#mayShare(one, route) ? wild && pathOf(one) === pathOf(route) : true,
    );
    if (cover !== undefined)
      return said(cover, `wildcard route ${keyOf(cover)} has host *.${domain}, blocking ${host}`);
    const below = wild ? claimsOf(this.#below, domain).find((one) => !this.#mayShare(one, route)) : undefined;
    return below === undefined ? undefined : said(below, `route ${keyOf(below)} has host ${host}`);
  }

  #conflict(route: Route, host: string): string | undefined {
    const others = claimsOf(this.#all, host);
    const oldest = others[0];
    if (oldest === undefined) return undefined;
    const passes = (one: Route) => one.spec.tls?.termination === 'passthrough';
    const owned = this.#mayShare(oldest, route);
    const clash = others.find(
      (one) =>
        pathOf(one) === pathOf(route) ||
        // TLS is either opened here or passed through: a host cannot have both.
        (one.spec.tls !== undefined && route.spec.tls !== undefined && (passes(one) || passes(route))),
    );
    if (owned && clash === undefined) return undefined;
    const holder = others.findLast((one) => pathOf(one) === pathOf(route)) ?? others.at(-1)!;
    return holder.metadata.namespace === route.metadata.namespace
      ? `route ${holder.metadata.name} already exposes ${host} and is older`
      : `a route in another namespace holds ${host} and is older than ${route.metadata.name}`;
  }
}
