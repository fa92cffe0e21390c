// THE order of authorizers: the first that allows or denies decides.
import type { AccessAttributes, AccessDecision, Authorizer } from '../context.ts';

const alwaysAllowedPaths = new Set(['/healthz', '/livez', '/readyz']);

export const allow = (reason = ''): AccessDecision => ({ decision: 'allow', reason });
export const noOpinion = (reason = ''): AccessDecision => ({ decision: 'no-opinion', reason });

/** Upstream's --authorization-always-allow-paths. */
export const alwaysAllowPaths: Authorizer = {
  name: 'always-allow-paths',
  authorize: (attributes) =>
    !attributes.isResource && alwaysAllowedPaths.has(attributes.path) ? allow() : noOpinion(),
};

export const systemMasters: Authorizer = {
  name: 'system:masters',
  authorize: (attributes) => (attributes.user.groups.includes('system:masters') ? allow() : noOpinion()),
};

export const firstOpinion = (authorizers: readonly Authorizer[]): Authorizer => ({
  name: authorizers.map((one) => one.name).join(','),
  authorize(attributes: AccessAttributes): AccessDecision {
    const reasons: string[] = [];
    for (const authorizer of authorizers) {
      const decision = authorizer.authorize(attributes);
      if (decision.decision !== 'no-opinion') return decision;
      if (decision.reason !== '') reasons.push(decision.reason);
    }
    return noOpinion(reasons.join('\n'));
  },
});
