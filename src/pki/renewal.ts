// Decides what to issue, from what is there, what is wanted and the time. Pure.
//
// Machines without a battery-backed clock start in 1970 or wherever the clock last stood. So nothing is ever "not valid
// yet" (validity begins at the epoch), and validity ends one lifetime after the later of the clock and the release date.
import { canonicalNames, type CertificateFacts } from './certificate.ts';
import { leaves, lifetimes, signers, type LeafName, type Names, type SignerName } from './plan.ts';

/** No correct clock is before this. */
export const timeFloorMs = Date.UTC(2026, 7, 1);
export const notBeforeMs = Date.UTC(1970, 0, 2);

/** Facts of the usable pairs; what is absent does not exist or cannot be used. */
export interface PkiState {
  readonly signers: ReadonlyMap<SignerName, CertificateFacts>;
  readonly leaves: ReadonlyMap<LeafName, CertificateFacts>;
}

export interface RenewalDecision {
  /** `keep-key`: the same key is certified again, so everything that it signed stays valid. */
  readonly signers: readonly { readonly name: SignerName; readonly key: 'new' | 'keep'; readonly reason: string }[];
  readonly leaves: readonly { readonly name: LeafName; readonly reason: string }[];
  /** Milliseconds since the epoch at which the next certificate falls due, if all of this is done. */
  readonly dueAtMs: number;
}

export const notAfterMs = (now: number, lifetime: keyof typeof lifetimes): number =>
  Math.max(now, timeFloorMs) + lifetimes[lifetime].validMs;

export function decideRenewal(now: number, phase: 'start' | 'running', state: PkiState, names: Names): RenewalDecision {
  const time = Math.max(now, timeFloorMs);
  const marginMs = (lifetime: keyof typeof lifetimes) =>
    phase === 'start' ? lifetimes[lifetime].renewAtStartMs : lifetimes[lifetime].renewRunningMs;
  const isDue = (facts: CertificateFacts, lifetime: keyof typeof lifetimes) =>
    facts.notAfterMs - time < marginMs(lifetime);
  let dueAtMs = Number.POSITIVE_INFINITY;
  const noteDue = (endMs: number, lifetime: keyof typeof lifetimes) => {
    dueAtMs = Math.min(dueAtMs, endMs - lifetimes[lifetime].renewRunningMs);
  };
  const newSigners: { name: SignerName; key: 'new' | 'keep'; reason: string }[] = [];
  const newLeaves: { name: LeafName; reason: string }[] = [];
  const newKeys = new Set<SignerName>();
  for (const name of signers) {
    const facts = state.signers.get(name);
    if (facts === undefined) {
      newSigners.push({ name, key: 'new', reason: 'there is none' });
      newKeys.add(name);
    } else if (isDue(facts, 'signer')) newSigners.push({ name, key: 'keep', reason: 'it expires soon' });
    const isNew = facts === undefined || isDue(facts, 'signer');
    noteDue(isNew ? notAfterMs(now, 'signer') : facts.notAfterMs, 'signer');
  }
  for (const leaf of leaves) {
    const facts = state.leaves.get(leaf.name);
    const reason = leafReason();
    if (reason !== undefined) newLeaves.push({ name: leaf.name, reason });
    noteDue(reason === undefined ? facts!.notAfterMs : notAfterMs(now, leaf.lifetime), leaf.lifetime);

    function leafReason(): string | undefined {
      if (facts === undefined) return 'there is none';
      if (newKeys.has(leaf.signer)) return 'its signer is new';
      if (isDue(facts, leaf.lifetime)) return 'it expires soon';
      const subject = leaf.subject(names);
      if (
        facts.subject.commonName !== subject.commonName ||
        (facts.subject.organizations ?? []).join('\n') !== (subject.organizations ?? []).join('\n')
      )
        return 'its subject changed';
      if (facts.names.join('\n') !== canonicalNames(leaf.names?.(names) ?? []).join('\n')) return 'its names changed';
      return undefined;
    }
  }
  return { signers: newSigners, leaves: newLeaves, dueAtMs };
}
