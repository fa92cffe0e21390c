// Calls of admission webhooks, under upstream's names.
import type { MetricRegistry } from '#base/metrics/registry.ts';

export interface WebhookCall {
  readonly name: string;
  readonly type: 'admit' | 'validating';
  readonly operation: string;
  readonly code: number;
}
export interface WebhookMetrics {
  onCall(call: WebhookCall & { readonly rejected: boolean; readonly durationSeconds: number }): void;
  onRejection(rejection: WebhookCall & { readonly errorType: string }): void;
  onFailOpen(call: Pick<WebhookCall, 'name' | 'type'>): void;
}

const prefix = 'apiserver_admission_webhook_';
const boundsSeconds = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
/** Upstream counts every code above it as this one. */
const codeMax = 600;
const codeText = (code: number): string => String(Math.min(code, codeMax));

export function webhookMetrics(registry: MetricRegistry): WebhookMetrics {
  const about = ['name', 'operation', 'type'] as const;
  const requests = registry.counter(`${prefix}request_total`, 'Calls of admission webhooks.', [
    'code',
    'rejected',
    ...about,
  ]);
  const durations = registry.histogram(
    `${prefix}admission_duration_seconds`,
    'Time that calls of admission webhooks took.',
    boundsSeconds,
    ['rejected', ...about],
  );
  const rejections = registry.counter(`${prefix}rejection_count`, 'Requests refused because of a webhook.', [
    'error_type',
    'rejection_code',
    ...about,
  ]);
  const failOpen = registry.counter(`${prefix}fail_open_count`, 'Calls that failed and let the request pass.', [
    'name',
    'type',
  ]);
  return {
    onCall({ name, type, operation, code, rejected, durationSeconds }) {
      const labels = { name, type, operation, rejected: String(rejected) };
      requests.with({ ...labels, code: codeText(code) }).add();
      durations.with(labels).observe(durationSeconds);
    },
    onRejection({ name, type, operation, errorType, code }) {
      rejections.with({ name, type, operation, error_type: errorType, rejection_code: codeText(code) }).add();
    },
    onFailOpen: ({ name, type }) => failOpen.with({ name, type }).add(),
  };
}
