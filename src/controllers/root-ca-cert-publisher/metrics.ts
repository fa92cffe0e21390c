// Looks at namespaces, under upstream's names.
import { ApiError } from '#api/status.ts';
import { exponentialBounds } from '#base/metrics/families.ts';
import type { Measures } from '../runtime/declaration.ts';

const codeOf = (error: unknown): string =>
  error === undefined ? '200' : error instanceof ApiError ? String(error.code) : '500';

export const publisherMeasures =
  (subsystem: string): Measures =>
  (registry) => {
    const counts = registry.counter(`${subsystem}_sync_total`, 'Looks at namespaces.', ['code']);
    const durations = registry.histogram(
      `${subsystem}_sync_duration_seconds`,
      'How long they took.',
      exponentialBounds(0.001, 2, 15),
      ['code'],
    );
    return ({ error, seconds }) => {
      const labels = { code: codeOf(error) };
      counts.with(labels).add();
      durations.with(labels).observe(seconds);
    };
  };
