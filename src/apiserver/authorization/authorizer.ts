// THE order of authorizers: the first that allows or denies decides.
import type { AccessAttributes, AccessDecision, Authorizer, ImmediateAuthorizer } from '../context.ts';

const alwaysAllowedPaths = new Set(['/healthz', '/livez', '/readyz']);

export const allow = (reason = ''): AccessDecision => ({ decision: 'allow', reason });
export const noOpinion = (reason = ''): AccessDecision => ({ decision: 'no-opinion', reason });

/** Upstream's --authorization-always-allow-paths. */
export const alwaysAllowPaths: ImmediateAuthorizer = {
  name: 'always-allow-paths',
  authorize: (attributes) =>
    !attributes.isResource && alwaysAllowedPaths.has(attributes.path) ? allow() : noOpinion(),
};

export const systemMasters: ImmediateAuthorizer = {
  name: 'system:masters',
  authorize: (attributes) => (attributes.user.groups.includes('system:masters') ? allow() : noOpinion()),
};

/** Waits only where one of them has to: with none that asks outside, every answer is there at once. */
export function firstOpinion(authorizers: readonly ImmediateAuthorizer[]): ImmediateAuthorizer;
export function firstOpinion(authorizers: readonly Authorizer[]): Authorizer;
export function firstOpinion(authorizers: readonly Authorizer[]): Authorizer {
  const next = (
    attributes: AccessAttributes,
    from: number,
    reasons: string[],
    errors: string[],
  ): AccessDecision | Promise<AccessDecision> => {
    for (let index = from; index < authorizers.length; index++) {
      const asked = authorizers[index]!.authorize(attributes);
      if (asked instanceof Promise)
        return asked.then((decision) =>
          isOpinion(decision, reasons, errors) ? decision : next(attributes, index + 1, reasons, errors),
        );
      if (isOpinion(asked, reasons, errors)) return asked;
    }
    const none = noOpinion(reasons.join('\n'));
    return errors.length === 0 ? none : { ...none, error: listed(errors) };
  };
  return {
    name: authorizers.map((one) => one.name).join(','),
    authorize: (attributes) => next(attributes, 0, [], []),
  };
}

function isOpinion({ decision, reason, error }: AccessDecision, reasons: string[], errors: string[]): boolean {
  if (decision !== 'no-opinion') return true;
  if (reason !== '') reasons.push(reason);
  if (error !== undefined) errors.push(error);
  return false;
}

const listed = (errors: readonly string[]): string => (errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]`);
