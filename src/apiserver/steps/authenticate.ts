// Who asks. In-process callers bring their identity; over the network a verified client certificate or a bearer token
// says it. Everybody else is anonymous, unless the operator wants it otherwise; roles give that very little.
import { unauthorizedError } from '#api/status.ts';
import type { ApiRequest, Identity } from '#api/request.ts';
import { requestHeaderIdentity } from '../authentication/request-header.ts';
import { noteToken } from '../authentication/note-token.ts';
import type { Answered, Next, RequestContext, TokenAnswer } from '../context.ts';

/** What a user came in with, for whoever reads the audit log. */
const credentialId = 'authentication.kubernetes.io/credential-id';
const allAuthenticated = 'system:authenticated';
export const anonymousUser: Identity = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Of identities that come again: what is known of a user (rights, flow schemas) is kept by the object. */
const completed = new WeakMap<Identity, Identity>();

function withAuthenticatedGroup(identity: Identity): Identity {
  if (identity.groups.includes(allAuthenticated) || identity.name === anonymousUser.name) return identity;
  let known = completed.get(identity);
  if (known === undefined)
    completed.set(identity, (known = { ...identity, groups: [...identity.groups, allAuthenticated] }));
  return known;
}

/** Of the clients that ask now, the newest last: nobody reads a header of a thousand letters at each request, or makes its token anew. */
const knownHeaders: { readonly header: string; readonly token: string | undefined }[] = [];
const knownHeadersMax = 8;

function tokenOf(header: string): string | undefined {
  for (let index = knownHeaders.length - 1; index >= 0; index--)
    if (knownHeaders[index]!.header === header) return knownHeaders[index]!.token;
  const token = /^bearer +(\S+)\s*$/i.exec(header)?.[1];
  if (knownHeaders.length === knownHeadersMax) knownHeaders.shift();
  knownHeaders.push({ header, token });
  return token;
}

function bearerToken(request: ApiRequest): string | undefined {
  const header = request.headers['authorization'];
  if (header !== undefined) return tokenOf(header);
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

function identify(context: RequestContext): Identity | undefined | Promise<Identity> {
  const { request, server } = context;
  const fronted = request.frontProxyName === undefined ? undefined : requestHeaderIdentity(request);
  if (fronted !== undefined) return fronted;
  if (request.certificate !== undefined && request.certificate.commonName !== '') {
    return certificateIdentity(request.certificate);
  }
  const token = bearerToken(request);
  if (token === undefined) return undefined;
  const answer = server.tokens.authenticate(token, server.options.serviceAccountTokens.audiences);
  return answer instanceof Promise ? answer.then((one) => userOf(context, one)) : userOf(context, answer);
}

/** A connection's requests share one: nothing is made for each. */
const certificateIdentities = new WeakMap<object, Identity>();
function certificateIdentity(certificate: NonNullable<ApiRequest['certificate']>): Identity {
  let identity = certificateIdentities.get(certificate);
  if (identity === undefined) {
    const { commonName, organizations, uid, fingerprint } = certificate;
    identity = withAuthenticatedGroup({
      name: commonName,
      groups: organizations,
      ...(uid === undefined ? {} : { uid }),
      ...(fingerprint === undefined ? {} : { extra: { [credentialId]: [`X509SHA256=${fingerprint}`] } }),
    });
    certificateIdentities.set(certificate, identity);
  }
  return identity;
}

function userOf(context: RequestContext, result: TokenAnswer): Identity {
  if (result.notes !== undefined) noteToken(context, result.notes);
  if (!('user' in result)) throw unauthorizedError();
  return result.user;
}

function mayBeAnonymous({ server, info }: RequestContext): boolean {
  const { enabled, paths } = server.anonymous();
  return enabled && (paths === undefined || paths.has(info.path));
}

export function authenticate(context: RequestContext, next: Next): Answered {
  const { identity: ownIdentity } = context.request;
  if (ownIdentity !== undefined) {
    context.user = withAuthenticatedGroup(ownIdentity);
    context.authenticatedAs = context.user;
    return next(context);
  }
  const startMs = context.server.options.clock.monotonicMs();
  let identity: Identity | undefined | Promise<Identity>;
  try {
    identity = identify(context);
  } catch (error) {
    measured(context, startMs, 'error', undefined);
    throw error;
  }
  if (!(identity instanceof Promise)) return goOn(context, next, startMs, identity);
  return identity.then(
    (one) => goOn(context, next, startMs, one),
    (error: unknown) => {
      measured(context, startMs, 'error', undefined);
      throw error;
    },
  );
}

function measured(
  { server }: RequestContext,
  startMs: number,
  result: 'success' | 'failure' | 'error',
  user: Identity | undefined,
): void {
  server.metrics.access.onAuthenticated(result, user, (server.options.clock.monotonicMs() - startMs) / 1000);
}

function goOn(context: RequestContext, next: Next, startMs: number, identity: Identity | undefined): Answered {
  if (identity === undefined && !mayBeAnonymous(context)) {
    measured(context, startMs, 'failure', undefined);
    throw unauthorizedError();
  }
  context.user = identity === undefined ? anonymousUser : withAuthenticatedGroup(identity);
  measured(context, startMs, 'success', context.user);
  context.authenticatedAs = context.user;
  return next(context);
}
