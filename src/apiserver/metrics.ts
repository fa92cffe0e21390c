// Counters of requests. Kept as plain numbers while requests run; prom-client prints them, and is loaded when somebody asks.
import type { RequestMetrics } from './context.ts';
import { webhookMetrics } from './webhook-metrics.ts';

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  count: number;
  seconds: number;
}

/** A last bound: labels come from served kinds, their verbs and codes (steps/audit.ts). */
const seriesMax = 5_000;

export function requestMetrics(): RequestMetrics {
  const series = new Map<string, Series>();
  const webhooks = webhookMetrics();
  return {
    recordWebhook: (call) => webhooks.recordWebhook(call),
    recordWebhookRejection: (rejection) => webhooks.recordWebhookRejection(rejection),
    recordWebhookFailOpen: (call) => webhooks.recordWebhookFailOpen(call),
    record({ verb, group, version, resource, subresource, scope, code, durationSeconds }) {
      const key = `${verb} ${group} ${version} ${resource} ${subresource} ${scope} ${code}`;
      let one = series.get(key);
      if (one === undefined) {
        if (series.size >= seriesMax) return;
        one = {
          labels: { verb: verb.toUpperCase(), group, version, resource, subresource, scope, code: String(code) },
          count: 0,
          seconds: 0,
        };
        series.set(key, one);
      }
      one.count++;
      one.seconds += durationSeconds;
    },
    async print() {
      const { Counter, Registry, collectDefaultMetrics } = await import('prom-client');
      const registry = new Registry();
      collectDefaultMetrics({ register: registry });
      const labelNames = ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'code'];
      const total = new Counter({
        name: 'apiserver_request_total',
        help: 'Requests by verb, resource and answer.',
        labelNames,
        registers: [registry],
      });
      const duration = new Counter({
        name: 'apiserver_request_duration_seconds_sum',
        help: 'Seconds spent on requests by verb, resource and answer.',
        labelNames,
        registers: [registry],
      });
      for (const { labels, count, seconds } of series.values()) {
        total.inc(labels, count);
        duration.inc(labels, seconds);
      }
      return { contentType: registry.contentType, text: (await registry.metrics()) + webhooks.text() };
    },
  };
}
