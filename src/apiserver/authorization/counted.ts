// An authorizer whose decisions are counted; that it had no opinion is none.
import type { AccessDecision, Authorizer, ImmediateAuthorizer } from '../access/questions.ts';
import type { AccessMetrics } from '../metrics/access.ts';

/** `type`: as operators configure it. */
export function counted(authorizer: ImmediateAuthorizer, type: string, metrics: AccessMetrics): ImmediateAuthorizer;
export function counted(authorizer: Authorizer, type: string, metrics: AccessMetrics): Authorizer;
export function counted(authorizer: Authorizer, type: string, metrics: AccessMetrics): Authorizer {
  const count = metrics.decisionsOf(type, type === 'Webhook' ? authorizer.name : type.toLowerCase());
  const decided = (answer: AccessDecision): AccessDecision => {
    if (answer.decision !== 'no-opinion') count(answer.decision);
    return answer;
  };
  return {
    name: authorizer.name,
    authorize(attributes) {
      const asked = authorizer.authorize(attributes);
      return asked instanceof Promise ? asked.then(decided) : decided(asked);
    },
  };
}
