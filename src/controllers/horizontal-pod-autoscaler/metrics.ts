// What is told of autoscalers, under upstream's names.
import { exponentialBounds } from '#base/metrics/families.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';

export type ScaleAction = 'scale_up' | 'scale_down' | 'none';
export type ErrorKind = 'spec' | 'internal' | 'none';

export interface AutoscalerMeasures {
  looked(action: ScaleAction, error: ErrorKind, seconds: number): void;
  computed(action: ScaleAction, error: ErrorKind, metricType: string, seconds: number): void;
  wants(namespace: string, name: string, replicas: number): void;
}

export const unmeasured: AutoscalerMeasures = { looked() {}, computed() {}, wants() {} };

export function autoscalerMeasures(registry: MetricRegistry): AutoscalerMeasures {
  const prefix = 'horizontal_pod_autoscaler_controller';
  const bounds = exponentialBounds(0.001, 2, 15);
  const looks = registry.counter(`${prefix}_reconciliations_total`, 'Looks at autoscalers.', ['action', 'error']);
  const lookSeconds = registry.histogram(
    `${prefix}_reconciliation_duration_seconds`,
    'How long a look at an autoscaler took.',
    bounds,
    ['action', 'error'],
  );
  const labels = ['action', 'error', 'metric_type'] as const;
  const metrics = registry.counter(`${prefix}_metric_computation_total`, 'Metrics that were computed.', labels);
  const metricSeconds = registry.histogram(
    `${prefix}_metric_computation_duration_seconds`,
    'How long one metric of an autoscaler took.',
    bounds,
    labels,
  );
  const desired = registry.gauge(`${prefix}_desired_replicas`, 'Replicas that an autoscaler wants.', [
    'namespace',
    'hpa_name',
  ]);
  return {
    looked(action, error, seconds) {
      looks.with({ action, error }).add();
      lookSeconds.with({ action, error }).observe(seconds);
    },
    computed(action, error, metricType, seconds) {
      const values = { action, error, metric_type: metricType };
      metrics.with(values).add();
      metricSeconds.with(values).observe(seconds);
    },
    wants(namespace, name, replicas) {
      desired.with({ namespace, hpa_name: name }).set(replicas);
    },
  };
}
