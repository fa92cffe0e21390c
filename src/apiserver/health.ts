// /healthz, /livez and /readyz with single checks, `?verbose` and `?exclude=`, in upstream's text.
import type { ApiResponse } from '#api/request.ts';
import type { RequestContext } from './context.ts';
import type { ReadinessCheck } from './options.ts';
import { respondText } from './responses.ts';

const ping: ReadinessCheck = { name: 'ping', check: () => undefined };

export function respondHealth(context: RequestContext, path: string): ApiResponse {
  const { server, request } = context;
  const endpoint = path.split('/')[1]!;
  const storage: ReadinessCheck = {
    name: 'etcd',
    check: () => (server.options.store.revision < 0 ? 'the store is not open' : undefined),
  };
  const log: ReadinessCheck = { name: 'log', check: () => undefined };
  const shutdown: ReadinessCheck = {
    name: 'shutdown',
    check: () => (server.closing.aborted ? 'process is shutting down' : undefined),
  };
  const checks =
    endpoint === 'readyz'
      ? [ping, log, storage, ...(server.options.readinessChecks ?? []), shutdown]
      : [ping, log, storage];
  const single = path.split('/')[2];
  if (single !== undefined) {
    const found = checks.find((check) => check.name === single);
    if (found === undefined) return respondText('404 page not found\n', 404);
    const problem = found.check();
    return problem === undefined ? respondText('ok') : respondText(`internal server error: ${problem}\n`, 500);
  }
  const excluded = new Set(request.query.getAll('exclude'));
  const unknown = [...excluded].filter((name) => !checks.some((check) => check.name === name));
  const lines: string[] = [];
  const failed: string[] = [];
  for (const one of checks) {
    const { name } = one;
    if (excluded.has(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const problem = one.check();
    if (problem === undefined) lines.push(`[+]${name} ok`);
    else {
      failed.push(`${name}: ${problem}`);
      lines.push(`[-]${name} failed: ${context.user.name === 'system:anonymous' ? 'reason withheld' : problem}`);
    }
  }
  if (unknown.length > 0)
    lines.push(
      `warn: some health checks cannot be excluded: no matches for ${unknown.map((name) => JSON.stringify(name)).join(',')}`,
    );
  if (failed.length > 0) return respondText(`${lines.join('\n')}\n${endpoint} check failed\n`, 500);
  return request.query.has('verbose')
    ? respondText(`${lines.join('\n')}\n${endpoint} check passed\n`)
    : respondText('ok');
}
