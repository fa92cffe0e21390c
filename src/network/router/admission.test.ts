import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route } from '#api/generated/types.ts';
import { decideAdmission, type AdmissionSettings } from './admission.ts';
import { decideStatus } from './route-status.ts';
import { admission, route } from './test-routes.ts';

const judge = (routes: readonly Route[], settings: Partial<AdmissionSettings> = {}) =>
  Object.fromEntries(
    decideAdmission(routes, { ...admission, ...settings }).verdicts.map(({ route: one, rejection }) => [
      one.metadata.name,
      rejection === undefined ? 'admitted' : `${rejection.reason}: ${rejection.message}`,
    ]),
  );

test('a path of a host belongs to its oldest Route, in whatever namespace; the path / is the empty one', () => {
  assert.deepEqual(
    judge([
      route('other-path', { path: '/docs' }, { namespace: 'other', day: 3 }),
      route('other', {}, { namespace: 'other', day: 3 }),
      route('first', {}),
      route('path', { path: '/api' }, { day: 2 }),
      route('again', { path: '/' }, { day: 2 }),
    ]),
    {
      first: 'admitted',
      again: 'HostAlreadyClaimed: route first already exposes shop.example.com and is older',
      path: 'admitted',
      other: 'HostAlreadyClaimed: a route in another namespace holds shop.example.com and is older than other',
      'other-path': 'admitted',
    },
  );
});

test('with namespaceOwnership Strict the host belongs to the namespace of its oldest Route', () => {
  const routes = [
    route('first', {}),
    route('late', { path: '/docs' }, { namespace: 'other', day: 2 }),
    route('own', { path: '/docs' }, { day: 3 }),
  ];
  const late = 'HostAlreadyClaimed: a route in another namespace holds shop.example.com and is older than late';
  assert.deepEqual(judge(routes, { sharesHosts: false }), { first: 'admitted', late, own: 'admitted' });
  // Whoever lost is admitted once the winner is gone.
  assert.equal(judge(routes.slice(1, 2), { sharesHosts: false })['late'], 'admitted');
});

test('a host cannot be passed through and opened here', () => {
  const tls = (termination: string) => ({ tls: { termination } });
  assert.deepEqual(
    judge([
      route('edge', { path: '/api', ...tls('edge') }),
      route('through', tls('passthrough'), { day: 2 }),
      route('plain', {}, { day: 3 }),
    ]),
    {
      edge: 'admitted',
      through: 'HostAlreadyClaimed: route edge already exposes shop.example.com and is older',
      plain: 'admitted',
    },
  );
});

test('wildcards: only where allowed, one namespace a domain with Strict, beside hosts of their own', () => {
  const wildcard = { host: 'any.example.com', wildcardPolicy: 'Subdomain' };
  const routes = [
    route('wild', wildcard),
    route('own', {}, { day: 2 }),
    route('foreign', { host: 'www.example.com' }, { namespace: 'other', day: 3 }),
    route('again', { ...wildcard, host: 'else.example.com' }, { day: 4 }),
  ];
  assert.equal(judge(routes)['wild'], 'RouteNotAdmitted: wildcard routes are not allowed');
  const again = 'HostAlreadyClaimed: wildcard route web/wild has host *.example.com, blocking else.example.com';
  assert.deepEqual(judge(routes, { allowsWildcards: true }), {
    wild: 'admitted',
    own: 'admitted',
    foreign: 'admitted',
    again,
  });
  assert.deepEqual(judge(routes, { allowsWildcards: true, sharesHosts: false }), {
    wild: 'admitted',
    own: 'admitted',
    foreign: 'HostAlreadyClaimed: a route in another namespace holds host www.example.com',
    again,
  });
  const late = route('late', { ...wildcard }, { namespace: 'other', day: 5 });
  assert.equal(
    judge([route('own', {}), late], { allowsWildcards: true, sharesHosts: false })['late'],
    'HostAlreadyClaimed: a route in another namespace holds host any.example.com',
  );
});

test('a Route without a host gets one; what cannot be served is rejected and keeps its claim', () => {
  const { admitted, verdicts } = decideAdmission(
    [
      route('a.b', { host: undefined }),
      route('b', { host: 'bad host' }),
      route('d', { host: 'd.example.com', tls: { termination: 'edge', certificate: 'x', key: 'y' } }),
      route('e', { host: 'e.example.com', path: '/a b' }),
      route('f', { host: 'd.example.com' }, { namespace: 'other', day: 2 }),
    ],
    admission,
  );
  assert.deepEqual(
    admitted.map((one) => one.host),
    ['a-b-web.apps.example.com'],
  );
  assert.deepEqual(
    verdicts.map((one) => one.rejection?.reason),
    [undefined, 'InvalidHost', 'ExtendedValidationFailed', 'ExtendedValidationFailed', 'HostAlreadyClaimed'],
  );
  assert.match(
    verdicts[1]!.rejection!.message,
    /^host name validation errors: spec\.host: Invalid value: "bad host": /,
  );
});

test('nothing in a Route adds a line to the configuration', () => {
  const header = (value: string, name = 'X-A') => ({
    httpHeaders: { actions: { request: [{ name, action: { type: 'Set', set: { value } } }] } },
  });
  for (const spec of [
    { host: 'a.example.com\nfoo' },
    { path: '/a\n' },
    { path: '/"' },
    { path: '/a?b' },
    // HAProxy reads a map in pieces of 16 kB: the rest would be a line for another host.
    { path: `/${'a'.repeat(16_367)}victim.example.com/` },
    { path: `/${'\u00e4'.repeat(8_000)}` },
    { to: { kind: 'Service', name: 'x\n  server evil 192.0.2.1:80' } },
    { alternateBackends: [{ kind: 'Service', name: 'x y' }] },
    header('a\n  http-request return status 200'),
    header('%[env(HOME)]'),
    header('a', "X'\n"),
  ])
    assert.notEqual(judge([route('a', spec)])['a'], 'admitted', JSON.stringify(spec));
});

test('status is written once, kept for other routers, and dated when it changes', () => {
  const other = { host: 'x', routerName: 'other' };
  const before: Route = { ...route('a', { wildcardPolicy: 'None' }), status: { ingress: [other] } };
  const verdict = (one: Route) => decideAdmission([one], admission).verdicts[0]!;
  const ingress = decideStatus(verdict(before), admission, '2026-02-01T00:00:00Z')!;
  assert.deepEqual(ingress, [
    other,
    {
      host: 'shop.example.com',
      routerName: 'default',
      conditions: [{ type: 'Admitted', status: 'True', lastTransitionTime: '2026-02-01T00:00:00Z' }],
      wildcardPolicy: 'None',
      routerCanonicalHostname: 'router.example.com',
    },
  ]);
  assert.equal(decideStatus(verdict({ ...before, status: { ingress } }), admission, '2026-03-01T00:00:00Z'), undefined);
});
