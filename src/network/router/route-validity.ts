// What keeps one Route from being served as it asks: upstream's extended validation, and forms that HAProxy's files could not hold
// (the API refuses most of them earlier; this is the last line before a file). Pure.
import type { Route } from '#api/generated/types.ts';
import { pathOf } from './hosts.ts';
import { routeCertificates, type ServingTls } from './route-certificates.ts';
import { headerProblem } from './route-headers.ts';

const serviceNamePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** HAProxy cuts longer lines of a map in two (16 kB): the rest of such a path would be a host and path of its own. */
const pathBytesMax = 8_192;
const pathPattern = /^\/[\x21\x24-\x3e\x40-\x5b\x5d-\x7e\u0080-\uffff]*$/;

export function invalidity(route: Route, tls: ServingTls | undefined): string | undefined {
  const path = pathOf(route);
  if (Buffer.byteLength(path) > pathBytesMax) return `spec.path: Too long: may not be more than ${pathBytesMax} bytes`;
  if (!pathPattern.test(path)) return `spec.path: Invalid value: ${JSON.stringify(path)}: a request has no such path`;
  for (const target of [route.spec.to, ...(route.spec.alternateBackends ?? [])])
    if (!serviceNamePattern.test(target.name)) return `spec.to.name: Invalid value: ${JSON.stringify(target.name)}`;
  const headers = headerProblem(route);
  if (headers !== undefined) return headers;
  if (tls === undefined) return undefined;
  if (tls.termination === 'passthrough' && path !== '/')
    return 'spec.path: Invalid value: passthrough termination does not support paths';
  return routeCertificates(tls).problem;
}
