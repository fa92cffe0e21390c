// What the router writes into a Route's status. Pure.
import type { RouteIngress } from '#api/generated/types.ts';
import type { AdmissionSettings, Verdict } from './admission.ts';

/** status.ingress with this router's word; undefined: it is there already. */
export function decideStatus(
  { route, host, rejection }: Verdict,
  settings: Pick<AdmissionSettings, 'routerName' | 'canonicalHostname'>,
  nowIso: string,
): readonly RouteIngress[] | undefined {
  const existing = route.status?.ingress ?? [];
  const mine = existing.find((one) => one.routerName === settings.routerName);
  const before = mine?.conditions?.find((one) => one.type === 'Admitted');
  const status = rejection === undefined ? 'True' : 'False';
  const wildcardPolicy = (route.spec.wildcardPolicy ?? '') === '' ? 'None' : route.spec.wildcardPolicy!;
  const same =
    mine?.host === host &&
    mine.wildcardPolicy === wildcardPolicy &&
    mine.routerCanonicalHostname === settings.canonicalHostname &&
    before?.status === status &&
    (before.reason ?? '') === (rejection?.reason ?? '') &&
    (before.message ?? '') === (rejection?.message ?? '');
  if (same) return undefined;
  const ingress: RouteIngress = {
    host,
    routerName: settings.routerName,
    conditions: [{ type: 'Admitted', status, ...rejection, lastTransitionTime: nowIso }],
    wildcardPolicy,
    ...(settings.canonicalHostname === undefined ? {} : { routerCanonicalHostname: settings.canonicalHostname }),
  };
  return mine === undefined ? [...existing, ingress] : existing.map((one) => (one === mine ? ingress : one));
}
