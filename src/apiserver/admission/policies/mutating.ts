// MutatingAdmissionPolicies at work: each binding's parameters make patches, one after the other; a changed object is shown
// again to those that want it (reinvocationPolicy). Texts and order of upstream's plugin.
import type { Bindings } from '#api/cel/cel.ts';
import { CelError } from '#api/cel/run/values.ts';
import type { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, Mutation } from '#api/generated/types.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { equalJson } from '#api/patch/json-values.ts';
import {
  BudgetError,
  policyExpressions,
  Round,
  roundCostMax,
  type PolicyExpression,
  type PolicyExpressions,
} from '#api/policies/expressions.ts';
import { objectOfExpression, operationsOfExpression } from '#api/policies/patch-types.ts';
import { ApiError, forbiddenError } from '#api/status.ts';
import { refusedName } from '../refused-name.ts';
import type { AdmissionAttributes, Server } from '../../context.ts';
import type { Matched } from '../dynamic/request-matcher.ts';
import { takeVersioned, versionedObjects } from '../dynamic/versioned-object.ts';
import { requestBindings } from './bindings-of-request.ts';
import type { PolicyHook } from './hooks.ts';
import { conditionsMatch } from './match-conditions.ts';
import { letOthers } from './let-others.ts';
import { collectParams, paramRowOf, PolicyConfigurationError } from './params.ts';
import { appliedTo, patchedWith, PatchError, type PatchTarget } from './patches.ts';

type Policy = MutatingAdmissionPolicy;
type Binding = MutatingAdmissionPolicyBinding;
export type MutatingHook = PolicyHook<Policy, Binding, () => CompiledPolicy>;

interface CompiledMutation {
  readonly patchType: Mutation['patchType'];
  readonly expression: PolicyExpression;
}
interface CompiledPolicy {
  readonly expressions: PolicyExpressions;
  readonly conditions: readonly PolicyExpression[];
  readonly mutations: readonly CompiledMutation[];
}

export function compileMutating({ spec }: Policy): CompiledPolicy {
  const expressions = policyExpressions({ hasParams: spec.paramKind !== undefined, hasVariables: true });
  for (const { name, expression } of spec.variables ?? []) expressions.addVariable(name, expression);
  return {
    expressions,
    conditions: (spec.matchConditions ?? []).map((one) => expressions.compile(one.expression, 'condition')),
    mutations: (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => ({
      patchType,
      expression:
        patchType === 'JSONPatch'
          ? expressions.compile(jsonPatch?.expression ?? '', 'json-patch')
          : expressions.compile(applyConfiguration?.expression ?? '', 'apply-configuration'),
    })),
  };
}

interface Invocation {
  readonly hook: MutatingHook;
  readonly binding: Binding;
  readonly matched: Matched;
  readonly param: KubernetesObject | undefined;
}
interface Denial {
  readonly policy: Policy;
  readonly binding: Binding | undefined;
  readonly message: string;
  readonly reason: string;
}

/** What the second round needs to know of the first. */
interface Notes {
  readonly mayBeRepeated: Set<string>;
  readonly toBeRepeated: Set<string>;
  lastOutput: unknown;
}
const pluginName = 'MutatingAdmissionPolicy';

function notesOf({ reinvocation }: AdmissionAttributes): Notes {
  reinvocation.notes ??= new Map();
  let notes = reinvocation.notes.get(pluginName) as Notes | undefined;
  if (notes === undefined)
    reinvocation.notes.set(
      pluginName,
      (notes = { mayBeRepeated: new Set(), toBeRepeated: new Set(), lastOutput: undefined }),
    );
  return notes;
}

function repeatEarlier(notes: Notes): void {
  for (const key of notes.mayBeRepeated) notes.toBeRepeated.add(key);
  notes.mayBeRepeated.clear();
}

const keyOf = ({ hook, binding, param }: Invocation): string =>
  [hook.policy.metadata.name, binding.metadata.name, param?.metadata.namespace ?? '', param?.metadata.name ?? ''].join(
    '/',
  );

/** Match conditions come later. */
function invocationsOf(
  hooks: readonly MutatingHook[],
  attributes: AdmissionAttributes,
  server: Server,
  denials: Denial[],
): Invocation[] {
  const found: Invocation[] = [];
  for (const hook of hooks) {
    const { policy } = hook;
    const refuse = (error: unknown, binding: Binding | undefined): void => {
      if (!(error instanceof PolicyConfigurationError || error instanceof ApiError)) throw error;
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
      refuse(error, undefined);
      continue;
    }
    for (const { binding, matcher } of hook.bindings) {
      try {
        if (matcher !== undefined && matcher.match(attributes, server) === undefined) continue;
        for (const param of collectParams(server, row, binding.spec.paramRef, attributes.namespace))
          found.push({ hook, binding, matched, param });
      } catch (error) {
        refuse(error, binding);
      }
    }
  }
  return found;
}

export async function mutateByPolicies(
  hooks: readonly MutatingHook[],
  attributes: AdmissionAttributes,
  server: Server,
): Promise<void> {
  const denials: Denial[] = [];
  const invocations = invocationsOf(hooks, attributes, server, denials);
  if (invocations.length > 0) await invokeAll(invocations, attributes, server, denials);
  const failing = denials.filter(({ policy }) => policy.spec.failurePolicy !== 'Ignore');
  if (failing.length > 0) throw denialError(attributes, failing);
}

async function invokeAll(
  invocations: readonly Invocation[],
  attributes: AdmissionAttributes,
  server: Server,
  denials: Denial[],
): Promise<void> {
  const { reinvocation } = attributes;
  const notes = notesOf(attributes);
  if (reinvocation.isReinvoked && !equalJson(notes.lastOutput, attributes.object)) repeatEarlier(notes);
  const bindingsFor = requestBindings(attributes, server);
  const { metrics } = server;
  const { clock } = server.options;
  let isPatched = false;
  for (const [index, invocation] of invocations.entries()) {
    if (index > 0) await letOthers(attributes);
    const { hook, binding, matched, param } = invocation;
    const { policy } = hook;
    const compiled = hook.compiled();
    const objects = await versionedObjects(attributes, matched, server);
    const bindings: Bindings = { ...bindingsFor(matched, objects), params: param ?? null };
    const matches = await conditionsMatch(compiled.expressions, compiled.conditions, bindings);
    if (matches !== true) {
      if (matches !== false) denials.push({ policy, binding, message: matches.error, reason: 'Invalid' });
      continue;
    }
    const key = keyOf(invocation);
    if (reinvocation.isReinvoked && !notes.toBeRepeated.has(key)) continue;
    let { object } = objects;
    const target: PatchTarget = { row: matched.row, subresourceKind: attributes.subresourceKind };
    for (const mutation of compiled.mutations) {
      if (object === null) continue;
      const startMs = clock.monotonicMs();
      const measured = (message: string | undefined): void =>
        metrics.policies.onMutation(
          policy.metadata.name!,
          binding.metadata.name!,
          message,
          (clock.monotonicMs() - startMs) / 1000,
        );
      try {
        object = await mutateOnce(compiled, mutation, { ...bindings, object }, target, object);
        measured(undefined);
      } catch (error) {
        if (!(error instanceof CelError || error instanceof BudgetError || error instanceof PatchError)) throw error;
        measured(error.message);
        denials.push({ policy, binding, message: error.message, reason: 'Invalid' });
      }
    }
    if (object !== null && object !== objects.object) {
      isPatched = true;
      if (!equalJson(object, objects.object)) {
        repeatEarlier(notes);
        await takeVersioned(attributes, matched, object as Mutable<KubernetesObject>, server);
      }
    }
    if (policy.spec.reinvocationPolicy === 'IfNeeded') notes.mayBeRepeated.add(key);
  }
  // The last one sees its own work again, as upstream's does.
  if (isPatched) {
    repeatEarlier(notes);
    reinvocation.isWanted = true;
  }
  notes.lastOutput = attributes.object === undefined ? undefined : structuredClone(attributes.object);
}

async function mutateOnce(
  compiled: CompiledPolicy,
  { patchType, expression }: CompiledMutation,
  bindings: Bindings,
  target: PatchTarget,
  object: KubernetesObject,
): Promise<KubernetesObject> {
  if (expression.problem !== undefined) throw new CelError(expression.problem);
  const round = new Round(compiled.expressions, bindings, roundCostMax);
  const { value, error } = await round.evaluate(expression);
  if (error !== undefined) throw new CelError(error);
  return patchType === 'JSONPatch'
    ? patchedWith(target, object, operationsOfExpression(value))
    : appliedTo(target, object, objectOfExpression(value));
}

function denialError(attributes: AdmissionAttributes, denials: readonly Denial[]): ApiError {
  const texts = denials.map(({ policy, binding, message }) =>
    binding === undefined
      ? `policy ${JSON.stringify(policy.metadata.name)} denied request: ${message}`
      : `policy '${policy.metadata.name}' with binding '${binding.metadata.name}' denied request: ${message}`,
  );
  const { requested, name, object } = attributes;
  const error = forbiddenError({ group: requested.group, resource: requested.resource }, refusedName(name, object), '');
  const reason = denials[0]!.reason === '' ? error.reason : denials[0]!.reason;
  return new ApiError(error.code, reason, texts[0]!, {
    ...error.details,
    causes: texts.map((message) => ({ message })),
  });
}
