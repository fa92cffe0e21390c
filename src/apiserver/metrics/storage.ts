// Writes to the store, under the names that upstream gives those to etcd: what they took, and which failed. Reads are not measured:
// the state is in this process.
import type { Clock } from '#base/clock.ts';
import type { Distribution, Value } from '#base/metrics/families.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';
import type { Store, WriteRequest, WriteResult } from '#storage/store.ts';

export type WriteOperation = 'create' | 'update' | 'delete';

export interface StorageMetrics {
  /** As the store's, measured. */
  write(
    kind: { readonly group: string; readonly resource: string },
    operation: WriteOperation,
    request: WriteRequest,
  ): Promise<WriteResult>;
}

const boundsSeconds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

interface Series {
  readonly count: Value;
  readonly seconds: Distribution;
}

export function storageMetrics(registry: MetricRegistry, clock: Clock, store: Pick<Store, 'write'>): StorageMetrics {
  const about = ['group', 'operation', 'resource'] as const;
  const durations = registry.histogram(
    'etcd_request_duration_seconds',
    'How long the store took to write.',
    boundsSeconds,
    about,
  );
  const counts = registry.counter('etcd_requests_total', 'Writes to the store.', about);
  const errors = registry.counter('etcd_request_errors_total', 'Writes that the store refused or failed at.', about);
  /** Rows live as long as their kinds are served. */
  const bound = new WeakMap<object, Partial<Record<WriteOperation, Series>>>();
  return {
    async write(kind, operation, request) {
      let series = bound.get(kind);
      if (series === undefined) bound.set(kind, (series = {}));
      const labels = { group: kind.group, operation, resource: kind.resource };
      const { count, seconds } = (series[operation] ??= {
        count: counts.with(labels),
        seconds: durations.with(labels),
      });
      const startMs = clock.monotonicMs();
      try {
        return await store.write(request);
      } catch (error) {
        errors.with(labels).add();
        throw error;
      } finally {
        count.value++;
        seconds.observe((clock.monotonicMs() - startMs) / 1000);
      }
    },
  };
}
