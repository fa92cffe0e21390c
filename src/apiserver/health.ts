// /healthz, /livez and /readyz with single checks, `?verbose` and `?exclude=`, in upstream's text. Why a check fails is told
// only at the check's own path, which takes a right; the sum is for everybody.
import type { ApiResponse } from '#api/request.ts';
import type { RequestContext, Server } from './context.ts';
import type { HealthEndpoint, ReadinessCheck } from './options.ts';
import { respondPlain, respondText } from './responses.ts';

const endpoints: ReadonlySet<string> = new Set<HealthEndpoint>(['healthz', 'livez', 'readyz']);
/** As the names of checks that a caller excludes are quoted. */
const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(',');

/** Undefined: well. */
function checked({ metrics }: Server, type: string, one: ReadinessCheck): string | undefined {
  const problem = one.check();
  metrics.health.with({ name: one.name, type, status: problem === undefined ? 'success' : 'error' }).add();
  return problem;
}

/** Undefined: the path is not about health. */
export function respondHealth({ server, request }: RequestContext, path: string): ApiResponse | undefined {
  const end = path.indexOf('/', 1);
  const endpoint = path.slice(1, end < 0 ? undefined : end);
  if (!endpoints.has(endpoint)) return undefined;
  const checks = server.health[endpoint as HealthEndpoint];
  if (end >= 0) {
    const single = checks.find(({ name }) => name === path.slice(end + 1));
    if (single === undefined) return respondText('404 page not found\n', 404);
    const problem = checked(server, endpoint, single);
    return problem === undefined ? respondPlain('ok') : respondText(`internal server error: ${problem}\n`, 500);
  }
  const excluded = new Set(request.query.getAll('exclude'));
  const unknown = new Set(excluded);
  const lines: string[] = [];
  let isWell = true;
  for (const one of checks) {
    if (unknown.delete(one.name) || excluded.has(one.name)) lines.push(`[+]${one.name} excluded: ok`);
    else if (checked(server, endpoint, one) === undefined) lines.push(`[+]${one.name} ok`);
    else {
      isWell = false;
      lines.push(`[-]${one.name} failed: reason withheld`);
    }
  }
  if (isWell && !request.query.has('verbose')) return respondText('ok');
  if (unknown.size > 0)
    lines.push(`warn: some health checks cannot be excluded: no matches for ${quoted([...unknown].sort())}`);
  return respondText(`${lines.join('\n')}\n${endpoint} check ${isWell ? 'passed' : 'failed'}\n`, isWell ? 200 : 500);
}
