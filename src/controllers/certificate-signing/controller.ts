// Signs requests for certificates of the cluster's own signers.
import { CertificateSigningRequests, Nodes } from '#api/generated/kind-references.ts';
import type { CertificateSigningRequest, Node } from '#api/generated/types.ts';
import type { KeyPair } from '#pki/certificate.ts';
import {
  keyedController,
  partChanges,
  read,
  self,
  write,
  writeSubresource,
  type Controller,
} from '../runtime/declaration.ts';
import { decide } from './decide.ts';
import { nodeOfRequest } from './judge.ts';
import { reviewAndApprove } from './review.ts';

/** Requests by the node that asks. */
const byNode = {
  name: 'request-node',
  keysOf: (request: CertificateSigningRequest) => [nodeOfRequest(request)].filter((one) => one !== ''),
};

export interface CertificateSigning {
  readonly signer: () => KeyPair;
  readonly serial: () => Uint8Array;
}

export const certificateSigning = ({ signer, serial }: CertificateSigning): Controller =>
  keyedController({
    name: 'certificate-signing',
    account: 'certificate-controller',
    reads: [
      read(CertificateSigningRequests, self),
      read(
        Nodes,
        (node: Node, lookup) =>
          lookup.byIndex(CertificateSigningRequests, byNode, node.metadata.name!).map((one) => one.metadata.name!),
        partChanges((node: Node) => node.status?.addresses),
      ),
    ],
    writes: [
      write(CertificateSigningRequests, 'delete'),
      writeSubresource(CertificateSigningRequests, 'approval', 'update'),
      writeSubresource(CertificateSigningRequests, 'status', 'update'),
    ],
    effects: { review: reviewAndApprove },
    snapshot(lookup, key) {
      const request = lookup.get(CertificateSigningRequests, undefined, key);
      if (request === undefined) return undefined;
      const name = nodeOfRequest(request);
      return {
        request,
        node: lookup.get(Nodes, undefined, name),
        otherNodes: lookup.list(Nodes).filter((one) => one.metadata.name !== name),
        signer: signer(),
        serial,
      };
    },
    decide,
  });
