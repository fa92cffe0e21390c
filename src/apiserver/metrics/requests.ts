// What is measured of requests, under upstream's names and labels (k8s.io/apiserver/pkg/endpoints/metrics). Recording is cheap:
// labels are made once a series, text when somebody asks.
import type { RequestMetrics } from '../context.ts';
import { Count, Histogram } from './families.ts';
import { webhookMetrics } from './webhooks.ts';

const durationBucketsSeconds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const readVerbs = new Set(['get', 'list', 'watch']);

/** Upstream's words for verbs, in capitals; APPLY is a PATCH by its media type. */
const verbLabel = (verb: string): string => (verb === 'deletecollection' ? 'DELETECOLLECTION' : verb.toUpperCase());

export function requestMetrics(): RequestMetrics {
  const total = new Count('counter', 'apiserver_request_total', 'Requests by verb, resource and answer.');
  const duration = new Histogram(
    'apiserver_request_duration_seconds',
    'Seconds from a request to its answer.',
    durationBucketsSeconds,
  );
  const inFlight = new Count('gauge', 'apiserver_current_inflight_requests', 'Requests in work.');
  const attempts = new Count('counter', 'authentication_attempts', 'Attempts to say who one is.');
  const decisions = new Count('counter', 'apiserver_authorization_decisions_total', 'What authorizers decided.');
  const webhooks = webhookMetrics();
  const kindOf = (verb: string): 'readOnly' | 'mutating' => (readVerbs.has(verb) ? 'readOnly' : 'mutating');
  for (const kind of ['mutating', 'readOnly']) inFlight.add(kind, () => ({ request_kind: kind }), 0);

  return {
    recordWebhook: (call) => webhooks.recordWebhook(call),
    recordWebhookRejection: (rejection) => webhooks.recordWebhookRejection(rejection),
    recordWebhookFailOpen: (call) => webhooks.recordWebhookFailOpen(call),
    record({ verb, group, version, resource, subresource, scope, dryRun, code, durationSeconds }) {
      const about = `${verb} ${group} ${version} ${resource} ${subresource} ${scope} ${dryRun}`;
      const labels = () => ({
        component: 'apiserver',
        dry_run: dryRun,
        group,
        resource,
        scope,
        subresource,
        verb: verbLabel(verb),
        version,
      });
      total.add(`${about} ${code}`, () => ({ code: String(code), system_client: '', ...labels() }));
      duration.observe(about, labels, durationSeconds);
    },
    onInFlight(verb, change) {
      const kind = kindOf(verb);
      inFlight.add(kind, () => ({ request_kind: kind }), change);
    },
    recordAuthentication(result) {
      attempts.add(result, () => ({ result }));
    },
    recordDecision(decision) {
      decisions.add(decision, () => ({ type: 'RBAC', name: 'rbac', decision }));
    },
    text: () => [total, duration, inFlight, attempts, decisions].map((one) => one.text()).join('') + webhooks.text(),
  };
}
