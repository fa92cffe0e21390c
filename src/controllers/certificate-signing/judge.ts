// What the cluster's own signers give a certificate for, and what is approved without asking anybody. Rules of upstream's
// signers (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers). Pure.
import type { CertificateSigningRequest, Node } from '#api/generated/types.ts';
import type { CertificateUse, KeyUsage } from '#pki/certificate.ts';
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
/** Other than these two a node's request needs exactly one usage. */
const forItsKey = 'digital signature';
const forItsRsaKey = 'key encipherment';

export type Verdict =
  | { readonly use: Exclude<CertificateUse, 'authority'>; readonly keyUsages: readonly KeyUsage[] }
  | { readonly refused: string };

/** Whether the signer may sign this. Upstream's order and words. */
export function judge({ spec }: CertificateSigningRequest, asked: ReadRequest): Verdict {
  const usages = spec.usages ?? [];
  const keyUsages = ([forItsKey, forItsRsaKey] as const).filter((one) => usages.includes(one));
  const why =
    spec.signerName === signerNames.nodeServing
      ? againstServing(usages, asked)
      : spec.signerName === signerNames.nodeClient
        ? againstNodeClient(usages, asked)
        : againstClient(usages);
  if (why !== undefined) return { refused: why };
  return { use: spec.signerName === signerNames.nodeServing ? 'serving' : 'client', keyUsages };
}

const againstOrganization = ({ organizations }: ReadRequest): string | undefined =>
  organizations.length === 1 && organizations[0] === nodesGroup
    ? undefined
    : `subject organization is not ${nodesGroup}`;
const againstCommonName = ({ commonName }: ReadRequest): string | undefined =>
  commonName.startsWith(nodePrefix) ? undefined : `subject common name does not begin with ${nodePrefix}`;
const againstNames = (what: string, names: readonly string[]): string | undefined =>
  names.length === 0 ? undefined : `${what} subjectAltNames are not allowed`;
function againstUsages(usages: readonly string[], needed: string): string | undefined {
  const all = [forItsKey, forItsRsaKey, needed];
  return [forItsKey, needed].every((one) => usages.includes(one)) && usages.every((one) => all.includes(one))
    ? undefined
    : `usages did not match [${all.toSorted().join(' ')}]`;
}

const againstServing = (usages: readonly string[], asked: ReadRequest): string | undefined =>
  againstOrganization(asked) ??
  (asked.dnsNames.length + asked.addresses.length === 0 ? 'DNS or IP subjectAltName is required' : undefined) ??
  againstNames('Email', asked.emailAddresses) ??
  againstNames('URI', asked.uris) ??
  againstUsages(usages, 'server auth') ??
  againstCommonName(asked);

const againstNodeClient = (usages: readonly string[], asked: ReadRequest): string | undefined =>
  againstOrganization(asked) ??
  againstNames('DNS', asked.dnsNames) ??
  againstNames('Email', asked.emailAddresses) ??
  againstNames('IP', asked.addresses) ??
  againstNames('URI', asked.uris) ??
  againstCommonName(asked) ??
  againstUsages(usages, 'client auth');

/** Whatever it says of itself: who approved it has looked at that. */
function againstClient(usages: readonly string[]): string | undefined {
  const known = ['client auth', forItsKey, forItsRsaKey];
  const other = usages.find((one) => !known.includes(one));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}

/** A client certificate of some node: whether it is given depends on the rights of who asks. */
export const isNodeClient = ({ spec }: CertificateSigningRequest, asked: ReadRequest): boolean =>
  spec.signerName === signerNames.nodeClient && againstNodeClient(spec.usages ?? [], asked) === undefined;

export const isDecided = ({ status }: CertificateSigningRequest): boolean =>
  (status?.certificate ?? '') !== '' ||
  status?.conditions?.some((one) => one.type === 'Approved' || one.type === 'Denied') === true;

/** The message of the approval of a serving certificate; undefined: a person has to decide. */
export function approvedBecause(
  { spec }: CertificateSigningRequest,
  asked: ReadRequest,
  node: Node | undefined,
  others: readonly Node[],
): string | undefined {
  // A node may ask for itself only.
  if (spec.username !== asked.commonName || spec.groups?.includes(nodesGroup) !== true) return undefined;
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
