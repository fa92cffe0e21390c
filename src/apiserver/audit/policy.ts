// What the audit log says of a request, by OpenShift's audit profiles (library-go, operator/apiserver/audit): nothing, who did
// what (Metadata), or the bodies as well (RequestResponse). Bodies that hold secrets are in no profile. Pure.
import type { RequestInfo } from '../request-info.ts';

export type AuditProfile = 'None' | 'Default' | 'WriteRequestBodies' | 'AllRequestBodies';
export type AuditLevel = 'None' | 'Metadata' | 'RequestResponse';

/** Of everybody who is somebody: health, version and discovery are asked all the time. */
const unaudited = /^\/(api.*|version|healthz|readyz|livez)$/;
const writeVerbs = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);
/** Resources with secrets in their bodies: keys, tokens, certificates. */
const secretBodies = new Set([
  '/secrets',
  '/serviceaccounts/token',
  'authentication.k8s.io/tokenreviews',
  'authentication.k8s.io/tokenrequests',
  'route.openshift.io/routes',
  'route.openshift.io/routes/status',
  'oauth.openshift.io/oauthclients',
  'oauth.openshift.io/tokenreviews',
]);

/** `identified`: it is known who asks, were it nobody in particular. */
export function auditLevel(profile: AuditProfile, info: RequestInfo, identified: boolean): AuditLevel {
  if (profile === 'None') return 'None';
  if (!info.isResource && identified && unaudited.test(info.path)) return 'None';
  const withBodies = profile === 'AllRequestBodies' || (profile === 'WriteRequestBodies' && writeVerbs.has(info.verb));
  return withBodies && !hasSecretBody(info) ? 'RequestResponse' : 'Metadata';
}

const hasSecretBody = ({ isResource, group, resource, subresource }: RequestInfo): boolean =>
  isResource && secretBodies.has(`${group}/${resource}${subresource === '' ? '' : `/${subresource}`}`);
