// What is measured and logged of calls of webhooks. Labels are those of upstream's apiserver_admission_webhook_* metrics.
import type { AdmissionAttributes, Server } from '../../context.ts';
import type { Matched } from '../dynamic/request-matcher.ts';
import type { VersionedObjects } from '../dynamic/versioned-object.ts';
import { WebhookDenial, WebhookFailure } from './call.ts';
import type { CompiledWebhook } from './configurations.ts';

export type WebhookType = 'admit' | 'validating';

export async function observed<T>(
  server: Server,
  { webhook, ignoresFailures }: CompiledWebhook,
  type: WebhookType,
  attributes: AdmissionAttributes,
  call: () => Promise<T>,
): Promise<T> {
  const { clock } = server.options;
  const { operation } = attributes;
  const startMs = clock.monotonicMs();
  const record = (code: number, rejected: boolean): void => {
    const durationMs = clock.monotonicMs() - startMs;
    attributes.onOthers(durationMs);
    const durationSeconds = durationMs / 1000;
    server.metrics.webhooks.onCall({ name: webhook.name, type, operation, code, rejected, durationSeconds });
  };
  const reject = (errorType: string, code: number): void =>
    server.metrics.webhooks.onRejection({ name: webhook.name, type, operation, errorType, code });
  try {
    const result = await call();
    record(200, false);
    return result;
  } catch (error) {
    if (error instanceof WebhookFailure) {
      if (!ignoresFailures && !error.isCanceled) reject('calling_webhook_error', error.code);
      record(error.code, !ignoresFailures);
    } else if (error instanceof WebhookDenial) {
      reject('no_error', error.code);
      record(error.code, true);
    } else {
      reject('apiserver_internal_error', 0);
      record(0, true);
    }
    throw error;
  }
}

/** The request goes on without what the webhook would have said. */
export function observeFailOpen(
  server: Server,
  { webhook, configuration }: CompiledWebhook,
  type: WebhookType,
  error: WebhookFailure,
): void {
  server.metrics.webhooks.onFailOpen({ name: webhook.name, type });
  server.options.logger.warn('a webhook could not be called, its failurePolicy Ignore lets the request pass', {
    configuration,
    webhook: webhook.name,
    error: error.message,
  });
}

/** Whether its matchConditions hold; throws an ApiError. */
export async function conditionsOf(
  hook: CompiledWebhook,
  attributes: AdmissionAttributes,
  matched: Matched,
  objects: VersionedObjects,
  server: Server,
): Promise<boolean> {
  const { conditionsHold } = await import('./conditions.ts');
  return conditionsHold(hook, attributes, matched, objects, server);
}
