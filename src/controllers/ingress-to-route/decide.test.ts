import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ingress, IngressClass, Route, Secret, Service } from '#api/generated/types.ts';
import { controllerName, decide } from './decide.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const ingress = (spec: Partial<Ingress['spec']>, more: object = {}): Ingress => ({
  metadata: { name: 'shop', namespace: 'web', uid: 'i', ...more },
  spec,
});
const rule = (host: string | undefined, ...paths: object[]) => ({
  ...(host === undefined ? {} : { host }),
  http: {
    paths: (paths.length === 0 ? [{}] : paths).map((one) => ({
      path: '/',
      pathType: 'Prefix',
      backend: { service: { name: 'shop', port: { number: 80 } } },
      ...one,
    })),
  },
});
const services: readonly Service[] = [
  { metadata: { name: 'shop' }, spec: { ports: [{ name: 'http', port: 80 }] } },
  { metadata: { name: 'plain' }, spec: { ports: [{ port: 80 }] } },
];
const secrets: readonly Secret[] = [
  {
    metadata: { name: 'cert' },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64('CERT'), 'tls.key': base64('KEY') },
  },
  { metadata: { name: 'ca' }, type: 'Opaque', data: { 'tls.crt': base64('CA') } },
];
const run = (one: Ingress, routes: readonly Route[] = [], ingressClass?: IngressClass) => {
  const { actions, events = [] } = decide({
    ingress: one,
    ingressClass,
    routes,
    service: (name) => services.find((service) => service.metadata.name === name),
    secret: (name) => secrets.find((secret) => secret.metadata.name === name),
  });
  const objects = actions.flatMap((action) => ('object' in action ? [action.object as Route] : []));
  return {
    verbs: actions.map((action) => action.verb),
    specs: objects.map((route) => route.spec),
    objects,
    said: events.map((event) => `${event.reason}: ${event.message}`),
  };
};
const stored = (created: Route, name: string, more: Partial<Route> = {}): Route => ({
  ...created,
  ...more,
  metadata: { ...created.metadata, name, uid: name },
});

test('a Route for each path; a settled state asks for nothing', () => {
  const one = ingress({ rules: [rule('a.example.com', {}, { path: '/api' })] }, { annotations: { a: 'b' } });
  const { specs, objects, said } = run(one);
  assert.deepEqual(
    specs.map(({ host, path, port, wildcardPolicy }) => [host, path, port, wildcardPolicy]),
    [
      ['a.example.com', '/', { targetPort: 'http' }, 'None'],
      ['a.example.com', '/api', { targetPort: 'http' }, 'None'],
    ],
  );
  assert.equal(objects[0]!.metadata.generateName, 'shop-');
  assert.deepEqual(objects[0]!.metadata.annotations, { a: 'b' });
  assert.equal(objects[0]!.metadata.ownerReferences![0]!.controller, true);
  assert.deepEqual(said, []);
  const routes = objects.map((route, index) => stored(route, `shop-${index}`));
  assert.deepEqual(run(one, routes).verbs, []);
  assert.deepEqual(run(ingress({ rules: [rule('a.example.com')] }, { annotations: { a: 'c' } }), routes).verbs, [
    'update',
    'delete',
  ]);
});

test('wildcards, ports without names, TLS from the Secret of the host', () => {
  const { specs } = run(
    ingress({
      tls: [{ hosts: ['*.example.com'], secretName: 'cert' }],
      rules: [rule('*.example.com', { backend: { service: { name: 'plain', port: { number: 80 } } } })],
    }),
  );
  assert.deepEqual(specs, [
    {
      host: 'wildcard.example.com',
      path: '/',
      to: { kind: 'Service', name: 'plain', weight: 100 },
      tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect', certificate: 'CERT', key: 'KEY' },
      wildcardPolicy: 'Subdomain',
    },
  ]);
});

test('the annotation chooses the termination; `tls: [{}]` is edge with the default certificate', () => {
  const tls = (annotations: object, list?: object[]) =>
    run(
      ingress({ rules: [rule('a.example.com')], ...(list === undefined ? {} : { tls: list }) } as Ingress['spec'], {
        annotations,
      }),
    ).specs[0]!.tls;
  const secret = [{ hosts: ['a.example.com'], secretName: 'cert' }];
  const insecureEdgeTerminationPolicy = 'Redirect';
  assert.equal(tls({}), undefined);
  assert.deepEqual(tls({}, [{}]), { termination: 'edge', insecureEdgeTerminationPolicy });
  assert.deepEqual(tls({ 'route.openshift.io/termination': 'passthrough' }, secret), {
    termination: 'passthrough',
    insecureEdgeTerminationPolicy,
  });
  assert.deepEqual(
    tls({
      'route.openshift.io/termination': 'reencrypt',
      'route.openshift.io/destination-ca-certificate-secret': 'ca',
    }),
    { termination: 'reencrypt', insecureEdgeTerminationPolicy, destinationCACertificate: 'CA' },
  );
});

test('what a Route cannot express is left out, named in one event, and a Route that was there goes', () => {
  const rules = [
    { host: 'b.example.com' },
    rule(undefined),
    rule(
      'a.example.com',
      { pathType: 'Exact' },
      { path: '/gone', backend: { service: { name: 'gone', port: { number: 80 } } } },
      { path: '/port', backend: { service: { name: 'shop', port: { name: 'ftp' } } } },
      { path: '/resource', backend: { resource: { kind: 'Bucket', name: 'x' } } },
    ),
  ];
  const one = ingress({ rules, defaultBackend: { service: { name: 'shop', port: { number: 80 } } } });
  const owned = run(ingress({ rules: [rule('a.example.com', { path: '/gone' })] })).objects[0]!;
  const { verbs, said } = run(one, [stored(owned, 'shop-1')]);
  assert.deepEqual(verbs, ['delete']);
  assert.deepEqual(said, [
    `IncompleteIngressToRouteRules: Incomplete ingress to route rules detected: ${[
      'Unsupported default backend',
      'Missing http field in rule at index 0',
      'Missing host field in rule at index 1',
      'Unsupported exact path type in rule at index 2, path index 0',
      'Backend service "gone" not found at index 2, path index 1',
      'No valid target port for backend service "shop" at index 2, path index 2',
      'Missing backend service field in rule at index 2, path index 3',
    ].join('; ')}`,
  ]);
  assert.match(
    run(ingress({ rules: [rule('a.example.com')], tls: [{ hosts: ['a.example.com'], secretName: 'ca' }] })).said[0]!,
    /Invalid or missing TLS secret for rule host "a.example.com" at index 0/,
  );
});

test('what the user changed on the Route stays: weight, policy for HTTP, authorities', () => {
  const one = ingress({ tls: [{}], rules: [rule('a.example.com')] } as Ingress['spec']);
  const created = run(one).objects[0]!;
  const spec = {
    ...created.spec,
    to: { ...created.spec.to, weight: 7 },
    tls: { ...created.spec.tls!, insecureEdgeTerminationPolicy: 'Allow', caCertificate: 'CA' },
  };
  assert.deepEqual(run(one, [stored(created, 'shop-1', { spec })]).verbs, []);
  const changed = { ...spec, to: { ...spec.to, name: 'other' } };
  assert.deepEqual(run(one, [stored(created, 'shop-1', { spec: changed })]).specs[0], spec);
});

test('an Ingress of another class is left alone; the annotation counts before the field', () => {
  const rules = [rule('a.example.com')];
  const ours: IngressClass = { metadata: { name: 'openshift-ingress' }, spec: { controller: controllerName } };
  const other: IngressClass = { metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/nginx' } };
  assert.deepEqual(run(ingress({ rules, ingressClassName: 'nginx' }), [], other).verbs, []);
  assert.deepEqual(run(ingress({ rules, ingressClassName: 'gone' })).verbs, []);
  assert.deepEqual(run(ingress({ rules, ingressClassName: 'openshift-ingress' }), [], ours).verbs, ['create']);
  const annotations = { 'kubernetes.io/ingress.class': 'nginx' };
  assert.deepEqual(run(ingress({ rules, ingressClassName: 'x' }, { annotations }), [], other).verbs, []);
});

test('the status names the routers that admitted; what others wrote stays', () => {
  const one = ingress({ rules: [rule('a.example.com')] });
  const admitted = (status: string): Partial<Route> => ({
    status: {
      ingress: [
        { host: 'a', routerCanonicalHostname: 'router.example.com', conditions: [{ type: 'Admitted', status }] },
      ],
    },
  });
  const created = run(one).objects[0]!;
  assert.deepEqual(run(one, [stored(created, 'shop-1', admitted('False'))]).verbs, []);
  const { objects } = run({ ...one, status: { loadBalancer: { ingress: [{ ip: '192.0.2.9' }] } } }, [
    stored(created, 'shop-1', admitted('True')),
  ]);
  const written = objects[0] as unknown as Ingress;
  assert.deepEqual(written.status, {
    loadBalancer: { ingress: [{ ip: '192.0.2.9' }, { hostname: 'router.example.com' }] },
  });
  assert.deepEqual(run(written, [stored(created, 'shop-1', admitted('True'))]).verbs, []);
  const gone = run({ ...written, spec: {} }, [stored(created, 'shop-1', admitted('True'))]);
  assert.deepEqual(gone.verbs, ['delete', 'update']);
});

test('labels follow only when asked; a wrong value of the annotation is told', () => {
  const rules = [rule('a.example.com')];
  const created = run(ingress({ rules }, { labels: { a: '1' } })).objects[0]!;
  const routes = [stored(created, 'shop-1')];
  assert.deepEqual(run(ingress({ rules }, { labels: { a: '2' } }), routes).verbs, []);
  const asked = (value: string) => {
    const annotations = { 'route.openshift.io/reconcile-labels': value };
    const own = routes.map((one) => ({ ...one, metadata: { ...one.metadata, annotations } }));
    return run(ingress({ rules }, { labels: { a: '2' }, annotations }), own);
  };
  assert.deepEqual(asked('true').objects[0]!.metadata.labels, { a: '2' });
  assert.deepEqual(asked('yes').verbs, []);
  assert.match(asked('yes').said[0]!, /^InvalidAnnotationValue: /);
});
