// Paths that are no resources: discovery, OpenAPI, health, version, metrics, the index.
import type { ApiResponse } from '#api/request.ts';
import { ApiError } from '#api/status.ts';
import type { RequestContext } from './context.ts';
import { jsonEndpoint, negotiateOutput } from './content/negotiate.ts';
import { respondDiscovery } from './discovery/discovery.ts';
import { respondOpenApi } from './discovery/openapi.ts';
import { respondHealth } from './health.ts';
import { jsonContentType, respond, respondText } from './responses.ts';
import { respondIndex } from './root-index.ts';

/** These answer any method alike. */
const takesAnyMethod = (path: string): boolean =>
  path === '/' || path === '/index.html' || path.startsWith('/openapi/') || /^\/apis(\/[^/]+)?\/?$/.test(path);

export async function respondNonResource(context: RequestContext): Promise<ApiResponse> {
  const { info, request, server } = context;
  const path = info.path.length > 1 && info.path.endsWith('/') ? info.path.slice(0, -1) : info.path;
  const health = respondHealth(context, info.path);
  if (health !== undefined) return health;
  const isRead = request.method === 'GET' || (request.method === 'HEAD' && path !== '/version');
  if (!isRead && !takesAnyMethod(info.path))
    throw new ApiError(405, 'MethodNotAllowed', `the server does not allow this method on the requested resource`, {});
  if (path === '/version') {
    negotiateOutput(request, jsonEndpoint);
    const text = JSON.stringify(server.options.version, undefined, 2);
    return respond(200, { type: 'bytes', contentType: jsonContentType, parts: [Buffer.from(text)] });
  }
  if (info.path === '/metrics') {
    const { metricsContentType: contentType, printMetrics } = await import('./metrics/print.ts');
    return respond(200, { type: 'bytes', contentType, parts: [Buffer.from(await printMetrics(server))] });
  }
  if (info.path === '/metrics/slis') {
    const { metricsContentType: contentType, printServiceLevels } = await import('./metrics/print.ts');
    return respond(200, { type: 'bytes', contentType, parts: [Buffer.from(printServiceLevels(server))] });
  }
  if (path === '/api' || path === '/apis' || path.startsWith('/api/') || path.startsWith('/apis/'))
    return respondDiscovery(context, path);
  if (path.startsWith('/debug/api_priority_and_fairness/'))
    return (await import('./flow-control/dump.ts')).respondDump(context);
  if (path.startsWith('/openapi/')) return respondOpenApi(context, info.path);
  if (path === '/.well-known/openid-configuration' || path === '/openid/v1/jwks') {
    const { respondIssuer } = await import('./authentication/issuer-discovery.ts');
    return respondIssuer(context, path);
  }
  if (path === '/' || path === '/index.html') return respondIndex(server);
  return respondText('404 page not found\n', 404);
}
