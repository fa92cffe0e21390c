// DNS step: remembers answers from outside for as long as they say, within bounds (OpenShift's: 900 s, negative 30 s).
import type { Clock } from '#base/clock.ts';
import { responseCode, type DnsQuestion, type DnsRecord, type DnsResponse } from '#wire/dns-message.ts';

export interface CacheOptions {
  readonly clock: Clock;
}

const entriesMax = 5_000;
const ttlMaxSeconds = 900;
const negativeTtlMaxSeconds = 30;

const ttlOf = (record: DnsRecord): number => ('ttl' in record ? (record.ttl ?? 0) : Infinity);
const aged = (records: readonly DnsRecord[], seconds: number): readonly DnsRecord[] =>
  records.map((record) => ('ttl' in record ? { ...record, ttl: Math.max(0, (record.ttl ?? 0) - seconds) } : record));

function lifetimeSeconds(response: DnsResponse): number {
  if (response.code !== responseCode.noError && response.code !== responseCode.noName) return 0;
  const records = response.answers.length > 0 ? response.answers : response.authorities;
  const least = Math.min(...records.map(ttlOf), response.answers.length > 0 ? ttlMaxSeconds : negativeTtlMaxSeconds);
  return records.length === 0 ? 5 : least;
}

export const cacheStep = ({ clock }: CacheOptions) => {
  const entries = new Map<string, { response: DnsResponse; storedMs: number; untilMs: number }>();
  const asking = new Map<string, Promise<DnsResponse>>();
  return (next: (question: DnsQuestion) => Promise<DnsResponse>) =>
    async (question: DnsQuestion): Promise<DnsResponse> => {
      const key = `${question.type} ${question.name.toLowerCase()}`;
      const now = clock.monotonicMs();
      const entry = entries.get(key);
      if (entry !== undefined && entry.untilMs > now) {
        const seconds = Math.floor((now - entry.storedMs) / 1000);
        const { response } = entry;
        return {
          ...response,
          answers: aged(response.answers, seconds),
          authorities: aged(response.authorities, seconds),
        };
      }
      // The same question at the same time is asked once.
      let asked = asking.get(key);
      if (asked === undefined) {
        asked = next(question).finally(() => asking.delete(key));
        asking.set(key, asked);
      }
      const response = await asked;
      const seconds = lifetimeSeconds(response);
      entries.delete(key);
      if (seconds > 0) {
        if (entries.size >= entriesMax) entries.delete(entries.keys().next().value!);
        entries.set(key, { response, storedMs: now, untilMs: now + seconds * 1000 });
      }
      return response;
    };
};
