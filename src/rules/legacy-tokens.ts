// What is noted of tokens that are kept in Secrets. Names of upstream's legacy token tracking (KEP-2799).

/** On the Secret: the day on which its token was last used. */
export const lastUsedLabel = 'kubernetes.io/legacy-token-last-used';
/** On the Secret: the day from which its token holds no more. */
export const invalidSinceLabel = 'kubernetes.io/legacy-token-invalid-since';
/** In kube-system: since which day uses are noted. */
export const trackingConfigMapName = 'kube-apiserver-legacy-service-account-token-tracking';

const dayMs = 86_400_000;

/** As upstream writes days, in UTC. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** The beginning of the day behind it; undefined: it is no day. */
export function dayAfter(day: string | undefined): number | undefined {
  if (day === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const ms = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(ms) || dayOf(ms) !== day ? undefined : ms + dayMs;
}
