// A request for a certificate is approved (a node for itself), signed when it is approved, and removed when it is old.
import { X509Certificate } from 'node:crypto';
import { CertificateSigningRequests } from '#api/generated/kind-references.ts';
import type { CertificateSigningRequest, CertificateSigningRequestCondition, Node } from '#api/generated/types.ts';
import { messageOf } from '#base/errors.ts';
import { certifyKey, type KeyPair } from '#pki/certificate.ts';
import { readCertificateRequest, type ReadRequest } from '#pki/certificate-request.ts';
import { notBeforeMs, timeFloorMs } from '#pki/renewal.ts';
import { nothing, remove, update, updateStatus, type Decision } from '../runtime/action.ts';
import { approvedBecause, isNodeClient, isOwnSigner, judge } from './judge.ts';

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
/** Upstream's: the longest that is given and what is given without a wish, the shortest, and from when on a certificate counts. */
const validMs = 365 * dayMs;
const validMinMs = 10 * 60_000;
const backdatedMs = 5 * 60_000;
/** Shorter ones are given in full, in spite of the beginning in the past. */
const shortMs = 8 * hourMs;

const reviewAgainMs = 60_000;

/** When upstream's cleaner removes it: a day after it was made, or approved in vain; an hour after all else was said. */
function removedAtMs({ metadata, status }: CertificateSigningRequest): number {
  const { conditions = [], certificate = '' } = status ?? {};
  if (conditions.length === 0) return Date.parse(metadata.creationTimestamp ?? '') + dayMs;
  const times = conditions.flatMap(({ type, lastUpdateTime }) => {
    const kept = type === 'Approved' && certificate === '' ? dayMs : hourMs;
    return lastUpdateTime === undefined ? [] : [Date.parse(lastUpdateTime) + kept];
  });
  const expiry = certificate === '' ? undefined : expiryMs(Buffer.from(certificate, 'base64').toString('latin1'));
  return Math.min(...times, expiry ?? Number.POSITIVE_INFINITY);
}

/** Undefined: another signer gave something else. */
function expiryMs(pem: string): number | undefined {
  try {
    return new X509Certificate(pem).validToDate.getTime();
  } catch {
    return undefined;
  }
}

function notAfterMs(expirationSeconds: number | undefined, signer: KeyPair, now: number): number {
  const wanted = expirationSeconds === undefined ? validMs : expirationSeconds * 1000;
  const given = Math.min(Math.max(wanted, validMinMs), validMs);
  const end = Math.max(now, timeFloorMs) + given - (given < shortMs ? 0 : backdatedMs);
  return Math.min(end, expiryMs(signer.certificatePem) ?? end);
}

export function decide(snapshot: SigningSnapshot, now: number): Decision {
  const { request, node, otherNodes, signer, serial } = snapshot;
  const { spec, status } = request;
  const has = (type: string) => status?.conditions?.some((one) => one.type === type) === true;
  const over = (status?.certificate ?? '') !== '' || has('Denied') || has('Failed');
  const leftMs = removedAtMs(request) - now;
  if (leftMs <= 0) return { actions: [remove(CertificateSigningRequests, request)] };
  const later: Decision = { ...nothing, ...(Number.isFinite(leftMs) ? { wakeAfterMs: leftMs } : {}) };
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
    // Rights may be given later.
    if (isNodeClient(request, asked))
      return {
        actions: [{ verb: 'effect', effect: 'review', argument: request.metadata.name! }],
        wakeAfterMs: Math.min(leftMs, reviewAgainMs),
      };
    const message = approvedBecause(request, asked, node, otherNodes);
    if (message === undefined) return later;
    const approval = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
    return { actions: [update(CertificateSigningRequests, withCondition(approval), { subresource: 'approval' })] };
  }
  const verdict = judge(request, asked);
  if ('refused' in verdict) return failed(verdict.refused);
  const certificate = certifyKey(
    {
      subject: asked,
      use: verdict.use,
      keyUsages: verdict.keyUsages,
      names: [...asked.dnsNames, ...asked.addresses],
      emailAddresses: asked.emailAddresses,
      uris: asked.uris,
      notBeforeMs,
      notAfterMs: notAfterMs(spec.expirationSeconds, signer, now),
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
