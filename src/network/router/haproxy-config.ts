// HAProxy's files from admitted Routes. Pure. Hosts and paths are in map files (longest prefix of HOST/PATH), certificates in a
// certificate list; a backend a Route. The digest covers what only a reload can change: not what is in the slots.
import { createHash } from 'node:crypto';
import type { AdmittedRoute } from './admission.ts';
import { readAnnotations } from './annotations.ts';
import type { Slots } from './backends.ts';
import { allowlistPath, backendName, backendText, fileName, terminationOf } from './haproxy-backend.ts';
import { frontendLines, redirect, terminated } from './haproxy-frontends.ts';
import { globalLines } from './haproxy-global.ts';
import { domainOf } from './hosts.ts';
import { routeCertificates } from './route-certificates.ts';
import { configPath, type RouterFile, type RouterFiles, type RouterSettings } from './settings.ts';

const unavailablePage = `HTTP/1.0 503 Service Unavailable\r
Pragma: no-cache\r
Cache-Control: private, max-age=0, no-cache, no-store\r
Connection: close\r
Content-Type: text/html\r
\r
<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Application is not available</title></head>
<body><h1>Application is not available</h1><p>No application answers at this address now. The Route may be missing, or have
another host or path; or none of its Pods is ready.</p><pre>kubectl get routes,pods -A</pre></body></html>
`;

export function renderRouter(
  routes: readonly AdmittedRoute[],
  slotsOf: (backend: string) => Slots,
  settings: RouterSettings,
): RouterFiles {
  const { runDirectory } = settings;
  const passthrough = routes.filter((one) => terminationOf(one) === 'passthrough');
  const supporting: RouterFile[] = [
    ...certificateFiles(routes, settings),
    ...mapFiles(routes, runDirectory),
    ...routes.flatMap((one): readonly RouterFile[] => {
      const { allowed } = readAnnotations(one.route).options;
      const path = allowlistPath(runDirectory, backendName(one));
      return allowed === undefined ? [] : [{ path, content: `${allowed.join('\n')}\n`, mode: 0o644 }];
    }),
    { path: `${runDirectory}/503.http`, content: settings.errorPages?.[503] ?? unavailablePage, mode: 0o644 },
    ...(settings.errorPages?.[404] === undefined
      ? []
      : [{ path: `${runDirectory}/404.http`, content: settings.errorPages[404], mode: 0o644 }]),
  ];
  const needs = { passthrough: passthrough.length > 0, wildcards: routes.some((one) => one.wildcard) };
  const adjustsCase = routes.some((one) => readAnnotations(one.route).options.adjustsCase);
  const config = (digest: string, backends: readonly string[]) =>
    [...globalLines(settings, digest, adjustsCase), ...frontendLines(settings, needs), ...backends, ''].join('\n');
  const backends = routes.map((one) => backendText(one, slotsOf(backendName(one)), settings));
  const digest = createHash('sha256')
    .update(
      config(
        '',
        backends.map((one) => one.structure),
      ),
    )
    .update(JSON.stringify(supporting))
    .digest('hex')
    .slice(0, 32);
  const content = config(
    digest,
    backends.map((one) => one.text),
  );
  return {
    digest,
    files: [...supporting, { path: configPath(runDirectory), content, mode: 0o600 }],
  };
}

function certificateFiles(routes: readonly AdmittedRoute[], settings: RouterSettings): readonly RouterFile[] {
  const { runDirectory } = settings;
  const files: RouterFile[] = [
    { path: `${runDirectory}/certs/default.pem`, content: settings.defaultCertificatePem, mode: 0o600 },
  ];
  // Clients join requests of several hosts in one HTTP/2 connection when one certificate is for all: the default is.
  const list = [`${runDirectory}/certs/default.pem [alpn http/1.1]`];
  const alpn = settings.policy.defaultHttpVersion === 2 ? 'h2,http/1.1' : 'http/1.1';
  for (const one of routes) {
    const termination = terminationOf(one);
    if (termination !== 'edge' && termination !== 'reencrypt') continue;
    const { serving, destinationAuthority } = routeCertificates(one.tls!);
    if (serving !== undefined) {
      const path = `${runDirectory}/certs/${fileName(one)}.pem`;
      files.push({ path, content: serving, mode: 0o600 });
      list.push(`${path} [alpn ${alpn}] ${one.wildcard ? `*.${domainOf(one.host)}` : one.host}`);
    }
    if (termination === 'reencrypt' && destinationAuthority !== undefined)
      files.push({ path: `${runDirectory}/cas/${fileName(one)}.pem`, content: destinationAuthority, mode: 0o644 });
  }
  if (settings.serviceCaPem !== undefined)
    files.push({ path: `${runDirectory}/cas/service-ca.pem`, content: settings.serviceCaPem, mode: 0o644 });
  if (settings.clientCaPem !== undefined)
    files.push({ path: `${runDirectory}/client-ca.pem`, content: settings.clientCaPem, mode: 0o644 });
  return [...files, { path: `${runDirectory}/certificates.list`, content: `${list.join('\n')}\n`, mode: 0o600 }];
}

type Entry = readonly [route: AdmittedRoute, value: string];

function mapFiles(routes: readonly AdmittedRoute[], runDirectory: string): readonly RouterFile[] {
  const http = routes.flatMap((one): readonly Entry[] => {
    const policy = one.tls?.insecureEdgeTerminationPolicy ?? '';
    const termination = terminationOf(one);
    if (termination === '' || (policy === 'Allow' && termination !== 'passthrough')) return [[one, backendName(one)]];
    return policy === 'Redirect' ? [[one, redirect]] : [];
  });
  const https = routes
    .filter((one) => terminationOf(one) === 'edge' || terminationOf(one) === 'reencrypt')
    .map((one): Entry => [one, backendName(one)]);
  const file = (name: string, lines: readonly string[]): RouterFile => ({
    path: `${runDirectory}/${name}.map`,
    content: lines
      .map((line) => `${line}\n`)
      .toSorted()
      .join(''),
    mode: 0o644,
  });
  const paths = (name: string, entries: readonly Entry[]): readonly RouterFile[] =>
    [false, true].map((wildcard) => {
      const keys = new Map<string, string>();
      // `/foo/` is nearer to what is below than `/foo`: it comes last, and wins.
      for (const [one, value] of entries.toSorted(
        ([a], [b]) => Number(a.path.endsWith('/')) - Number(b.path.endsWith('/')),
      ))
        if (one.wildcard === wildcard)
          for (const key of pathKeys(wildcard ? `.${domainOf(one.host)}` : one.host, one.path)) keys.set(key, value);
      const lines = [...keys].map(([key, value]) => `${key} ${value}`);
      return file(wildcard ? `${name}-wildcard` : name, lines);
    });
  const passing = routes.filter((one) => terminationOf(one) === 'passthrough');
  const covered = new Set(passing.filter((one) => one.wildcard).map((one) => domainOf(one.host)));
  const exact = passing.filter((one) => !one.wildcard);
  return [
    ...paths('http', http),
    ...paths('https', https),
    file('passthrough', [
      ...exact.map((one) => `${one.host} ${backendName(one)}`),
      // A host of its own is nearer than the wildcard that would pass it through.
      ...new Set(
        https
          .filter(([one]) => !one.wildcard && covered.has(domainOf(one.host)))
          .map(([one]) => `${one.host} ${terminated}`),
      ),
    ]),
    file(
      'passthrough-wildcard',
      passing.filter((one) => one.wildcard).map((one) => `.${domainOf(one.host)} ${backendName(one)}`),
    ),
  ];
}

/** Prefixes of HOST/PATH?: `/foo` is for /foo and /foo/bar, not for /foobar; `/foo/` is for what is below. */
function pathKeys(host: string, path: string): readonly string[] {
  if (path === '/') return [`${host}/`];
  return path.endsWith('/') ? [`${host}${path}`] : [`${host}${path}?`, `${host}${path}/`];
}
