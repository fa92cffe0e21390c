// All that the API server measures of itself as it goes. What can be counted when somebody asks is in print.ts.
import type { Clock } from '#base/clock.ts';
import { Counter } from '#base/metrics/families.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';
import { queueObserver, type QueueObserver } from '#base/metrics/work-queues.ts';
import type { Store } from '#storage/store.ts';
import { accessMetrics, type AccessMetrics } from './access.ts';
import { admissionMetrics, type AdmissionMetrics } from './admission.ts';
import { podSecurityMetrics, policyMetrics, type PodSecurityMetrics, type PolicyMetrics } from './policies.ts';
import { requestMetrics, type RequestRecorder } from './requests.ts';
import { storageMetrics, type StorageMetrics } from './storage.ts';
import { webhookMetrics, type WebhookMetrics } from './webhooks.ts';

export interface ServerMetrics {
  readonly registry: MetricRegistry;
  readonly requests: RequestRecorder;
  readonly access: AccessMetrics;
  readonly admission: AdmissionMetrics;
  readonly webhooks: WebhookMetrics;
  /** How often each check was asked, and what it said. */
  readonly health: Counter<'name' | 'status' | 'type'>;
  readonly storage: StorageMetrics;
  readonly audit: { onLevel(level: string): void; onEvent(): void };
  readonly policies: PolicyMetrics;
  readonly podSecurity: PodSecurityMetrics;
  /** Of a work queue of this server. */
  queue(name: string): QueueObserver;
}

function auditMetrics(registry: MetricRegistry): ServerMetrics['audit'] {
  const events = registry.counter('apiserver_audit_event_total', 'Events of the audit log.').with({});
  const levels = registry.counter('apiserver_audit_level_total', 'Requests by how much of them is recorded.', [
    'level',
  ]);
  return { onLevel: (level) => levels.with({ level }).add(), onEvent: () => events.add() };
}

export const serverMetrics = (registry: MetricRegistry, clock: Clock, store: Store): ServerMetrics => ({
  registry,
  requests: requestMetrics(registry),
  access: accessMetrics(registry),
  admission: admissionMetrics(registry, clock),
  webhooks: webhookMetrics(registry),
  // Of /metrics/slis alone.
  health: new Counter('kubernetes_healthchecks_total', 'What health checks said.', ['name', 'status', 'type']),
  storage: storageMetrics(registry, clock, store),
  audit: auditMetrics(registry),
  policies: policyMetrics(registry),
  podSecurity: podSecurityMetrics(registry),
  queue: (name) => queueObserver(registry, clock, name),
});
