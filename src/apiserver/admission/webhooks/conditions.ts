// matchConditions of webhooks: expressions that all must hold of a request before its webhook is asked. Loaded with the first
// webhook that has some.
import { loadCel, type Bindings } from '#api/cel/cel.ts';
import { policyExpressions, type PolicyExpression, type PolicyExpressions } from '#api/policies/expressions.ts';
import { forbiddenError } from '#api/status.ts';
import { refusedName } from '../refused-name.ts';
import type { AdmissionAttributes, Server } from '../../context.ts';
import type { Matched } from '../dynamic/request-matcher.ts';
import type { VersionedObjects } from '../dynamic/versioned-object.ts';
import { requestBindings } from '../policies/bindings-of-request.ts';
import { conditionsMatch } from '../policies/match-conditions.ts';
import type { CompiledWebhook } from './configurations.ts';

interface Compiled {
  readonly expressions: PolicyExpressions;
  readonly conditions: readonly PolicyExpression[];
}
const compiled = new WeakMap<CompiledWebhook, Compiled>();

function compileOnce(hook: CompiledWebhook): Compiled {
  let found = compiled.get(hook);
  if (found === undefined) {
    const expressions = policyExpressions({ hasParams: false, hasVariables: false });
    const conditions = (hook.webhook.matchConditions ?? []).map((one) =>
      expressions.compile(one.expression, 'condition'),
    );
    compiled.set(hook, (found = { expressions, conditions }));
  }
  return found;
}

/** Throws an ApiError (403) when that cannot be told and the webhook fails closed. */
export async function conditionsHold(
  hook: CompiledWebhook,
  attributes: AdmissionAttributes,
  matched: Matched,
  objects: VersionedObjects,
  server: Server,
): Promise<boolean> {
  await loadCel();
  const { expressions, conditions } = compileOnce(hook);
  const bindings: Bindings = requestBindings(attributes, server)(matched, objects);
  const holds = await conditionsMatch(expressions, conditions, bindings);
  if (typeof holds === 'boolean') return holds;
  if (hook.ignoresFailures) return false;
  const { requested, name, object } = attributes;
  throw forbiddenError(
    { group: requested.group, resource: requested.resource },
    refusedName(name, object),
    holds.error,
  );
}
