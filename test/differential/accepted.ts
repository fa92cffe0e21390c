// Differences that stay, each with its reason.
import type { Outcome } from './outcome.ts';

interface Accepted {
  readonly reason: string;
  covers(kind: string, step: string, peer: Outcome, own: Outcome): boolean;
}

const accepted: readonly Accepted[] = [
  {
    reason:
      'etcd of the peer is older than 3.5.13: its API server cannot ask how far a watch is, and refuses such watches',
    covers: (_kind, step, peer) =>
      step.startsWith('watch/') &&
      /RequestWatchProgress is disabled|Too large resource version/.test(JSON.stringify(peer.body) ?? ''),
  },
];

export const acceptedDifference = (kind: string, step: string, peer: Outcome, own: Outcome): string | undefined =>
  accepted.find((one) => one.covers(kind, step, peer, own))?.reason;
