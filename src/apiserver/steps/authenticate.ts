// Who asks. In-process callers bring their identity; over the network a verified client certificate or a bearer token
// says it. Everybody else is anonymous, unless the operator wants it otherwise; roles give that very little.
import { unauthorizedError } from '#api/status.ts';
import type { ApiRequest, ApiResponse, Identity } from '#api/request.ts';
import { requestHeaderIdentity } from '../authentication/request-header.ts';
import type { Next, RequestContext } from '../context.ts';

const allAuthenticated = 'system:authenticated';
export const anonymousUser: Identity = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

const withAuthenticatedGroup = (identity: Identity): Identity =>
  identity.groups.includes(allAuthenticated) || identity.name === anonymousUser.name
    ? identity
    : { ...identity, groups: [...identity.groups, allAuthenticated] };

function bearerToken(request: ApiRequest): string | undefined {
  const header = request.headers['authorization'];
  if (header !== undefined) {
    const match = /^bearer +(\S+)\s*$/i.exec(header);
    return match?.[1];
  }
  // WebSocket clients in browsers cannot set headers: RFC 6455 subprotocol, base64url of the token. Only of them: elsewhere the
  // header is one among others, which proxies pass on.
  if (request.upgrade === undefined) return undefined;
  const prefix = 'base64url.bearer.authorization.k8s.io.';
  for (const protocol of request.headers['sec-websocket-protocol']?.split(',') ?? []) {
    const name = protocol.trim();
    if (name.startsWith(prefix)) return Buffer.from(name.slice(prefix.length), 'base64url').toString('utf8');
  }
  return undefined;
}

async function identify(context: RequestContext): Promise<Identity | undefined> {
  const { request, server } = context;
  const fronted = request.frontProxyName === undefined ? undefined : requestHeaderIdentity(request);
  if (fronted !== undefined) return fronted;
  if (request.certificate !== undefined && request.certificate.commonName !== '') {
    const { commonName, organizations, uid } = request.certificate;
    return { name: commonName, groups: organizations, ...(uid === undefined ? {} : { uid }) };
  }
  const token = bearerToken(request);
  if (token === undefined) return undefined;
  const result = await server.tokens.authenticate(token, server.options.serviceAccountTokens.audiences);
  if (!('user' in result)) throw unauthorizedError();
  return result.user;
}

function mayBeAnonymous({ server, info }: RequestContext): boolean {
  const { enabled, paths } = server.anonymous();
  return enabled && (paths === undefined || paths.has(info.path));
}

export async function authenticate(context: RequestContext, next: Next): Promise<ApiResponse> {
  const { identity: ownIdentity } = context.request;
  if (ownIdentity !== undefined) {
    context.user = withAuthenticatedGroup(ownIdentity);
    context.authenticatedAs = context.user;
    return next(context);
  }
  const { clock } = context.server.options;
  const { access } = context.server.metrics;
  const startMs = clock.monotonicMs();
  const measured = (result: 'success' | 'failure' | 'error', user: Identity | undefined): void =>
    access.onAuthenticated(result, user, (clock.monotonicMs() - startMs) / 1000);
  let identity: Identity | undefined;
  try {
    identity = await identify(context);
  } catch (error) {
    measured('error', undefined);
    throw error;
  }
  if (identity === undefined && !mayBeAnonymous(context)) {
    measured('failure', undefined);
    throw unauthorizedError();
  }
  context.user = identity === undefined ? anonymousUser : withAuthenticatedGroup(identity);
  measured('success', context.user);
  context.authenticatedAs = context.user;
  return next(context);
}
