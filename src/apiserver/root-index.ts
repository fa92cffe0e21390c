// `/`: the paths that there are, in alphabetical order.
import type { ApiResponse } from '#api/request.ts';
import { apiVersionOf } from '#api/kinds.ts';
import type { Server } from './context.ts';
import { jsonContentType, respond } from './responses.ts';

const fixedPaths: readonly string[] = [
  '/.well-known/openid-configuration',
  '/api',
  '/apis',
  '/apis/',
  '/metrics',
  '/metrics/slis',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/',
  '/openid/v1/jwks',
  '/version',
];

export function respondIndex(server: Server): ApiResponse {
  const groups = server.aggregation
    .served()
    .groups.flatMap(({ name, versions }) => [
      ...(name === '' ? [] : [`/apis/${name}`]),
      ...versions.map(({ version }) => `${name === '' ? '/api' : '/apis'}/${apiVersionOf({ group: name, version })}`),
    ]);
  const checks = Object.entries(server.health).flatMap(([endpoint, list]) => [
    `/${endpoint}`,
    ...list.map((one: { readonly name: string }) => `/${endpoint}/${one.name}`),
  ]);
  const text = JSON.stringify({ paths: [...fixedPaths, ...groups, ...checks].toSorted() }, undefined, 2);
  return respond(200, { type: 'bytes', contentType: jsonContentType, parts: [Buffer.from(text)] });
}
