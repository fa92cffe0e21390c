// A request for a certificate is approved (a node for itself), signed when it is approved, and removed when it is old.
import { CertificateSigningRequests } from '#api/generated/kind-references.ts';
import type { CertificateSigningRequest, CertificateSigningRequestCondition, Node } from '#api/generated/types.ts';
import { messageOf } from '#base/errors.ts';
import { certifyKey, type KeyPair } from '#pki/certificate.ts';
import { readCertificateRequest, type ReadRequest } from '#pki/certificate-request.ts';
import { notBeforeMs, timeFloorMs } from '#pki/renewal.ts';
import { nothing, remove, update, updateStatus, type Decision } from '../runtime/action.ts';
import { approvedBecause, isOwnSigner, judge } from './judge.ts';

export interface SigningSnapshot {
  readonly request: CertificateSigningRequest;
  /** Of the node that asks. */
  readonly node: Node | undefined;
  readonly otherNodes: readonly Node[];
  readonly signer: KeyPair;
  readonly serial: () => Uint8Array;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const validMs = 365 * dayMs;
/** Upstream's csrcleaner. */
const keptMs = { pending: dayMs, decided: hourMs } as const;

export function decide(snapshot: SigningSnapshot, now: number): Decision {
  const { request, node, otherNodes, signer, serial } = snapshot;
  const { spec, status } = request;
  const has = (type: string) => status?.conditions?.some((one) => one.type === type) === true;
  const over = (status?.certificate ?? '') !== '' || has('Denied') || has('Failed');
  const ageMs = now - Date.parse(request.metadata.creationTimestamp ?? '');
  const leftMs = (over ? keptMs.decided : keptMs.pending) - ageMs;
  if (leftMs <= 0) return { actions: [remove(CertificateSigningRequests, request)] };
  const later: Decision = { ...nothing, wakeAfterMs: leftMs };
  if (over || !isOwnSigner(spec.signerName)) return later;

  const withCondition = (one: CertificateSigningRequestCondition): CertificateSigningRequest => ({
    ...request,
    status: { ...status, conditions: [...(status?.conditions ?? []), one] },
  });
  let asked: ReadRequest;
  try {
    asked = readCertificateRequest(Buffer.from(spec.request, 'base64').toString('latin1'));
  } catch (error) {
    return has('Approved') ? failed(`unable to parse the request: ${messageOf(error)}`) : later;
  }
  if (!has('Approved')) {
    const message = approvedBecause(request, asked, node, otherNodes);
    if (message === undefined) return later;
    const approval = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
    return { actions: [update(CertificateSigningRequests, withCondition(approval), { subresource: 'approval' })] };
  }
  const verdict = judge(request, asked);
  if ('refused' in verdict) return failed(verdict.refused);
  const certificate = certifyKey(
    {
      subject: { commonName: asked.commonName, organizations: asked.organizations },
      use: verdict.use,
      names: [...asked.dnsNames, ...asked.addresses],
      notBeforeMs,
      notAfterMs:
        Math.max(now, timeFloorMs) + Math.min((spec.expirationSeconds ?? Number.POSITIVE_INFINITY) * 1000, validMs),
      serial: serial(),
      issuer: signer,
    },
    asked.publicKeyInfo,
  );
  const signed = { ...request, status: { ...status, certificate: Buffer.from(certificate).toString('base64') } };
  return { actions: [updateStatus(CertificateSigningRequests, signed)] };

  function failed(message: string): Decision {
    const failure = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message };
    return { actions: [updateStatus(CertificateSigningRequests, withCondition(failure))] };
  }
}
