// The Routes of one Ingress: one for each rule and path that a Route can express. What it cannot is named in an event.
// Texts, the fields it manages and those it leaves to the user are OpenShift's (route-controller-manager).
import { Ingresses, Routes } from '#api/generated/kind-references.ts';
import type {
  HTTPIngressPath,
  Ingress,
  IngressClass,
  IngressRule,
  Route,
  RouteSpec,
  Secret,
  Service,
} from '#api/generated/types.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import {
  create,
  remove,
  update,
  updateStatus,
  type Action,
  type Decision,
  type EventRequest,
} from '../runtime/action.ts';
import { tlsOfIngress } from './tls.ts';

export interface IngressSnapshot {
  readonly ingress: Ingress;
  /** Of its class; undefined when it names none, or one that is not there. */
  readonly ingressClass: IngressClass | undefined;
  /** Routes that this Ingress controls. */
  readonly routes: readonly Route[];
  readonly service: (name: string) => Service | undefined;
  readonly secret: (name: string) => Secret | undefined;
}

export const controllerName = 'openshift.io/ingress-to-route';
const classAnnotation = 'kubernetes.io/ingress.class';
const reconcileLabels = 'route.openshift.io/reconcile-labels';

/** The annotation counts before the field; none: everybody's, and so ours. */
export const classNameOf = ({ metadata, spec }: Ingress): string | undefined =>
  metadata.annotations?.[classAnnotation] ?? spec.ingressClassName;

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((one): [string, boolean] => [one, true]),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((one): [string, boolean] => [one, false]),
]);

export function decide(snapshot: IngressSnapshot): Decision {
  const { ingress, ingressClass } = snapshot;
  if (classNameOf(ingress) !== undefined && ingressClass?.spec?.controller !== controllerName) return { actions: [] };
  const events: EventRequest[] = [];
  const event = (reason: string, message: string) =>
    void events.push({
      about: { ...ingress, kind: 'Ingress', apiVersion: 'networking.k8s.io/v1' },
      type: 'Normal',
      reason,
      message,
    });
  const asked = ingress.metadata.annotations?.[reconcileLabels];
  const propagates = asked === undefined ? false : booleans.get(asked.trim());
  if (propagates === undefined)
    event(
      'InvalidAnnotationValue',
      `Invalid value on annotation ${JSON.stringify(reconcileLabels)} due to: ${JSON.stringify(`strconv.ParseBool: parsing ${JSON.stringify(asked?.trim())}: invalid syntax`)}`,
    );

  const incomplete: string[] = [];
  const actions: Action[] = [];
  const matching: Route[] = [];
  const rest = new Set(snapshot.routes);
  if (ingress.spec.defaultBackend !== undefined) incomplete.push('Unsupported default backend');
  (ingress.spec.rules ?? []).forEach((rule, index) => {
    if (rule.http === undefined) return void incomplete.push(`Missing http field in rule at index ${index}`);
    if ((rule.host ?? '') === '') return void incomplete.push(`Missing host field in rule at index ${index}`);
    rule.http.paths.forEach((path, pathIndex) => {
      const at = `rule at index ${index}, path index ${pathIndex}`;
      if (path.backend.service === undefined) return void incomplete.push(`Missing backend service field in ${at}`);
      if (path.backend.service.name === '') return void incomplete.push(`Missing backend service name in ${at}`);
      if (path.pathType === 'Exact') return void incomplete.push(`Unsupported exact path type in ${at}`);
      const host = hostOf(rule);
      const existing = [...rest].find((one) => one.spec.host === host && (one.spec.path ?? '') === (path.path ?? ''));
      const wanted = specFor(snapshot, rule, path);
      if (typeof wanted === 'string') {
        // What cannot be calculated any more stays in `rest`, and goes.
        return void incomplete.push(`${wanted} at index ${index}, path index ${pathIndex}`);
      }
      if (existing === undefined) return void actions.push(create(Routes, newRoute(ingress, wanted)));
      rest.delete(existing);
      const kept = keepUsersFields(wanted, existing, ingress);
      const labels = propagates === true ? ingress.metadata.labels : existing.metadata.labels;
      const same =
        semanticallyEqual(kept, existing.spec) &&
        semanticallyEqual(ingress.metadata.annotations ?? {}, existing.metadata.annotations ?? {}) &&
        semanticallyEqual(labels ?? {}, existing.metadata.labels ?? {});
      if (same) return void matching.push(existing);
      const { annotations: _old, labels: _labels, ...metadata } = existing.metadata;
      actions.push(
        update(Routes, {
          ...existing,
          metadata: {
            ...metadata,
            ...(ingress.metadata.annotations === undefined ? {} : { annotations: ingress.metadata.annotations }),
            ...(labels === undefined ? {} : { labels }),
            ownerReferences: [ownerOf(ingress)],
          },
          spec: kept,
        }),
      );
    });
  });
  for (const route of rest) actions.push(remove(Routes, route));
  const status = statusOf(ingress, [...rest], matching);
  if (status !== undefined) actions.push(updateStatus(Ingresses, { ...ingress, status }));
  if (incomplete.length > 0)
    event('IncompleteIngressToRouteRules', `Incomplete ingress to route rules detected: ${incomplete.join('; ')}`);
  return { actions, events };
}

/** `*.example.com` is a Route for `wildcard.example.com` with the policy Subdomain. */
const hostOf = ({ host = '' }: IngressRule): string => (host.startsWith('*.') ? `wildcard${host.slice(1)}` : host);

const ownerOf = ({ metadata }: Ingress) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  controller: true,
  name: metadata.name!,
  uid: metadata.uid!,
});

const newRoute = (ingress: Ingress, spec: RouteSpec): Route => ({
  metadata: {
    generateName: `${ingress.metadata.name}-`,
    namespace: ingress.metadata.namespace!,
    ...(ingress.metadata.labels === undefined ? {} : { labels: ingress.metadata.labels }),
    ...(ingress.metadata.annotations === undefined ? {} : { annotations: ingress.metadata.annotations }),
    ownerReferences: [ownerOf(ingress)],
  },
  spec,
});

/** What the rule and path ask of a Route, or why they cannot be one now. */
function specFor({ ingress, service, secret }: IngressSnapshot, rule: IngressRule, path: HTTPIngressPath) {
  const backend = path.backend.service!;
  const found = service(backend.name);
  if (found === undefined) return `Backend service ${JSON.stringify(backend.name)} not found`;
  const byName = (backend.port?.name ?? '') !== '';
  const port = (found.spec.ports ?? []).find((one) =>
    byName ? one.name === backend.port?.name : one.port === backend.port?.number,
  );
  if (port === undefined) return `No valid target port for backend service ${JSON.stringify(backend.name)}`;
  const tls = tlsOfIngress(ingress, rule.host!, secret);
  if (tls === 'invalid') return `Invalid or missing TLS secret for rule host ${JSON.stringify(rule.host)}`;
  const spec: RouteSpec = {
    host: hostOf(rule),
    ...((path.path ?? '') === '' ? {} : { path: path.path! }),
    to: { kind: 'Service', name: backend.name, weight: 100 },
    // A Service whose only port has no name: every port of its endpoints is that one.
    ...((port.name ?? '') === '' ? {} : { port: { targetPort: port.name! } }),
    ...(tls === undefined ? {} : { tls }),
    wildcardPolicy: rule.host!.startsWith('*.') ? 'Subdomain' : 'None',
  };
  return spec;
}

/** The user may change these on the Route; they stay. */
function keepUsersFields(wanted: RouteSpec, { spec }: Route, ingress: Ingress): RouteSpec {
  const kept: RouteSpec = { ...wanted, to: { ...wanted.to, weight: spec.to.weight ?? 100 } };
  if (wanted.tls === undefined || spec.tls === undefined) return kept;
  const { caCertificate, insecureEdgeTerminationPolicy, destinationCACertificate } = spec.tls;
  const keepsDestination =
    wanted.tls.termination === 'reencrypt' &&
    ingress.metadata.annotations?.['route.openshift.io/destination-ca-certificate-secret'] === undefined;
  const { insecureEdgeTerminationPolicy: _default, ...tls } = wanted.tls;
  return {
    ...kept,
    tls: {
      ...tls,
      ...(caCertificate === undefined ? {} : { caCertificate }),
      ...(insecureEdgeTerminationPolicy === undefined ? {} : { insecureEdgeTerminationPolicy }),
      ...(keepsDestination && destinationCACertificate !== undefined ? { destinationCACertificate } : {}),
    },
  };
}

const admittingHosts = (routes: readonly Route[]): readonly string[] =>
  routes.flatMap(({ status }) =>
    (status?.ingress ?? []).flatMap(({ conditions, routerCanonicalHostname }) => {
      const admitted = conditions?.find((one) => one.type === 'Admitted')?.status === 'True';
      return admitted && routerCanonicalHostname !== undefined ? [routerCanonicalHostname] : [];
    }),
  );

/** Host names of the routers that serve it; what others wrote stays. Undefined: nothing changes. */
function statusOf(ingress: Ingress, gone: readonly Route[], matching: readonly Route[]): Ingress['status'] | undefined {
  const before = ingress.status?.loadBalancer?.ingress ?? [];
  const names = new Set(before.flatMap((one) => one.hostname ?? []));
  const had = new Set(names);
  for (const name of admittingHosts(gone)) names.delete(name);
  for (const name of admittingHosts(matching)) names.add(name);
  if (names.size === had.size && [...names].every((one) => had.has(one))) return undefined;
  const others = before.filter((one) => one.hostname === undefined);
  const list = [...others, ...[...names].toSorted().map((hostname) => ({ hostname }))];
  return { ...ingress.status, loadBalancer: list.length === 0 ? {} : { ingress: list } };
}
