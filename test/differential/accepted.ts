// Differences that stay, each with its reason.
import { bodyDifferences } from './comparison.ts';
import type { Outcome } from './outcome.ts';

interface Accepted {
  readonly reason: string;
  covers(kind: string, step: string, peer: Outcome, own: Outcome): boolean;
}

const accepted: readonly Accepted[] = [
  {
    reason: 'how far back a server remembers is its own: the peer has forgotten its first revisions',
    covers: (_kind, step, peer, own) => step === 'list/second-page-with-match' && peer.code === 410 && own.code === 200,
  },
  {
    reason:
      'upstream compares the list of mutating webhooks in its internal form, where an absent list in it and an empty one differ, and counts up the generation at writes that change nothing',
    covers: (kind, _step, peer, own) =>
      kind.endsWith('.mutatingwebhookconfigurations') &&
      peer.code < 300 &&
      withoutGenerations(peer) === withoutGenerations(own),
  },
  {
    reason:
      'the peer has objects of its own behind the last one of this test, which a page with a selector does not look at',
    covers: (_kind, step, peer, own) =>
      /^list\/(second-page|revision-of-a-exact-limit)/.test(step) &&
      own.code === 200 &&
      typeof peer.body?.metadata?.continue === 'string' &&
      same(
        { ...peer.body, metadata: { ...peer.body.metadata, continue: undefined } },
        { ...own.body, metadata: { ...own.body?.metadata, continue: undefined } },
      ),
  },
  {
    reason:
      'upstream fails (500) at the first apply to the scale of a custom resource that nobody applied before; here it is applied',
    covers: (kind, step, peer, own) =>
      kind.endsWith('.aawidgets') &&
      (step.startsWith('scale/apply-three')
        ? peer.code === 500 && own.code === 200
        : /^(scale\/object-after-apply|delete-collection\/(all|dry-run))$/.test(step)),
  },
  {
    reason:
      "upstream's server itself says of a flow schema whether its priority level is there; here a controller does, and none runs in this test",
    covers: (kind, _step, peer, own) =>
      kind.endsWith('.flowschemas') &&
      peer.code === own.code &&
      bodyDifferences(peer.body, own.body).every((one) =>
        /\/(status|cells\/5|managedFields)\b|^\/\d+\/object\/(rows\/0\/object\/)?metadata\/labels|^\/\d+: .*FlowSchema/.test(
          one,
        ),
      ),
  },
  {
    reason:
      "here the server itself says what it thinks of a policy's expressions; upstream's controller manager does, and none runs beside the peer",
    covers: (kind, _step, peer, own) =>
      kind.endsWith('.validatingadmissionpolicies') &&
      peer.code === own.code &&
      bodyDifferences(peer.body, own.body).every((one) =>
        /\/(status|managedFields)\b|^\/\d+\/object\/(rows\/0\/object\/)?metadata\/labels|^\/\d+: .*Policy/.test(one),
      ),
  },
  {
    reason:
      'upstream panics over a schema with what no structural schema can say, where one of its fields can be selected: the connection ends without an answer',
    covers: (kind, _step, peer, own) => kind.endsWith('.customresourcedefinitions') && peer.code === 0 && own.code > 0,
  },
];

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const withoutGenerations = ({ code, body }: Outcome): string =>
  `${code} ${(JSON.stringify(body) ?? '').replaceAll(/"generation":\d+/g, '"generation":0')}`;

export const acceptedDifference = (kind: string, step: string, peer: Outcome, own: Outcome): string | undefined =>
  accepted.find((one) => one.covers(kind, step, peer, own))?.reason;
