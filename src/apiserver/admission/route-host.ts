// Hosts and certificates of OpenShift Routes: who names none gets a host below the cluster's domain for applications; who names
// one, or brings a certificate, needs the right to (`routes/custom-host`). Rules of upstream's library-go/route/hostassignment.
import { invalid, forbidden, notFound, type FieldError } from '#api/field-error.ts';
import { Secrets } from '#api/generated/kind-references.ts';
import type { Route, RouteSpec, Secret } from '#api/generated/types.ts';
import type { Mutable } from '#api/kind.ts';
import { storageKey } from '#api/kinds.ts';
import { invalidError } from '#api/status.ts';
import type { Identity } from '#api/request.ts';
import { serviceAccountGroups } from '../authentication/service-account-names.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { sameValue } from '../registry/same-object.ts';
import { isResource, only } from './operations.ts';
import { isAllowed } from '../authorization/is-allowed.ts';

const group = 'route.openshift.io';
const generatedAnnotation = 'openshift.io/host.generated';
const hostText = 'you do not have permission to set the host field of the route';
const subdomainText = 'you do not have permission to set the subdomain field of the route';
const certificateText = 'you do not have permission to set certificate fields on the route';
const certificateFields = ['caCertificate', 'certificate', 'destinationCACertificate', 'key'] as const;
const routerNamespace = 'openshift-ingress';
const router: Identity = {
  name: `system:serviceaccount:${routerNamespace}:router`,
  groups: [...serviceAccountGroups(routerNamespace), 'system:authenticated'],
};

type Tls = NonNullable<RouteSpec['tls']>;
const externalName = (tls: Tls | undefined): string => tls?.externalCertificate?.name ?? '';
const bringsCertificate = (tls: Tls | undefined): boolean =>
  tls !== undefined && (certificateFields.some((one) => (tls[one] ?? '') !== '') || externalName(tls) !== '');

const may = (attributes: AdmissionAttributes, server: Server, verb: 'create' | 'update'): Promise<boolean> =>
  isAllowed(server, attributes.user, {
    verb,
    group,
    resource: 'routes',
    subresource: 'custom-host',
    namespace: attributes.namespace,
  });

const refuse = (attributes: AdmissionAttributes, errors: readonly FieldError[]): void => {
  if (errors.length > 0) throw invalidError(attributes.row, attributes.name, errors);
};

async function allocate(attributes: AdmissionAttributes, server: Server): Promise<void> {
  const route = attributes.object as Mutable<Route>;
  if (route.spec === undefined) return;
  const { spec } = route;
  const hasHost = (spec.host ?? '') !== '';
  if ((hasHost || bringsCertificate(spec.tls)) && !(await may(attributes, server, 'create')))
    refuse(attributes, [hasHost ? forbidden('spec.host', hostText) : forbidden('spec.tls', certificateText)]);
  const { name = '', namespace = '' } = route.metadata;
  // A subdomain of its own is the router's to complete; a wildcard needs a host that its writer chose.
  if (hasHost || spec.wildcardPolicy === 'Subdomain' || (spec.subdomain ?? '') !== '' || name === '') return;
  spec.host = `${name.replaceAll('.', '-')}-${namespace}.${server.options.routeDomain}`;
  route.metadata.annotations = { ...route.metadata.annotations, [generatedAnnotation]: 'true' };
}

/** What an external Secret holds may have changed whenever the Route is written: it counts as new each time. */
function certificateChanged(tls: Tls | undefined, before: Tls | undefined): boolean {
  if (!bringsCertificate(tls)) return false;
  if (before === undefined || tls?.externalCertificate !== undefined) return true;
  return certificateFields.some((one) => (tls?.[one] ?? '') !== (before[one] ?? ''));
}

/** Who may not change hosts may still bring certificates, with the right to create them. */
async function checkUpdate(attributes: AdmissionAttributes, server: Server): Promise<void> {
  const { spec } = attributes.object as Route;
  const { spec: before } = attributes.old as Route;
  // An empty host means the one that is there (the kind keeps it).
  const hostChanged = (spec.host ?? '') !== '' && spec.host !== before.host;
  const subdomainChanged = (spec.subdomain ?? '') !== (before.subdomain ?? '');
  if (!hostChanged && !subdomainChanged && !certificateChanged(spec.tls, before.tls)) return;
  if (await may(attributes, server, 'update')) return;
  if (hostChanged) return refuse(attributes, [invalid('spec.host', spec.host, hostText)]);
  if (subdomainChanged) return refuse(attributes, [invalid('spec.subdomain', spec.subdomain ?? '', subdomainText)]);
  if (await may(attributes, server, 'create')) return;
  const { tls } = spec;
  if (tls === undefined || before.tls === undefined)
    return refuse(attributes, [invalid('spec.tls', tls, certificateText)]);
  const wrong = certificateFields
    .filter((one) => (tls[one] ?? '') !== (before.tls?.[one] ?? ''))
    .map((one) => invalid(`spec.tls.${one}`, `redacted ${one} data`, certificateText));
  const external =
    tls.externalCertificate === undefined ? before.tls.externalCertificate !== undefined : externalName(tls) !== '';
  refuse(attributes, [
    ...wrong,
    ...(external ? [invalid('spec.tls.externalCertificate', tls.externalCertificate ?? null, certificateText)] : []),
  ]);
}

/** The router reads the Secret with its own rights, which the namespace grants it; else nobody could say what it may serve. */
async function checkExternalCertificate(attributes: AdmissionAttributes, server: Server): Promise<void> {
  const { spec } = attributes.object as unknown as Route;
  const name = externalName(spec.tls);
  if (name === '' || spec.tls?.termination === 'passthrough' || (spec.tls?.certificate ?? '') !== '') return;
  const field = 'spec.tls.externalCertificate';
  const { namespace } = attributes;
  const errors: FieldError[] = [];
  for (const verb of ['get', 'watch', 'list'])
    if (!(await isAllowed(server, router, { verb, group: '', version: 'v1', resource: 'secrets', namespace, name })))
      errors.push(forbidden(field, `router serviceaccount does not have permission to ${verb} this secret`));
  const secret = server.options.store.get(storageKey(Secrets, namespace, name))?.object() as Secret | undefined;
  if (secret === undefined) errors.push(notFound(field, `secrets ${JSON.stringify(name)} not found`));
  else if (secret.type !== 'kubernetes.io/tls')
    errors.push(invalid(field, name, 'secret of type "kubernetes.io/tls" required'));
  refuse(attributes, errors);
}

const concerns = (attributes: AdmissionAttributes): boolean =>
  isResource(attributes, group, 'routes') && attributes.subresource === '' && attributes.object !== undefined;

async function check(attributes: AdmissionAttributes, server: Server): Promise<void> {
  if (attributes.operation === 'UPDATE') {
    // A controller's writes to other fields, such as finalizers, ask for nothing.
    if (sameValue((attributes.object as unknown as Route).spec, (attributes.old as Route).spec)) return;
    await checkUpdate(attributes, server);
  }
  await checkExternalCertificate(attributes, server);
}

export const routeHost: AdmissionPlugin = {
  name: 'RouteHost',
  concerns: only('routes.route.openshift.io'),
  mutate: (attributes, server) =>
    concerns(attributes) && attributes.operation === 'CREATE' ? allocate(attributes, server) : undefined,
  validate: (attributes, server) => (concerns(attributes) ? check(attributes, server) : undefined),
};
