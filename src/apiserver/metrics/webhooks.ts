// Counters of calls of admission webhooks, under upstream's names.
import type { RequestMetrics } from '../context.ts';
import { Count, Histogram, type Labels } from './families.ts';

type Recorders = Required<Pick<RequestMetrics, 'recordWebhook' | 'recordWebhookRejection' | 'recordWebhookFailOpen'>>;

export interface WebhookMetrics extends Recorders {
  /** Lines of the text format; '' before the first call. */
  text(): string;
}

const prefix = 'apiserver_admission_webhook_';
const bucketsSeconds = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
/** Upstream counts every code above it as this one. */
const codeMax = 600;
const codeText = (code: number): string => String(Math.min(code, codeMax));
const keyOf = (labels: Labels): string => Object.values(labels).join('\0');

export function webhookMetrics(): WebhookMetrics {
  const requests = new Count('counter', `${prefix}request_total`, 'Calls of admission webhooks.');
  const durations = new Histogram(
    `${prefix}admission_duration_seconds`,
    'Time that calls of admission webhooks took.',
    bucketsSeconds,
  );
  const rejections = new Count('counter', `${prefix}rejection_count`, 'Requests refused because of a webhook.');
  const failOpen = new Count('counter', `${prefix}fail_open_count`, 'Calls that failed and let the request pass.');
  const count = (family: Count, labels: Labels): void => family.add(keyOf(labels), () => labels);
  return {
    recordWebhook({ name, type, operation, code, rejected, durationSeconds }) {
      count(requests, { name, type, operation, code: codeText(code), rejected: String(rejected) });
      const labels = { name, type, operation, rejected: String(rejected) };
      durations.observe(keyOf(labels), () => labels, durationSeconds);
    },
    recordWebhookRejection({ name, type, operation, errorType, code }) {
      count(rejections, { name, type, operation, error_type: errorType, rejection_code: codeText(code) });
    },
    recordWebhookFailOpen({ name, type }) {
      count(failOpen, { name, type });
    },
    text: () => [requests, durations, rejections, failOpen].map((family) => family.text()).join(''),
  };
}
