// Tokens that a service account was given by request: of our issuer and audience, not expired, and what they are bound to (account,
// Pod, Secret, Node) still there with the same uid. Texts of upstream's pkg/serviceaccount.
import type { Clock } from '#base/clock.ts';
import { Nodes, Pods, Secrets, ServiceAccounts } from '#api/generated/kind-references.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { storageKey } from '#api/kinds.ts';
import type { Identity } from '#api/request.ts';
import type { Store, StoredObject } from '#storage/store.ts';
import type { TokenAnswer } from '../context.ts';
import type { ServiceAccountTokenOptions } from '../options.ts';
import { serviceAccountGroups, serviceAccountUser } from './service-account-names.ts';
import { type Claims, type TokenVerifier } from './signed-token.ts';
import type { TokenNotes, TokenSource } from '../access/questions.ts';

interface Reference {
  readonly name: string;
  readonly uid: string;
}
interface OwnClaims {
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  readonly exp?: number;
  readonly nbf?: number;
  readonly iat?: number;
  readonly jti?: string;
  readonly 'kubernetes.io'?: {
    readonly namespace?: string;
    readonly serviceaccount?: Reference;
    readonly pod?: Reference;
    readonly secret?: Reference;
    readonly node?: Reference;
    /** Seconds since 1970. */
    readonly warnafter?: number;
  };
}

interface Found {
  readonly asked: readonly string[];
  readonly seen: readonly StoredObject[];
  readonly user: Identity;
  readonly audiences: readonly string[];
}

const leewayMs = 60_000;
const invalidated = 'service account token has been invalidated';

/** What time says against it, with the minute that clocks may differ by. */
export function timeProblem(
  { exp, nbf, iat }: Pick<OwnClaims, 'exp' | 'nbf' | 'iat'>,
  now: number,
): string | undefined {
  if (nbf !== undefined && nbf * 1000 > now + leewayMs) return 'service account token is not valid yet';
  if (exp !== undefined && exp * 1000 < now - leewayMs) return 'service account token has expired';
  if (iat !== undefined && iat * 1000 > now + leewayMs) return 'service account token is issued in the future';
  return undefined;
}

export const audiencesOf = (aud: OwnClaims['aud']): readonly string[] =>
  typeof aud === 'string' ? [aud] : (aud ?? []);
export const goQuoted = (list: readonly string[]): string => `[${list.map((one) => JSON.stringify(one)).join(' ')}]`;

export function serviceAccountTokens(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly tokens: ServiceAccountTokenOptions;
  readonly verifier: TokenVerifier;
}): TokenSource {
  const { store, clock, tokens, verifier } = options;

  /** Undefined: it is there. A deleted object's tokens hold for a minute, so that a Pod can end in order. */
  const problemOf = (
    kind: KindReference<KubernetesObject>,
    namespace: string | undefined,
    reference: Reference,
    seen: StoredObject[],
    texts: { readonly gone: string; readonly deleted: string; differs(uid: string): string },
  ): string | undefined => {
    const stored = store.get(storageKey(kind, namespace, reference.name));
    if (stored === undefined) return texts.gone;
    seen.push(stored);
    const object = stored.object();
    if (object.metadata.uid !== reference.uid) return texts.differs(object.metadata.uid ?? '');
    const deletedAt = object.metadata.deletionTimestamp;
    if (deletedAt === undefined || deletedAt === null || Date.parse(deletedAt) + leewayMs >= clock.now())
      return undefined;
    return texts.deleted;
  };
  const boundTo = (what: string, claim: string, { uid }: Reference) => ({
    gone: invalidated,
    deleted: invalidated,
    differs: (there: string) => `${what} UID (${there}) does not match service account ${claim} ref claim (${uid})`,
  });

  const boundProblem = (own: NonNullable<OwnClaims['kubernetes.io']>, seen: StoredObject[]): string | undefined => {
    const { namespace = '', serviceaccount: account = { name: '', uid: '' }, pod, secret, node } = own;
    const ofAccount = problemOf(ServiceAccounts, namespace, account, seen, {
      gone: `serviceaccounts ${JSON.stringify(account.name)} not found`,
      deleted: `service account ${namespace}/${account.name} has been deleted`,
      differs: (there) => `service account UID (${there}) does not match claim (${account.uid})`,
    });
    if (ofAccount !== undefined) return ofAccount;
    if (secret !== undefined) return problemOf(Secrets, namespace, secret, seen, boundTo('secret', 'secret', secret));
    if (pod !== undefined) return problemOf(Pods, namespace, pod, seen, boundTo('pod', 'pod', pod));
    // Beside a Pod the node is information only.
    return node && problemOf(Nodes, undefined, node, seen, boundTo('node', 'node', node));
  };

  /** What was found of claims, as long as what they are bound to is the very same and not about to go. */
  const found = new WeakMap<Claims, Found>();

  const answer = (claims: Claims, asked: readonly string[]): TokenAnswer => {
    const open = claims as OwnClaims;
    const before = found.get(claims);
    if (before?.asked === asked && before.seen.every((one) => store.get(one.key) === one)) {
      const problem = timeProblem(open, clock.now());
      if (problem !== undefined) return { error: problem };
      const { user, audiences } = before;
      return { user, audiences, notes: notesOf(open['kubernetes.io']?.warnafter, user.name) };
    }
    const inToken = audiencesOf(open.aud);
    const own = inToken.length === 0 ? tokens.audiences : inToken;
    const audiences = own.filter((one) => asked.includes(one));
    if (audiences.length === 0)
      return { error: `token audiences ${goQuoted(own)} is invalid for the target audiences ${goQuoted(asked)}` };
    const bound = open['kubernetes.io'] ?? {};
    const seen: StoredObject[] = [];
    const problem = timeProblem(open, clock.now()) ?? boundProblem(bound, seen);
    if (problem !== undefined) return { error: problem };
    const { namespace = '', serviceaccount, pod, node } = bound;
    const extra: Record<string, string[]> = {};
    const set = (name: string, value: string | undefined): void => {
      if (value !== undefined && value !== '') extra[`authentication.kubernetes.io/${name}`] = [value];
    };
    if (open.jti !== undefined) set('credential-id', `JTI=${open.jti}`);
    set('node-name', node?.name);
    set('node-uid', node?.uid);
    set('pod-name', pod?.name);
    set('pod-uid', pod?.uid);
    const user = {
      name: serviceAccountUser(namespace, serviceaccount!.name),
      uid: serviceaccount!.uid,
      groups: serviceAccountGroups(namespace),
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    };
    if (seen.every((one) => (one.object().metadata.deletionTimestamp ?? undefined) === undefined))
      found.set(claims, { asked, seen, user, audiences });
    return { user, audiences, notes: notesOf(bound.warnafter, user.name) };
  };

  /** Tokens of Pods live longer than they say, for clients that never read them again: who still uses one late is told. */
  const notesOf = (warnAfter: number | undefined, subject: string): TokenNotes | undefined => {
    if (warnAfter === undefined || warnAfter === 0) return undefined;
    const late = Math.floor(clock.now() / 1000) - warnAfter;
    if (clock.now() <= warnAfter * 1000) return { counted: ['valid'], annotations: {} };
    const text = `subject: ${subject}, seconds after warning threshold: ${late}`;
    return { counted: ['stale'], annotations: { 'authentication.k8s.io/stale-token': text } };
  };

  return {
    name: 'service account',
    authenticate(token, audiences) {
      if (verifier.issuerOf(token) !== tokens.issuer) return undefined;
      const verified = verifier.verified(token);
      if ('error' in verified) return verified;
      const { claims } = verified;
      const first = answer(claims, audiences);
      if (!('error' in first) || boundProblem((claims as OwnClaims)['kubernetes.io'] ?? {}, []) === undefined)
        return first;
      // Another server may just have made what it is bound to.
      const pending = store.consistent();
      return pending === undefined
        ? first
        : pending.then(
            () => answer(claims, audiences),
            () => first,
          );
    },
  };
}
