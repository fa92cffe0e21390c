// The chains of those that know tokens and of those that decide about rights, made anew when the operator's files change.
import type { TokenSource } from './questions.ts';
import { tokenChain } from '../authentication/token-chain.ts';
import { allow, alwaysAllowPaths, firstOpinion, noOpinion, systemMasters } from '../authorization/authorizer.ts';
import { counted } from '../authorization/counted.ts';
import type { AccessMetrics } from '../metrics/access.ts';
import type { Authorizer, ImmediateAuthorizer, TokenAuthenticator } from '../context.ts';
import { anonymousEverywhere, type AccessInUse, type AnonymousAccess, type AuthorizerInUse } from './access-in-use.ts';

const alwaysAllow: ImmediateAuthorizer = { name: 'AlwaysAllow', authorize: () => allow() };
const alwaysDeny: ImmediateAuthorizer = {
  name: 'AlwaysDeny',
  authorize: () => noOpinion('Everything is forbidden.'),
};

interface Parts {
  /** Absent: nothing is configured, and nothing will be. */
  readonly current: (() => AccessInUse) | undefined;
  readonly ownTokens: readonly TokenSource[];
  readonly nodes: ImmediateAuthorizer;
  readonly roles: ImmediateAuthorizer;
  readonly metrics: AccessMetrics;
}
export interface LiveAccess {
  readonly authorizer: Authorizer;
  readonly tokens: TokenAuthenticator;
  anonymous(): AnonymousAccess;
  /** Somebody is asked who cannot list what would be allowed. */
  asksOutside(): boolean;
}

export function liveAccess({ current, metrics, ownTokens, ...own }: Parts): LiveAccess {
  const nodes = counted(own.nodes, 'Node', metrics);
  const roles = counted(own.roles, 'RBAC', metrics);
  const byDefault = firstOpinion([systemMasters, nodes, roles, alwaysAllowPaths]);
  const ownChain = tokenChain(ownTokens);
  if (current === undefined)
    return {
      authorizer: byDefault,
      tokens: ownChain,
      anonymous: () => anonymousEverywhere,
      asksOutside: () => false,
    };
  const authorizerOf = (one: AuthorizerInUse): Authorizer => {
    switch (one.type) {
      case 'Node':
        return nodes;
      case 'RBAC':
        return roles;
      case 'AlwaysAllow':
        return counted(alwaysAllow, one.type, metrics);
      case 'AlwaysDeny':
        return alwaysDeny;
      case 'Webhook':
        return counted(one.authorizer, one.type, metrics);
    }
  };
  const make = (access: AccessInUse) => ({
    access,
    tokens: access.tokenSources.length === 0 ? ownChain : tokenChain([...ownTokens, ...access.tokenSources]),
    authorizer:
      access.authorizers === undefined
        ? byDefault
        : firstOpinion([systemMasters, ...access.authorizers.map(authorizerOf), alwaysAllowPaths]),
  });
  let made = make(current());
  const now = () => {
    const access = current();
    if (access !== made.access) made = make(access);
    return made;
  };
  return {
    authorizer: { name: 'configured', authorize: (attributes) => now().authorizer.authorize(attributes) },
    tokens: { authenticate: (token, audiences) => now().tokens.authenticate(token, audiences) },
    anonymous: () => now().access.anonymous,
    asksOutside: () => now().access.authorizers?.some((one) => one.type === 'Webhook') === true,
  };
}
