// Calls the validating webhooks that are about a request, all at once. Of several refusals the first in their order counts.
import { internalError, timeoutError } from '#api/status.ts';
import type { KindRow } from '#api/kind.ts';
import type { AdmissionAttributes, Server } from '../../context.ts';
import type { Matched } from '../dynamic/request-matcher.ts';
import { versionedObjects, type VersionedObjects } from '../dynamic/versioned-object.ts';
import { callWebhook, WebhookFailure } from './call.ts';
import type { CompiledWebhook } from './configurations.ts';
import { conditionsOf, observeFailOpen, observed } from './observed.ts';

interface Invocation {
  readonly hook: CompiledWebhook;
  readonly matched: Matched;
  readonly objects: VersionedObjects;
}

/** Throws an ApiError. */
export async function callValidating(
  hooks: readonly CompiledWebhook[],
  attributes: AdmissionAttributes,
  server: Server,
): Promise<void> {
  const invocations: Invocation[] = [];
  const shown = new Map<KindRow, VersionedObjects>();
  for (const hook of hooks) {
    const matched = hook.matcher.match(attributes, server);
    if (matched === undefined) continue;
    let objects = shown.get(matched.row);
    if (objects === undefined) shown.set(matched.row, (objects = await versionedObjects(attributes, matched, server)));
    if (hook.hasConditions && !(await conditionsOf(hook, attributes, matched, objects, server))) continue;
    invocations.push({ hook, matched, objects });
  }
  if (invocations.length === 0) return;
  if (attributes.signal.aborted) throw timeoutError('request did not complete within requested timeout');
  const results = await Promise.allSettled(invocations.map((one, index) => askOne(one, index, attributes, server)));
  const refused = results.find((one) => one.status === 'rejected');
  if (refused !== undefined) throw refused.reason;
}

async function askOne(
  { hook, matched, objects }: Invocation,
  index: number,
  attributes: AdmissionAttributes,
  server: Server,
): Promise<void> {
  try {
    await observed(server, hook, 'validating', attributes, () =>
      callWebhook(hook, attributes, matched, objects, server, false),
    );
  } catch (error) {
    if (!(error instanceof WebhookFailure)) throw error;
    if (!hook.ignoresFailures) throw internalError(error.message);
    // Who has gone gets nothing written that nobody judged: a failure policy is about webhooks that fail, not about callers.
    if (attributes.signal.aborted) throw timeoutError('request did not complete within requested timeout');
    if (error.isCanceled) return;
    observeFailOpen(server, hook, 'validating', error);
    attributes.annotate(`failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`, hook.webhook.name);
  }
}
