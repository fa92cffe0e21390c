// The host and path of a Route, and what a wildcard covers. Pure.
import type { Route } from '#api/generated/types.ts';
import { dns1123Label, dns1123Subdomain } from '#api/meta/names.ts';

export const keyOf = (route: Route): string => `${route.metadata.namespace}/${route.metadata.name}`;

/** Routes that name no host get NAME-NAMESPACE.DOMAIN, or SUBDOMAIN.DOMAIN. */
export const hostOf = ({ metadata, spec }: Route, domain: string): string =>
  spec.host !== undefined && spec.host !== ''
    ? spec.host.toLowerCase()
    : spec.subdomain !== undefined && spec.subdomain !== ''
      ? `${spec.subdomain}.${domain}`.toLowerCase()
      : `${metadata.name?.replaceAll('.', '-')}-${metadata.namespace}.${domain}`;

/** Starts with `/`; `/` for all. */
export const pathOf = ({ spec }: Route): string => (spec.path === undefined || spec.path === '' ? '/' : spec.path);

export const isWildcard = ({ spec }: Route): boolean => spec.wildcardPolicy === 'Subdomain';

/** `example.com` of `www.example.com`: what a wildcard Route for that host covers, one label deep. */
export const domainOf = (host: string): string => host.slice(host.indexOf('.') + 1 || host.length);

/** The oldest first: by time, then by uid. */
export function byAge(one: Route, other: Route): number {
  const [first, second] = [one.metadata.creationTimestamp ?? '', other.metadata.creationTimestamp ?? ''];
  if (first !== second) return first < second ? -1 : 1;
  const [a, b] = [one.metadata.uid ?? keyOf(one), other.metadata.uid ?? keyOf(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What is wrong with a host, in upstream's words; undefined: nothing. */
export function hostProblem(host: string): string | undefined {
  const field = `spec.host: Invalid value: ${JSON.stringify(host)}: `;
  const wrong = [
    ...(dns1123Subdomain(host).length > 0 ? ['host must conform to DNS 952 subdomain conventions'] : []),
    ...host.split('.').flatMap(dns1123Label),
  ];
  return wrong.length === 0 ? undefined : `host name validation errors: ${wrong.map((one) => field + one).join(', ')}`;
}
