// What the cluster's own signers give a certificate for, and what is approved without asking anybody. Rules of upstream's
// signers (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers). Pure.
import type { CertificateSigningRequest, Node } from '#api/generated/types.ts';
import type { CertificateUse } from '#pki/certificate.ts';
import { canonicalNames } from '#pki/certificate.ts';
import type { ReadRequest } from '#pki/certificate-request.ts';

export const signerNames = {
  client: 'kubernetes.io/kube-apiserver-client',
  nodeClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  nodeServing: 'kubernetes.io/kubelet-serving',
} as const;
export const isOwnSigner = (name: string): boolean => Object.values<string>(signerNames).includes(name);

const nodePrefix = 'system:node:';
const nodesGroup = 'system:nodes';
const optional = ['digital signature', 'key encipherment'];

export type Verdict = { readonly use: Exclude<CertificateUse, 'authority'> } | { readonly refused: string };
const refused = (why: string): Verdict => ({ refused: why });

/** Whether the signer may sign this. */
export function judge({ spec }: CertificateSigningRequest, asked: ReadRequest): Verdict {
  const usages = spec.usages ?? [];
  const only = (needed: string) =>
    usages.includes(needed) && usages.every((one) => one === needed || optional.includes(one));
  const isNode =
    asked.commonName.startsWith(nodePrefix) &&
    asked.commonName.length > nodePrefix.length &&
    asked.organizations.length === 1 &&
    asked.organizations[0] === nodesGroup;
  if (asked.otherSubject) return refused('the subject may hold one common name and organizations only');
  if (asked.otherNames) return refused('the alternative names may be DNS names and IP addresses only');
  const names = asked.dnsNames.length + asked.addresses.length;
  switch (spec.signerName) {
    case signerNames.nodeServing:
      if (!isNode) return refused(`the subject must be ${nodePrefix}NAME of the organization ${nodesGroup}`);
      if (names === 0) return refused('a serving certificate needs a DNS name or an IP address');
      return only('server auth') ? { use: 'serving' } : refused('the usages must be server auth and digital signature');
    case signerNames.nodeClient:
      if (!isNode) return refused(`the subject must be ${nodePrefix}NAME of the organization ${nodesGroup}`);
      if (names > 0) return refused("a node's client certificate has no alternative names");
      return only('client auth') ? { use: 'client' } : refused('the usages must be client auth and digital signature');
    default:
      if (asked.organizations.includes('system:masters')) return refused('nobody joins system:masters by request');
      if (names > 0) return refused('a client certificate has no alternative names');
      return only('client auth') ? { use: 'client' } : refused('the usages must be client auth and digital signature');
  }
}

/** The message of the approval; undefined: a person has to decide. */
export function approvedBecause(
  { spec }: CertificateSigningRequest,
  asked: ReadRequest,
  node: Node | undefined,
  others: readonly Node[],
): string | undefined {
  // A node may ask for itself only.
  if (spec.username !== asked.commonName || spec.groups?.includes(nodesGroup) !== true) return undefined;
  if (spec.signerName === signerNames.nodeClient) return 'Auto approving self kubelet client certificate';
  if (spec.signerName !== signerNames.nodeServing || node === undefined) return undefined;
  const known = new Set(canonicalNames(namesOfNode(node)));
  const wanted = canonicalNames([...asked.dnsNames, ...asked.addresses]);
  // A node writes its own addresses: those that another node has as well are not its to prove.
  for (const one of canonicalNames(others.flatMap(namesOfNode))) known.delete(one);
  return wanted.every((one) => known.has(one))
    ? 'Auto approving kubelet serving certificate: its names are those of the Node'
    : undefined;
}
const namesOfNode = ({ metadata, status }: Node): readonly string[] => [
  metadata.name!,
  ...(status?.addresses ?? []).map((one) => one.address),
];
export const nodeOfRequest = ({ spec }: CertificateSigningRequest): string =>
  (spec.username ?? '').startsWith(nodePrefix) ? spec.username!.slice(nodePrefix.length) : '';
