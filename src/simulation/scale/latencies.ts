// How long requests take, by verb and resource, as upstream's objectives count them.
import type { ApiRequest, ApiResponse, RequestHandler } from '#api/request.ts';
import type { Clock } from '#base/clock.ts';

export interface LatencyRow {
  readonly verb: string;
  readonly resource: string;
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Each bucket is 5 % wider than the one before; 0.05 ms to more than an hour. */
const firstMs = 0.05;
const growth = Math.log(1.05);
const bucketsMax = 400;

class Histogram {
  readonly #counts = new Uint32Array(bucketsMax);
  count = 0;
  maxMs = 0;
  add(ms: number): void {
    const bucket = ms <= firstMs ? 0 : Math.min(bucketsMax - 1, Math.ceil(Math.log(ms / firstMs) / growth));
    this.#counts[bucket]! += 1;
    this.count++;
    this.maxMs = Math.max(this.maxMs, ms);
  }
  quantileMs(part: number): number {
    const wanted = Math.ceil(this.count * part);
    let seen = 0;
    for (let bucket = 0; bucket < bucketsMax; bucket++)
      if ((seen += this.#counts[bucket]!) >= wanted) return Math.min(this.maxMs, firstMs * Math.exp(bucket * growth));
    return this.maxMs;
  }
}

const verbs: Readonly<Record<string, string>> = { POST: 'POST', PUT: 'PUT', PATCH: 'PATCH', DELETE: 'DELETE' };
const pathPattern =
  /^\/(?:api|apis\/[^/]+)\/[^/]+\/(?:namespaces\/[^/]+\/(?=[^/]+))?([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?/;

export const isMutating = (verb: string): boolean => Object.hasOwn(verbs, verb);

/** Undefined: a watch, or no resource. */
export function kindOfRequest({ method, path, query }: Pick<ApiRequest, 'method' | 'path' | 'query'>) {
  const [, resource, name, subresource] = pathPattern.exec(path) ?? [];
  if (resource === undefined || query.get('watch') === 'true' || query.get('watch') === '1') return undefined;
  const verb = verbs[method] ?? (name === undefined ? 'LIST' : 'GET');
  return { verb, resource: subresource === undefined ? resource : `${resource}/${subresource}` };
}

export class Latencies {
  readonly #clock: Clock;
  readonly #histograms = new Map<string, Histogram>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }
  /** The handler, measured. */
  around(handler: RequestHandler): RequestHandler {
    return {
      handle: async (request: ApiRequest): Promise<ApiResponse> => {
        const kind = kindOfRequest(request);
        if (kind === undefined) return handler.handle(request);
        const startMs = this.#clock.monotonicMs();
        try {
          return await handler.handle(request);
        } finally {
          this.#add(`${kind.verb} ${kind.resource}`, this.#clock.monotonicMs() - startMs);
        }
      },
    };
  }
  rows(): readonly LatencyRow[] {
    return [...this.#histograms]
      .map(([key, histogram]): LatencyRow => {
        const [verb = '', resource = ''] = key.split(' ');
        return {
          verb,
          resource,
          count: histogram.count,
          p50Ms: histogram.quantileMs(0.5),
          p90Ms: histogram.quantileMs(0.9),
          p99Ms: histogram.quantileMs(0.99),
          maxMs: histogram.maxMs,
        };
      })
      .toSorted((a, b) => b.count - a.count);
  }
  #add(key: string, ms: number): void {
    let histogram = this.#histograms.get(key);
    if (histogram === undefined) this.#histograms.set(key, (histogram = new Histogram()));
    histogram.add(ms);
  }
}
