// Webhook configurations of the store as webhooks at work: in the order in which they are called.
import { MutatingWebhookConfigurations, ValidatingWebhookConfigurations } from '#api/generated/kind-references.ts';
import type { MutatingWebhook, ValidatingWebhook } from '#api/generated/types.ts';
import type { Store } from '#storage/store.ts';
import { configurationSource, type ConfigurationSource } from '../dynamic/configuration-source.ts';
import { compileMatcher, type RequestMatcher } from '../dynamic/request-matcher.ts';

export interface CompiledWebhook {
  /** Of this webhook in all of its kind: configuration and name, and which of that name. */
  readonly id: string;
  readonly configuration: string;
  readonly webhook: MutatingWebhook;
  readonly matcher: RequestMatcher;
  readonly ignoresFailures: boolean;
  readonly timeoutMs: number;
  readonly mayBeReinvoked: boolean;
  readonly hasConditions: boolean;
}

const timeoutSecondsDefault = 10;

function compileAll(
  configuration: string,
  webhooks: readonly (MutatingWebhook | ValidatingWebhook)[] = [],
): readonly CompiledWebhook[] {
  const seen = new Map<string, number>();
  return webhooks.map((webhook: MutatingWebhook) => {
    const count = seen.get(webhook.name) ?? 0;
    seen.set(webhook.name, count + 1);
    return {
      id: `${configuration}/${webhook.name}/${count}`,
      configuration,
      webhook,
      matcher: compileMatcher({
        rules: webhook.rules ?? [],
        matchPolicy: webhook.matchPolicy,
        namespaceSelector: webhook.namespaceSelector,
        objectSelector: webhook.objectSelector,
      }),
      ignoresFailures: webhook.failurePolicy === 'Ignore',
      timeoutMs: (webhook.timeoutSeconds ?? timeoutSecondsDefault) * 1000,
      mayBeReinvoked: webhook.reinvocationPolicy === 'IfNeeded',
      hasConditions: (webhook.matchConditions ?? []).length > 0,
    };
  });
}

export const mutatingConfigurations = (store: Store): ConfigurationSource<CompiledWebhook> =>
  configurationSource(store, MutatingWebhookConfigurations, ({ metadata, webhooks }) =>
    compileAll(metadata.name ?? '', webhooks),
  );
export const validatingConfigurations = (store: Store): ConfigurationSource<CompiledWebhook> =>
  configurationSource(store, ValidatingWebhookConfigurations, ({ metadata, webhooks }) =>
    compileAll(metadata.name ?? '', webhooks),
  );
