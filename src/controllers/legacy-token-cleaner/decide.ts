// Tokens in Secrets that an account lists and that nobody has used for a year hold no more; a year later their Secrets go. Only
// after uses have been noted for a year, and never one that a Pod names. Rules of upstream's legacy service account token cleaner.
import { Secrets } from '#api/generated/kind-references.ts';
import type { ConfigMap, Pod, Secret, ServiceAccount } from '#api/generated/types.ts';
import { dayAfter, dayOf, invalidSinceLabel, lastUsedLabel } from '#rules/legacy-tokens.ts';
import { podUses } from '#rules/pod-references.ts';
import { patch, remove, type Action, type Decision } from '../runtime/action.ts';

export interface LegacyTokensSnapshot {
  /** What says since when uses are noted. */
  readonly tracking: ConfigMap | undefined;
  readonly secrets: readonly Secret[];
  account(namespace: string, name: string): ServiceAccount | undefined;
  pods(namespace: string): readonly Pod[];
}

/** Upstream's --legacy-service-account-token-clean-up-period. */
export const unusedMs = 365 * 86_400_000;
/** Days are what counts here: once in each. */
const lookMs = 86_400_000;
export const tokenSecretType = 'kubernetes.io/service-account-token';
const annotations = 'kubernetes.io/service-account';

function isListed(secret: Secret, snapshot: LegacyTokensSnapshot): boolean {
  const { name, namespace, annotations: said } = secret.metadata;
  const found = snapshot.account(namespace!, said?.[`${annotations}.name`] ?? '');
  const uid = said?.[`${annotations}.uid`] ?? '';
  if (found === undefined || (uid !== '' && uid !== found.metadata.uid)) return false;
  return found.secrets?.some((one) => one.name === name) === true;
}

function actionFor(secret: Secret, snapshot: LegacyTokensSnapshot, now: number): Action | undefined {
  const { creationTimestamp, deletionTimestamp, labels, name, namespace, resourceVersion } = secret.metadata;
  const keptFrom = dayOf(now - unusedMs);
  if (secret.type !== tokenSecretType || deletionTimestamp !== undefined) return undefined;
  if (Date.parse(creationTimestamp ?? '') >= now - unusedMs) return undefined;
  const lastUsed = labels?.[lastUsedLabel];
  // What is no day says nothing: nothing is done then.
  if (lastUsed !== undefined && (dayAfter(lastUsed) === undefined || lastUsed >= keptFrom)) return undefined;
  if (!isListed(secret, snapshot)) return undefined;
  if (snapshot.pods(namespace!).some((pod) => podUses(pod, 'secrets', name!))) return undefined;
  const invalidSince = labels?.[invalidSinceLabel];
  if (invalidSince === undefined || dayAfter(invalidSince) === undefined) {
    const value = { metadata: { uid: secret.metadata.uid, labels: { [invalidSinceLabel]: dayOf(now) } } };
    return patch(Secrets, secret, { type: 'merge', value });
  }
  return invalidSince < keptFrom
    ? remove(Secrets, secret, { preconditions: { resourceVersion } }, { accept: ['Conflict'] })
    : undefined;
}

export function decide(snapshot: LegacyTokensSnapshot, now: number): Decision {
  const trackedFrom = dayAfter(snapshot.tracking?.data?.['since']);
  const actions =
    trackedFrom === undefined || now < trackedFrom + unusedMs
      ? []
      : snapshot.secrets.flatMap((secret) => actionFor(secret, snapshot, now) ?? []);
  return { actions, wakeAfterMs: lookMs };
}
