// Approves client certificates of nodes as upstream's approver does: whoever has the right may be given one without anybody. The rights are
// `nodeclient` (bootstrap tokens have it) and, for a node that asks for itself, `selfnodeclient`.
import { CertificateSigningRequests, SubjectAccessReviews } from '#api/generated/kind-references.ts';
import type { CertificateSigningRequest, SubjectAccessReview } from '#api/generated/types.ts';
import { readCertificateRequest } from '#pki/certificate-request.ts';
import type { EffectHands } from '../runtime/declaration.ts';
import { isDecided, isNodeClient } from './judge.ts';

const self = {
  right: 'selfnodeclient',
  message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
};
const any = { right: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' };

export async function reviewAndApprove(name: string, { client }: EffectHands): Promise<void> {
  const requests = client.resource(CertificateSigningRequests);
  const request = await requests.find({ name });
  if (request === undefined || isDecided(request)) return;
  const asked = readCertificateRequest(Buffer.from(request.spec.request, 'base64').toString('latin1'));
  if (!isNodeClient(request, asked)) return;
  for (const { right, message } of request.spec.username === asked.commonName ? [self, any] : [any]) {
    const review = await client.resource(SubjectAccessReviews).create(reviewOf(request, right));
    if (review.status?.allowed !== true) continue;
    const approval = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
    const conditions = [...(request.status?.conditions ?? []), approval];
    await requests.update({ ...request, status: { ...request.status, conditions } }, { subresource: 'approval' });
    return;
  }
}

const reviewOf = ({ spec }: CertificateSigningRequest, subresource: string): SubjectAccessReview => ({
  metadata: {},
  spec: {
    user: spec.username,
    uid: spec.uid,
    groups: spec.groups,
    extra: spec.extra,
    resourceAttributes: {
      group: 'certificates.k8s.io',
      version: '*',
      resource: 'certificatesigningrequests',
      subresource,
      verb: 'create',
    },
  },
});
