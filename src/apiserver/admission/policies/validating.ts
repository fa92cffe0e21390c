// ValidatingAdmissionPolicies at work: each binding's parameters against the request; failures deny, warn or are noted in the
// audit log. Texts, reasons and order of upstream's plugin.
import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, Validation } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import type { Bindings } from '#api/cel/cel.ts';
import { byteLength } from '#api/meta/names.ts';
import {
  BudgetError,
  policyExpressions,
  Round,
  roundCostMax,
  type Evaluated,
  type PolicyExpression,
  type PolicyExpressions,
} from '#api/policies/expressions.ts';
import { ApiError, forbiddenError } from '#api/status.ts';
import { refusedName } from '../refused-name.ts';
import type { Clock } from '#base/clock.ts';
import type { AdmissionAttributes, Server } from '../../context.ts';
import type { EnforcementAction, PolicyMetrics } from '../../metrics/policies.ts';
import type { Matched } from '../dynamic/request-matcher.ts';
import { versionedObjects } from '../dynamic/versioned-object.ts';
import { requestBindings } from './bindings-of-request.ts';
import type { PolicyHook } from './hooks.ts';
import { letOthers } from './let-others.ts';
import { conditionsMatch } from './match-conditions.ts';
import { collectParams, paramRowOf, PolicyConfigurationError } from './params.ts';

type Policy = ValidatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding;
export type ValidatingHook = PolicyHook<Policy, Binding, () => CompiledPolicy>;

interface CompiledValidation {
  readonly validation: Validation;
  readonly expression: PolicyExpression;
  readonly message: PolicyExpression | undefined;
}
interface CompiledPolicy {
  readonly expressions: PolicyExpressions;
  readonly conditions: readonly PolicyExpression[];
  readonly validations: readonly CompiledValidation[];
  readonly annotations: readonly { readonly key: string; readonly expression: PolicyExpression }[];
}

export function compileValidating({ spec }: Policy): CompiledPolicy {
  const expressions = policyExpressions({ hasParams: spec.paramKind !== undefined, hasVariables: true });
  for (const { name, expression } of spec.variables ?? []) expressions.addVariable(name, expression);
  return {
    expressions,
    conditions: (spec.matchConditions ?? []).map((one) => expressions.compile(one.expression, 'condition')),
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      expression: expressions.compile(validation.expression, 'condition'),
      message:
        (validation.messageExpression ?? '') === ''
          ? undefined
          : expressions.compile(validation.messageExpression!, 'message'),
    })),
    annotations: (spec.auditAnnotations ?? []).map((one) => ({
      key: one.key,
      expression: expressions.compile(one.valueExpression, 'annotation'),
    })),
  };
}

interface Failure {
  /** Of the validation; undefined: the policy could not be evaluated. */
  readonly index: number;
  readonly message: string;
  readonly reason: string;
  /** What the expression took. */
  readonly seconds: number;
}
interface Judgement {
  readonly failures: readonly Failure[];
  /** Errors that the failure policy lets pass. */
  readonly ignored: readonly Failure[];
  readonly annotations: readonly (readonly [key: string, value: string])[];
  /** Annotations that could not be made: they deny whatever the binding says. */
  readonly annotationErrors: readonly string[];
}

const failurePolicyFails = ({ spec }: Policy): boolean => spec.failurePolicy !== 'Ignore';
const messageBytesMax = 5 * 1024;
const annotationLengthMax = 10 * 1024;

/** Of one policy with one set of parameters. */
async function judge(policy: Policy, compiled: CompiledPolicy, bindings: Bindings, clock: Clock): Promise<Judgement> {
  const fails = failurePolicyFails(policy);
  let sinceMs = clock.monotonicMs();
  const lap = (): number => {
    const before = sinceMs;
    sinceMs = clock.monotonicMs();
    return (sinceMs - before) / 1000;
  };
  const error = (index: number, message: string, seconds: number): Pick<Judgement, 'failures' | 'ignored'> => {
    const failure = { index, message, reason: '', seconds };
    return fails ? { failures: [failure], ignored: [] } : { failures: [], ignored: [failure] };
  };
  const failed = (message: string): Judgement => ({
    ...error(0, message, lap()),
    annotations: [],
    annotationErrors: [],
  });
  const matches = await conditionsMatch(compiled.expressions, compiled.conditions, bindings);
  if (matches !== true) return matches === false ? { ...failed(''), failures: [], ignored: [] } : failed(matches.error);
  try {
    const round = new Round(compiled.expressions, bindings, roundCostMax);
    const results: (Evaluated & { readonly seconds: number })[] = [];
    for (const { expression } of compiled.validations)
      results.push({ ...(await round.evaluate(expression)), seconds: lap() });
    const messages = await evaluateMessages(compiled, bindings, round.remaining);
    const found = results.map((result, index): Pick<Judgement, 'failures' | 'ignored'> => {
      const { seconds } = result;
      const { validation } = compiled.validations[index]!;
      if (result.error !== undefined) return error(index, result.error, seconds);
      if ('budgetError' in messages) return error(index, `failed messageExpression: ${messages.budgetError}`, seconds);
      if (result.value === true) return { failures: [], ignored: [] };
      const message = messageOf(validation, messages.results[index]);
      return { failures: [{ index, message, reason: validation.reason ?? 'Invalid', seconds }], ignored: [] };
    });
    const failures = found.flatMap((one) => one.failures);
    const ignored = found.flatMap((one) => one.ignored);
    return { failures, ignored, ...(await annotate(compiled, bindings, fails)) };
  } catch (error) {
    if (error instanceof BudgetError) return failed(error.message);
    throw error;
  }
}

type Messages = { readonly results: readonly (Evaluated | undefined)[] } | { readonly budgetError: string };

async function evaluateMessages(compiled: CompiledPolicy, bindings: Bindings, budget: number): Promise<Messages> {
  const round = new Round(compiled.expressions, bindings, budget);
  const results: (Evaluated | undefined)[] = [];
  try {
    for (const { message } of compiled.validations)
      results.push(message === undefined ? undefined : await round.evaluate(message));
  } catch (error) {
    if (error instanceof BudgetError) return { budgetError: error.message };
    throw error;
  }
  return { results };
}

function messageOf(validation: Validation, given: Evaluated | undefined): string {
  const text = typeof given?.value === 'string' ? given.value.trim() : '';
  if (text !== '' && !text.includes('\n') && byteLength(text) <= messageBytesMax) return text;
  const message = (validation.message ?? '').trim();
  return message === '' ? `failed expression: ${validation.expression.trim()}` : message;
}

async function annotate(
  compiled: CompiledPolicy,
  bindings: Bindings,
  fails: boolean,
): Promise<Pick<Judgement, 'annotations' | 'annotationErrors'>> {
  const round = new Round(compiled.expressions, bindings, roundCostMax);
  const annotations: (readonly [string, string])[] = [];
  const annotationErrors: string[] = [];
  for (const { key, expression } of compiled.annotations) {
    const { value, error } = await round.evaluate(expression);
    if (error !== undefined) {
      if (fails) annotationErrors.push(error);
    } else if (typeof value === 'string' && value.trim() !== '') annotations.push([key, value.trim()]);
  }
  return { annotations, annotationErrors };
}

interface Denial {
  readonly policy: Policy;
  readonly binding: Binding | undefined;
  readonly message: string;
  readonly reason: string;
}

export async function validateByPolicies(
  hooks: readonly ValidatingHook[],
  attributes: AdmissionAttributes,
  server: Server,
): Promise<void> {
  const denials: Denial[] = [];
  const { metrics } = server;
  const { clock } = server.options;
  let bindingsFor: ReturnType<typeof requestBindings> | undefined;
  for (const hook of hooks) {
    const { policy } = hook;
    const collected = new Map<string, string[]>();
    const configurationError = (error: unknown, binding: Binding | undefined): void => {
      if (!(error instanceof PolicyConfigurationError || error instanceof ApiError)) throw error;
      if (!failurePolicyFails(policy)) return;
      const what = binding === undefined ? 'policy' : 'binding';
      denials.push({ policy, binding, message: `failed to configure ${what}: ${error.message}`, reason: '' });
    };
    let matched: Matched | undefined;
    let row: ReturnType<typeof paramRowOf>;
    try {
      matched = hook.matcher.match(attributes, server);
      if (matched === undefined) continue;
      row = paramRowOf(server, policy.spec.paramKind);
    } catch (error) {
      configurationError(error, undefined);
      continue;
    }
    let own: Bindings | undefined;
    for (const { binding, matcher } of hook.bindings) {
      let params: readonly (KubernetesObject | undefined)[];
      try {
        if (matcher !== undefined && matcher.match(attributes, server) === undefined) continue;
        params = collectParams(server, row, binding.spec.paramRef, attributes.namespace);
      } catch (error) {
        configurationError(error, binding);
        continue;
      }
      if (params.length === 0) continue;
      bindingsFor ??= requestBindings(attributes, server);
      own ??= bindingsFor(matched, await versionedObjects(attributes, matched, server));
      for (const [index, param] of params.entries()) {
        if (index > 0) await letOthers(attributes);
        const compiled = hook.compiled();
        const startMs = clock.monotonicMs();
        const judgement = await judge(policy, compiled, { ...own, params: param ?? null }, clock);
        metrics.policies.onEvaluated((clock.monotonicMs() - startMs) / 1000);
        report(attributes, policy, binding, judgement, denials, metrics.policies);
        for (const [key, value] of judgement.annotations) collect(collected, key, value);
      }
    }
    for (const [key, values] of collected) attributes.annotate(`${policy.metadata.name}/${key}`, values.join(', '));
  }
  const [first] = denials;
  if (first !== undefined) throw denialError(attributes, first);
}

function collect(collected: Map<string, string[]>, key: string, given: string): void {
  const value = given.slice(0, annotationLengthMax);
  const known = collected.get(key);
  if (known === undefined) collected.set(key, [value]);
  else if (!known.includes(value)) known.push(value);
}

function report(
  attributes: AdmissionAttributes,
  policy: Policy,
  binding: Binding,
  { failures, ignored, annotationErrors }: Judgement,
  denials: Denial[],
  metrics: PolicyMetrics,
): void {
  const { validationActions } = binding.spec;
  const names = [policy.metadata.name!, binding.metadata.name!] as const;
  for (const { message, seconds } of ignored) metrics.onValidation(...names, 'allow', message, seconds);
  for (const { index, message, reason, seconds } of failures)
    for (const action of validationActions) {
      metrics.onValidation(...names, action.toLowerCase() as EnforcementAction, message, seconds);
      if (action === 'Deny') denials.push({ policy, binding, message, reason });
      else if (action === 'Warn')
        attributes.warnings.push(
          `Validation failed for ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}': ${message}`,
        );
      else if (action === 'Audit')
        attributes.annotate(
          'validation.policy.admission.k8s.io/validation_failure',
          JSON.stringify([
            {
              message,
              policy: binding.spec.policyName,
              binding: binding.metadata.name,
              expressionIndex: index,
              validationActions,
            },
          ]),
        );
    }
  for (const message of annotationErrors) {
    metrics.onValidation(...names, 'deny', message, 0);
    denials.push({ policy, binding, message, reason: '' });
  }
}

const codes: Readonly<Record<string, number>> = { Unauthorized: 401, Forbidden: 403, RequestEntityTooLarge: 413 };

function denialError(attributes: AdmissionAttributes, { policy, binding, message, reason }: Denial): ApiError {
  const by = binding === undefined ? '' : ` with binding '${binding.metadata.name}'`;
  const text = `ValidatingAdmissionPolicy '${policy.metadata.name}'${by} denied request: ${message}`;
  const { requested, name, object } = attributes;
  const error = forbiddenError(
    { group: requested.group, resource: requested.resource },
    refusedName(name, object),
    text,
  );
  const code = reason === '' ? 'Invalid' : reason;
  return new ApiError(codes[code] ?? 422, code, error.message, {
    ...error.details,
    causes: [{ message: text }],
  });
}
