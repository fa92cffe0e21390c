// Which Routes the router takes, and what it writes into their status. Pure. A host belongs to the namespace of its oldest
// Route; below one host each path belongs to its oldest Route. Reasons and messages are OpenShift's.
import type { Route, RouteIngress } from '#api/generated/types.ts';
import { routeCertificates } from './route-certificates.ts';
import { headerProblem } from './route-headers.ts';

export interface AdmissionSettings {
  readonly routerName: string;
  readonly canonicalHostname: string | undefined;
  /** Hosts of Routes that name none: NAME-NAMESPACE.DOMAIN, or SUBDOMAIN.DOMAIN. */
  readonly domain: string;
}

export interface AdmittedRoute {
  readonly route: Route;
  readonly host: string;
  /** Starts with `/`; `/` for all. */
  readonly path: string;
}

export interface Verdict {
  readonly route: Route;
  readonly host: string;
  /** Undefined: admitted. */
  readonly rejection: { readonly reason: string; readonly message: string } | undefined;
}

export const keyOf = (route: Route): string => `${route.metadata.namespace}/${route.metadata.name}`;

export const hostOf = (route: Route, settings: AdmissionSettings): string =>
  route.spec.host !== undefined && route.spec.host !== ''
    ? route.spec.host.toLowerCase()
    : route.spec.subdomain !== undefined && route.spec.subdomain !== ''
      ? `${route.spec.subdomain}.${settings.domain}`.toLowerCase()
      : `${route.metadata.name}-${route.metadata.namespace}.${settings.domain}`;

const pathOf = (route: Route): string =>
  route.spec.path === undefined || route.spec.path === '' ? '/' : route.spec.path;

const older = (a: Route, b: Route): number => {
  const [first, second] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (first !== second) return first < second ? -1 : 1;
  const [one, two] = [a.metadata.uid ?? keyOf(a), b.metadata.uid ?? keyOf(b)];
  return one < two ? -1 : one > two ? 1 : 0;
};

const hostPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const serviceNamePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const pathPattern = /^\/[\x21\x23-\x5b\x5d-\x7e]*$/;

export function decideAdmission(
  routes: readonly Route[],
  settings: AdmissionSettings,
  /** What HAProxy itself says against a Route that was tried; it must not keep the others from being served. */
  refusalOf: (route: Route) => string | undefined = () => undefined,
): { readonly admitted: readonly AdmittedRoute[]; readonly verdicts: readonly Verdict[] } {
  const owners = new Map<string, { readonly namespace: string; readonly paths: Map<string, Route> }>();
  const admitted: AdmittedRoute[] = [];
  const verdicts: Verdict[] = [];
  for (const route of routes.toSorted(older)) {
    const host = hostOf(route, settings);
    const path = pathOf(route);
    const namespace = route.metadata.namespace ?? '';
    const reject = (reason: string, message: string) =>
      void verdicts.push({ route, host, rejection: { reason, message } });
    const invalid = invalidity(route, host, path);
    if (invalid !== undefined) {
      reject(invalid.reason, invalid.message);
      continue;
    }
    const refusal = refusalOf(route);
    if (refusal !== undefined) {
      reject('ExtendedValidationFailed', refusal);
      continue;
    }
    const owner = owners.get(host);
    if (owner !== undefined && owner.namespace !== namespace) {
      reject('HostAlreadyClaimed', `a route in another namespace holds host ${host}`);
      continue;
    }
    const holder = owner?.paths.get(path);
    if (holder !== undefined) {
      reject('HostAlreadyClaimed', `route ${holder.metadata.name} already exposes ${host} and is older`);
      continue;
    }
    if (owner === undefined) owners.set(host, { namespace, paths: new Map([[path, route]]) });
    else owner.paths.set(path, route);
    admitted.push({ route, host, path });
    verdicts.push({ route, host, rejection: undefined });
  }
  return { admitted, verdicts };
}

/** What would make HAProxy refuse its whole configuration, or serve something else than was asked for. */
function invalidity(route: Route, host: string, path: string): { reason: string; message: string } | undefined {
  const extended = (message: string) => ({ reason: 'ExtendedValidationFailed', message });
  const { tls, wildcardPolicy } = route.spec;
  if (wildcardPolicy !== undefined && wildcardPolicy !== '' && wildcardPolicy !== 'None')
    return { reason: 'RouteNotAdmitted', message: 'Wildcard routes are not allowed' };
  if (!hostPattern.test(host) || host.length > 253)
    return { reason: 'InvalidHost', message: `host name validation errors: spec.host: Invalid value: "${host}"` };
  if (!pathPattern.test(path)) return extended(`spec.path: Invalid value: "${path}"`);
  for (const target of [route.spec.to, ...(route.spec.alternateBackends ?? [])])
    if (!serviceNamePattern.test(target.name)) return extended(`spec.to.name: Invalid value: "${target.name}"`);
  const headers = headerProblem(route);
  if (headers !== undefined) return extended(headers);
  if (tls === undefined) return undefined;
  if (tls.termination === 'passthrough' && path !== '/')
    return extended('spec.path: Invalid value: passthrough termination does not support paths');
  if (tls.externalCertificate !== undefined && tls.externalCertificate.name !== '')
    return extended('spec.tls.externalCertificate: not supported by this router');
  const { problem } = routeCertificates(tls);
  return problem === undefined ? undefined : extended(problem);
}

/** status.ingress with this router's word; undefined: it is there already. */
export function decideStatus(
  { route, host, rejection }: Verdict,
  settings: AdmissionSettings,
  nowIso: string,
): readonly RouteIngress[] | undefined {
  const existing = route.status?.ingress ?? [];
  const mine = existing.find((one) => one.routerName === settings.routerName);
  const before = mine?.conditions?.find((one) => one.type === 'Admitted');
  const status = rejection === undefined ? 'True' : 'False';
  const same =
    mine?.host === host &&
    mine.routerCanonicalHostname === settings.canonicalHostname &&
    before?.status === status &&
    (before.reason ?? '') === (rejection?.reason ?? '') &&
    (before.message ?? '') === (rejection?.message ?? '');
  if (same) return undefined;
  const ingress: RouteIngress = {
    host,
    routerName: settings.routerName,
    conditions: [
      {
        type: 'Admitted',
        status,
        ...rejection,
        lastTransitionTime: before?.status === status ? (before.lastTransitionTime ?? nowIso) : nowIso,
      },
    ],
    wildcardPolicy: 'None',
    ...(settings.canonicalHostname === undefined ? {} : { routerCanonicalHostname: settings.canonicalHostname }),
  };
  return mine === undefined ? [...existing, ingress] : existing.map((one) => (one === mine ? ingress : one));
}
