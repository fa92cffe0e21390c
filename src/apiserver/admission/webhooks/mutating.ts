// Calls the mutating webhooks that are about a request, one after the other, each on what those before it made of the object.
import { internalError, timeoutError } from '#api/status.ts';
import { equalJson } from '#api/patch/json-values.ts';
import type { KubernetesObject } from '#api/kind.ts';
import type { AdmissionAttributes, Server } from '../../context.ts';
import type { Matched } from '../dynamic/request-matcher.ts';
import { takeVersioned, versionedObjects, type VersionedObjects } from '../dynamic/versioned-object.ts';
import { callWebhook, WebhookFailure } from './call.ts';
import type { CompiledWebhook } from './configurations.ts';
import { conditionsOf, observeFailOpen, observed } from './observed.ts';
import { patchedObject, PatchProblem } from './patch.ts';
import type { ReviewResponse } from './review.ts';

const pluginName = 'MutatingAdmissionWebhook';

/** Who is called again when the object changes behind their call. Upstream's webhook reinvocation context. */
interface Notes {
  /** Called, and want to be called again; since the object changed last. */
  called: Set<string>;
  /** To be called in the second round. */
  readonly again: Set<string>;
  lastOutput: KubernetesObject | undefined;
}

function notesOf({ reinvocation }: AdmissionAttributes): Notes {
  const all = (reinvocation.notes ??= new Map());
  let notes = all.get(pluginName) as Notes | undefined;
  if (notes === undefined)
    all.set(pluginName, (notes = { called: new Set(), again: new Set(), lastOutput: undefined }));
  return notes;
}

function requireAgain(notes: Notes): void {
  for (const id of notes.called) notes.again.add(id);
  notes.called = new Set();
}

/** Throws an ApiError. */
export async function callMutating(
  hooks: readonly CompiledWebhook[],
  attributes: AdmissionAttributes,
  server: Server,
): Promise<void> {
  const { reinvocation } = attributes;
  const notes = notesOf(attributes);
  if (reinvocation.isReinvoked && !equalJson(notes.lastOutput, attributes.object)) requireAgain(notes);
  let index = -1;
  for (const hook of hooks) {
    index++;
    const matched = hook.matcher.match(attributes, server);
    if (matched === undefined) continue;
    if (reinvocation.isReinvoked && !notes.again.has(hook.id)) continue;
    const objects = await versionedObjects(attributes, matched, server);
    if (hook.hasConditions && !(await conditionsOf(hook, attributes, matched, objects, server))) continue;
    const round = `round_${reinvocation.isReinvoked ? 1 : 0}_index_${index}`;
    let changed = false;
    try {
      changed = await observed(server, hook, 'admit', attributes, () =>
        mutateOnce(hook, attributes, matched, objects, server, round),
      );
    } catch (error) {
      if (hook.mayBeReinvoked) notes.called.add(hook.id);
      if (!(error instanceof WebhookFailure)) throw error;
      if (!hook.ignoresFailures) throw internalError(error.message);
      if (!error.isCanceled) {
        observeFailOpen(server, hook, 'admit', error);
        attributes.annotate(`failed-open.mutation.webhook.admission.k8s.io/${round}`, hook.webhook.name);
      }
      if (attributes.signal.aborted) throw timeoutError('request did not complete within requested timeout');
      continue;
    }
    if (changed) {
      requireAgain(notes);
      reinvocation.isWanted = true;
    }
    if (hook.mayBeReinvoked) notes.called.add(hook.id);
  }
  if (reinvocation.isWanted && !reinvocation.isReinvoked) notes.lastOutput = structuredClone(attributes.object);
}

/** Whether the object is another one now. */
async function mutateOnce(
  hook: CompiledWebhook,
  attributes: AdmissionAttributes,
  matched: Matched,
  objects: VersionedObjects,
  server: Server,
  round: string,
): Promise<boolean> {
  const { configuration, webhook } = hook;
  let mutated = false;
  try {
    const response = await callWebhook(hook, attributes, matched, objects, server, true);
    const changed = patchOf(hook, attributes, matched, objects, response, round);
    if (changed === undefined) return false;
    mutated = !equalJson(changed, objects.object);
    await takeVersioned(attributes, matched, changed, server);
    return mutated;
  } finally {
    attributes.annotate(
      `mutation.webhook.admission.k8s.io/${round}`,
      JSON.stringify({ configuration, webhook: webhook.name, mutated }),
    );
  }
}

/** Undefined: the webhook sent no patch. */
function patchOf(
  { configuration, webhook }: CompiledWebhook,
  attributes: AdmissionAttributes,
  matched: Matched,
  { object }: VersionedObjects,
  { patch, patchType }: ReviewResponse,
  round: string,
) {
  if (patch === '') return undefined;
  try {
    const result = patchedObject({ matched, attributes, object, patch, patchType, webhook: webhook.name });
    if (result === undefined) return undefined;
    attributes.annotate(
      `patch.webhook.admission.k8s.io/${round}`,
      JSON.stringify({ configuration, webhook: webhook.name, patch: result.operations, patchType }),
    );
    return result.object;
  } catch (error) {
    if (error instanceof PatchProblem) throw new WebhookFailure(webhook.name, error.message, 503);
    throw error;
  }
}
