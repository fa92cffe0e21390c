// The way from the API server to a node's API: where the node is says its Node object, who we are says our certificate.
import type { Node } from '#api/generated/types.ts';
import { Nodes } from '#api/generated/kind-references.ts';
import { messageOf } from '#base/errors.ts';
import { ApiError, serviceUnavailableError } from '#api/status.ts';
import type { NodeConnector } from '#apiserver/ports.ts';
import type { Client } from '#client/client.ts';
import { requestStream, requestUpgrade, type Peer } from '#host/https-stream.ts';
import type { Pki } from '#pki/pki.ts';

const defaultPort = 10_250;
/** Upstream's order, --kubelet-preferred-address-types. */
const addressTypes = ['Hostname', 'InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP'];

/** Addresses before names: no name lookup is needed to reach a node. */
export function nodeEndpoint(node: Node): { readonly host: string; readonly port: number } | undefined {
  const addresses = node.status?.addresses ?? [];
  const ofType = (type: string) => addresses.find((one) => one.type === type)?.address;
  const host =
    ofType('InternalIP') ?? ofType('ExternalIP') ?? addressTypes.map(ofType).find((one) => one !== undefined);
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? defaultPort;
  return host === undefined ? undefined : { host, port };
}

export function createNodeConnector(pki: Pki, client: () => Client): NodeConnector {
  const peerOf = async (nodeName: string): Promise<Peer> => {
    const node = await client().resource(Nodes).get({ name: nodeName });
    const endpoint = nodeEndpoint(node);
    if (endpoint === undefined) throw serviceUnavailableError(`node ${nodeName} has no address yet`);
    const { certificatePem, keyPem } = pki.leaf('api-to-kubelet');
    return {
      ...endpoint,
      expectedName: endpoint.host,
      authorities: pki.bundle('kubeletServing'),
      certificate: certificatePem,
      key: keyPem,
    };
  };
  const reached = async <T>(nodeName: string, act: (peer: Peer) => Promise<T>): Promise<T> => {
    const peer = await peerOf(nodeName);
    try {
      return await act(peer);
    } catch (error) {
      // Upstream's text for a node that does not answer.
      throw new ApiError(500, 'InternalError', `Internal error occurred: error dialing backend: ${messageOf(error)}`, {
        causes: [{ reason: 'InternalError', message: `error dialing backend: ${messageOf(error)}` }],
      });
    }
  };
  return {
    request: (nodeName, request) =>
      reached(nodeName, async (peer) => {
        const answer = await requestStream(peer, request);
        return { ...answer, contentType: answer.headers['content-type'] ?? 'application/octet-stream' };
      }),
    upgrade: (nodeName, request) => reached(nodeName, (peer) => requestUpgrade(peer, request)),
  };
}
