// Role-based access: allows what a bound role's rule names, has no opinion on the rest.
import { ruleAllows } from './rule-allows.ts';
import { allow, noOpinion } from './authorizer.ts';
import type { ImmediateAuthorizer } from '../context.ts';
import type { RbacIndex } from './rbac-index.ts';

export const rbacAuthorizer = (index: RbacIndex): ImmediateAuthorizer => ({
  name: 'RBAC',
  authorize(attributes) {
    let allowedBy: string | undefined;
    const errors = index.visit(attributes.user, attributes.namespace, (rule, role) => {
      if (!ruleAllows(rule, attributes)) return false;
      allowedBy = role.source;
      return true;
    });
    if (allowedBy !== undefined) return allow(`RBAC: allowed by ${allowedBy}`);
    if (errors.length === 0) return noOpinion();
    const unique = [...new Set(errors)];
    return noOpinion(`RBAC: ${unique.length === 1 ? unique[0] : `[${unique.join(', ')}]`}`);
  },
});
