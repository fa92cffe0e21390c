// What the operator's files about access come to, ready to be asked. It may be another one at the next request.
import type { TokenSource } from './questions.ts';
import type { Authorizer } from './questions.ts';

export interface AnonymousAccess {
  readonly enabled: boolean;
  /** Paths on which alone it is enabled; undefined: all. */
  readonly paths: ReadonlySet<string> | undefined;
}
export type AuthorizerInUse =
  | { readonly type: 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny' }
  | { readonly type: 'Webhook'; readonly authorizer: Authorizer };

export interface AccessInUse {
  /** Asked behind the cluster's own. */
  readonly tokenSources: readonly TokenSource[];
  readonly anonymous: AnonymousAccess;
  /** Undefined: nodes, then roles. */
  readonly authorizers: readonly AuthorizerInUse[] | undefined;
}

/** Who says nothing of themselves is anonymous, as upstream: roles say how little that is. */
export const anonymousEverywhere: AnonymousAccess = { enabled: true, paths: undefined };
