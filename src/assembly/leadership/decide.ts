// Who leads is whose name is in a Lease, by the rules and with the times of client-go's leaderelection, so that upstream's tools and
// components understand it. Pure: what was seen of the Lease, and when, to what is to be written, if anything.
import { formatMicroTime } from '#api/meta/time.ts';
import type { Lease } from '#api/generated/types.ts';

/** Upstream's defaults of --leader-elect-lease-duration, --leader-elect-renew-deadline and --leader-elect-retry-period. */
export const leaseSeconds = 15;
/** Without a renewal for so long a leader stops: well before others may take over. */
export const renewDeadlineMs = 10_000;
export const retryMs = 2_000;
/** A wait between two tries to become leader is up to this times longer, so that candidates do not come all at once. */
export const retryJitter = 1.2;

export interface ObservedLease {
  readonly lease: Lease;
  /** On the own monotonic clock, when its record was first seen to be like this: clocks of machines differ, and are set. */
  readonly sinceMs: number;
}

/** `name` and time of whoever asks. */
export interface Candidate {
  readonly identity: string;
  /** Wall clock, only for what is written. */
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** What was seen now, beside what was seen before: the time begins anew when the holder has written something. */
export function observe(lease: Lease, before: ObservedLease | undefined, monotonicMs: number): ObservedLease {
  const isSame = before !== undefined && JSON.stringify(before.lease.spec) === JSON.stringify(lease.spec);
  return { lease, sinceMs: isSame ? before.sinceMs : monotonicMs };
}

export const holderOf = (observed: ObservedLease | undefined): string => observed?.lease.spec.holderIdentity ?? '';

/** The spec with which the candidate becomes leader or stays it; undefined: another holds the Lease. `observed` undefined: there is none. */
export function claim(observed: ObservedLease | undefined, candidate: Candidate): Lease['spec'] | undefined {
  const now = formatMicroTime(candidate.nowMs);
  const before = observed?.lease.spec;
  const holder = holderOf(observed);
  const isOwn = holder === candidate.identity;
  const endsMs = (observed?.sinceMs ?? 0) + (before?.leaseDurationSeconds ?? 0) * 1_000;
  if (holder !== '' && !isOwn && candidate.monotonicMs < endsMs) return undefined;
  return {
    holderIdentity: candidate.identity,
    leaseDurationSeconds: leaseSeconds,
    acquireTime: isOwn ? (before?.acquireTime ?? now) : now,
    renewTime: now,
    leaseTransitions: before === undefined ? 0 : (before.leaseTransitions ?? 0) + (isOwn ? 0 : 1),
  };
}

/** The spec with which a leader that ends lets others in at once; undefined: it does not lead. */
export function release(observed: ObservedLease | undefined, candidate: Candidate): Lease['spec'] | undefined {
  if (observed === undefined || holderOf(observed) !== candidate.identity) return undefined;
  const now = formatMicroTime(candidate.nowMs);
  return {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: observed.lease.spec.leaseTransitions ?? 0,
  };
}
