// Who may use the node's API: the API server, members of system:masters, and whom a SubjectAccessReview allows, on the
// resource that upstream's kubelet asks for (nodes/log, nodes/stats, nodes/proxy ...). Nobody without a client certificate.
import { SubjectAccessReviews } from '#api/generated/kind-references.ts';
import type { ApiRequest } from '#api/request.ts';
import type { Client } from '#client/client.ts';

/** Undefined: allowed. */
export type NodeAuthorizer = (
  request: ApiRequest,
) => Promise<{ readonly status: number; readonly message: string } | undefined>;

const verbs: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

export function nodeSubresource(path: string): string {
  const first = path.split('/')[1] ?? '';
  switch (first) {
    case 'stats':
    case 'metrics':
      return first;
    case 'logs':
      return 'log';
    case 'healthz':
    case 'pods':
    default:
      return first === 'healthz' ? 'healthz' : first === 'pods' ? 'pods' : 'proxy';
  }
}

export function createNodeAuthorizer(options: {
  readonly client: Client;
  readonly nodeName: string;
  /** Common names of the API server's client certificate to nodes. */
  readonly apiServerNames: readonly string[];
}): NodeAuthorizer {
  const { client, nodeName, apiServerNames } = options;
  return async (request) => {
    const { certificate } = request;
    if (certificate === undefined) return { status: 401, message: 'Unauthorized' };
    if (apiServerNames.includes(certificate.commonName) || certificate.organizations.includes('system:masters'))
      return undefined;
    const verb = verbs[request.method] ?? 'get';
    const subresource = nodeSubresource(request.path);
    const answer = await client.resource(SubjectAccessReviews).create({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        user: certificate.commonName,
        groups: [...certificate.organizations, 'system:authenticated'],
        resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName },
      },
    });
    if (answer.status?.allowed === true) return undefined;
    return {
      status: 403,
      message: `Forbidden (user=${certificate.commonName}, verb=${verb}, resource=nodes, subresource(s)=[${subresource}])\n`,
    };
  };
}
