// What those are asked who know tokens and who decide about rights, and how they answer.
import type { Identity } from '#api/request.ts';

export interface AccessAttributes {
  readonly user: Identity;
  readonly verb: string;
  readonly isResource: boolean;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Of non-resource requests. */
  readonly path: string;
  /** Of list, watch and deletecollection, as sent. */
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
}

export interface AccessDecision {
  readonly decision: 'allow' | 'deny' | 'no-opinion';
  readonly reason: string;
  /** What went wrong while somebody was asked; reviews tell it. */
  readonly error?: string | undefined;
}

export interface Authorizer {
  readonly name: string;
  /** A promise only where somebody outside has to be asked: most answers are there at once. Never rejects. */
  authorize(attributes: AccessAttributes): AccessDecision | Promise<AccessDecision>;
}

/** One that never has to wait. */
export interface ImmediateAuthorizer extends Authorizer {
  authorize(attributes: AccessAttributes): AccessDecision;
}

/** What is noted of a service account's token, whoever is told the answer. */
export interface TokenNotes {
  /** As metrics count it. */
  readonly counted: readonly TokenUse[];
  /** For the audit log. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly warning?: string | undefined;
}
export type TokenUse = 'valid' | 'stale' | 'legacy' | 'legacy_auto' | 'legacy_manual' | 'invalid_legacy_auto';

export interface TokenReviewResult {
  readonly user: Identity;
  readonly audiences: readonly string[];
  readonly notes?: TokenNotes | undefined;
}

/** Why a token stands for nobody, in upstream's words; token reviews tell it, other requests do not. */
export interface TokenRefusal {
  readonly error: string;
  readonly notes?: TokenNotes | undefined;
}
export type TokenAnswer = TokenReviewResult | TokenRefusal;

export interface TokenAuthenticator {
  /** A promise only where somebody outside has to be asked. */
  authenticate(token: string, audiences: readonly string[]): TokenAnswer | Promise<TokenAnswer>;
}

export interface TokenSource {
  readonly name: string;
  /** Undefined: not a token of this kind. Rejects never. */
  authenticate(token: string, audiences: readonly string[]): TokenAnswer | undefined | Promise<TokenAnswer | undefined>;
}
