// Who may use the node's API: the API server, members of system:masters, and whom a SubjectAccessReview allows, on the
// resource that upstream's kubelet asks for (nodes/log, nodes/stats, nodes/proxy ...). Who calls is told by a client certificate
// or a bearer token, which the API server reviews; nobody is anonymous. Answers are kept as long as upstream keeps them.
import { createHash } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { SubjectAccessReviews, TokenReviews } from '#api/generated/kind-references.ts';
import type { UserInfo } from '#api/generated/types.ts';
import type { ApiRequest } from '#api/request.ts';
import type { Client } from '#client/client.ts';
import { verbOfMethod } from '#rules/verb-of-method.ts';

/** Undefined: allowed. */
export type NodeAuthorizer = (
  request: ApiRequest,
) => Promise<{ readonly status: number; readonly message: string } | undefined>;

/** Any of them is enough (KEP-2862: the fine one, then the coarse one). */
export function nodeSubresources(path: string): readonly string[] {
  const first = path.split('/')[1] ?? '';
  switch (first) {
    case 'stats':
    case 'metrics':
      return [first];
    case 'logs':
      return ['log'];
    case 'pods':
    case 'runningpods':
      return ['pods', 'proxy'];
    case 'healthz':
    case 'configz':
      return [first, 'proxy'];
    default:
      return ['proxy'];
  }
}

const tokenMs = 2 * 60_000;
const allowedMs = 5 * 60_000;
const refusedMs = 30_000;
const entriesMax = 1_000;

/** Keeps answers for a while; the oldest go first when there are too many. */
class Answers<T> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { readonly untilMs: number; readonly value: T }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(key: string, ask: () => Promise<T>, keepMs: (value: T) => number): Promise<T> {
    const known = this.#entries.get(key);
    const now = this.#clock.monotonicMs();
    if (known !== undefined && known.untilMs > now) return known.value;
    const value = await ask();
    this.#entries.delete(key);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < entriesMax) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(key, { untilMs: now + keepMs(value), value });
    return value;
  }
}

export function createNodeAuthorizer(options: {
  readonly client: Client;
  readonly clock: Clock;
  readonly nodeName: string;
  /** Common names of the API server's client certificate to nodes. */
  readonly apiServerNames: readonly string[];
}): NodeAuthorizer {
  const { client, clock, nodeName, apiServerNames } = options;
  const users = new Answers<UserInfo | undefined>(clock);
  const verdicts = new Answers<boolean>(clock);

  async function userOfToken(token: string): Promise<UserInfo | undefined> {
    const answer = await client.resource(TokenReviews).create({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: {},
      spec: { token },
    });
    return answer.status?.authenticated === true ? answer.status.user : undefined;
  }

  async function isAllowed(user: UserInfo, verb: string, subresource: string): Promise<boolean> {
    const answer = await client.resource(SubjectAccessReviews).create({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        user: user.username,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
        resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName },
      },
    });
    return answer.status?.allowed === true;
  }

  async function authenticate(request: ApiRequest): Promise<UserInfo | undefined> {
    const { certificate } = request;
    if (certificate !== undefined)
      return {
        username: certificate.commonName,
        groups: [...certificate.organizations, 'system:authenticated'],
      };
    const token = /^bearer +(\S+)$/i.exec(request.headers['authorization'] ?? '')?.[1];
    if (token === undefined) return undefined;
    // The token itself is not kept.
    const key = createHash('sha256').update(token).digest('base64');
    return users.get(
      key,
      () => userOfToken(token),
      (user) => (user === undefined ? refusedMs / 3 : tokenMs),
    );
  }

  return async (request) => {
    const user = await authenticate(request);
    if (user === undefined) return { status: 401, message: 'Unauthorized' };
    const { certificate } = request;
    if (certificate !== undefined && apiServerNames.includes(certificate.commonName)) return undefined;
    if (user.groups?.includes('system:masters') === true) return undefined;
    const verb = verbOfMethod(request.method) ?? '';
    const subresources = nodeSubresources(request.path);
    for (const subresource of subresources) {
      const allowed = await verdicts.get(
        JSON.stringify([user, verb, subresource]),
        () => isAllowed(user, verb, subresource),
        (yes) => (yes ? allowedMs : refusedMs),
      );
      if (allowed) return undefined;
    }
    return {
      status: 403,
      message: `Forbidden (user=${user.username}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])\n`,
    };
  };
}
