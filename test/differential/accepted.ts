// Differences that stay, each with its reason.
import type { Outcome } from './outcome.ts';

interface Accepted {
  readonly reason: string;
  covers(kind: string, step: string, peer: Outcome, own: Outcome): boolean;
}

const accepted: readonly Accepted[] = [];

export const acceptedDifference = (kind: string, step: string, peer: Outcome, own: Outcome): string | undefined =>
  accepted.find((one) => one.covers(kind, step, peer, own))?.reason;
