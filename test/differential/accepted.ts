// Differences that stay, each with its reason.
import type { Outcome } from './outcome.ts';

interface Accepted {
  readonly reason: string;
  covers(kind: string, step: string, peer: Outcome, own: Outcome): boolean;
}

const accepted: readonly Accepted[] = [
  {
    reason:
      'upstream compares the list of mutating webhooks in its internal form, where an absent list in it and an empty one differ, and counts up the generation at writes that change nothing',
    covers: (kind, _step, peer, own) =>
      kind.endsWith('.mutatingwebhookconfigurations') &&
      peer.code < 300 &&
      withoutGenerations(peer) === withoutGenerations(own),
  },
];

const withoutGenerations = ({ code, body }: Outcome): string =>
  `${code} ${(JSON.stringify(body) ?? '').replaceAll(/"generation":\d+/g, '"generation":0')}`;

export const acceptedDifference = (kind: string, step: string, peer: Outcome, own: Outcome): string | undefined =>
  accepted.find((one) => one.covers(kind, step, peer, own))?.reason;
