// Expressions of admission policies and webhooks: what they may name, what they must give, and how they are evaluated within
// upstream's budgets. Variables of a policy are evaluated when an expression asks for one, once for each round.
import { environment, perCallCostMax, type Bindings, type Environment, type Program } from '../cel/cel.ts';
import type { FunctionTable } from '../cel/check/functions.ts';
import { standardFunctions } from '../cel/functions/standard.ts';
import { CelError, CelObject } from '../cel/run/values.ts';
import {
  authorizerType,
  boolType,
  dynType,
  intType,
  listType,
  mapType,
  objectOf,
  objectType,
  resourceCheckType,
  stringType,
  timestampType,
  type CelType,
} from '../cel/types.ts';
import { patchType, withPatchFunctions } from './patch-types.ts';

/** Of all expressions of one round (validations, annotations, each mutation) against one request. */
export const roundCostMax = 10_000_000;
/** Of all match conditions of a policy or webhook. */
export const matchConditionsCostMax = 2_500_000;

const texts = listType(stringType);
const labels = mapType(stringType, stringType);
const groupVersionKind = objectOf('kubernetes.GroupVersionKind', {
  group: stringType,
  version: stringType,
  kind: stringType,
});
const groupVersionResource = objectOf('kubernetes.GroupVersionResource', {
  group: stringType,
  version: stringType,
  resource: stringType,
});
const requestType = objectOf('kubernetes.AdmissionRequest', {
  kind: groupVersionKind,
  resource: groupVersionResource,
  subResource: stringType,
  requestKind: groupVersionKind,
  requestResource: groupVersionResource,
  requestSubResource: stringType,
  name: stringType,
  namespace: stringType,
  operation: stringType,
  userInfo: objectOf('kubernetes.UserInfo', {
    username: stringType,
    uid: stringType,
    groups: texts,
    extra: mapType(stringType, texts),
  }),
  dryRun: boolType,
  options: dynType,
});
const namespaceType = objectOf('kubernetes.Namespace', {
  metadata: objectOf('kubernetes.NamespaceMetadata', {
    name: stringType,
    generateName: stringType,
    namespace: stringType,
    labels,
    annotations: labels,
    UID: stringType,
    creationTimestamp: timestampType,
    deletionGracePeriodSeconds: intType,
    deletionTimestamp: timestampType,
    generation: intType,
    resourceVersion: stringType,
    finalizers: texts,
  }),
  spec: objectOf('kubernetes.NamespaceSpec', { finalizers: texts }),
  status: objectOf('kubernetes.NamespaceStatus', {
    conditions: listType(
      objectOf('kubernetes.NamespaceCondition', {
        status: stringType,
        type: stringType,
        lastTransitionTime: timestampType,
        message: stringType,
        reason: stringType,
      }),
    ),
    phase: stringType,
  }),
});

/** What an expression must give. `any`: of variables, and where types alone are checked. */
export type WantedResult = 'condition' | 'message' | 'annotation' | 'any' | 'apply-configuration' | 'json-patch';

/** By their names as messages show them. */
const resultsOf: Readonly<Record<WantedResult, readonly string[]>> = {
  condition: ['bool'],
  message: ['string'],
  annotation: ['string', 'null_type'],
  any: [],
  'apply-configuration': ['Object'],
  'json-patch': ['list(JSONPatch)'],
};

export interface PolicyExpression {
  readonly text: string;
  /** Why it does not compile, in upstream's words. */
  readonly problem: string | undefined;
  readonly program: Program | undefined;
}

export interface PolicyExpressionOptions {
  readonly hasParams: boolean;
  /** `variables` can be named. */
  readonly hasVariables: boolean;
  /** For checking types; dyn when not known. */
  readonly objectType?: CelType | undefined;
  readonly paramsType?: CelType | undefined;
}

export interface PolicyExpressions {
  readonly variables: ReadonlyMap<string, PolicyExpression>;
  /** Later expressions can name it. */
  addVariable(name: string, text: string): PolicyExpression;
  compile(text: string, wanted: WantedResult): PolicyExpression;
}

const typeText = (type: CelType): string => (type.kind === 'null' ? 'null_type' : type.text);

let withPatches: FunctionTable | undefined;

export function policyExpressions(options: PolicyExpressionOptions): PolicyExpressions {
  const variables = new Map<string, PolicyExpression>();
  const variableTypes = new Map<string, CelType>();
  const environments = new Map<WantedResult, Environment>();
  const environmentFor = (wanted: WantedResult): Environment => {
    const key = wanted === 'annotation' || wanted === 'any' ? 'condition' : wanted;
    let found = environments.get(key);
    if (found === undefined) environments.set(key, (found = environmentOf(key, options, variableTypes)));
    return found;
  };
  const compile = (text: string, wanted: WantedResult): PolicyExpression => {
    const { program, errors } = environmentFor(wanted).compile(text);
    if (program === undefined) return { text, problem: errors, program };
    const results = resultsOf[wanted];
    const found = typeText(program.resultType);
    if (results.length === 0 || results.includes(found)) return { text, problem: undefined, program };
    const expected = results.length === 1 ? results[0]! : `one of [${results.join(' ')}]`;
    return { text, problem: `must evaluate to ${expected} but got ${found}`, program: undefined };
  };
  return {
    variables,
    compile,
    addVariable(name, text) {
      const expression = compile(text, 'any');
      variables.set(name, expression);
      variableTypes.set(name, expression.program?.resultType ?? dynType);
      return expression;
    },
  };
}

function environmentOf(
  wanted: WantedResult,
  options: PolicyExpressionOptions,
  variableTypes: ReadonlyMap<string, CelType>,
): Environment {
  const hasPatches = wanted === 'apply-configuration' || wanted === 'json-patch';
  withPatches ??= withPatchFunctions(standardFunctions());
  return environment({
    variables: {
      object: options.objectType ?? dynType,
      oldObject: options.objectType ?? dynType,
      namespaceObject: namespaceType,
      request: requestType,
      ...(options.hasParams ? { params: options.paramsType ?? dynType } : {}),
      // Who is told a message learns nothing of others' rights.
      ...(wanted === 'message' ? {} : { authorizer: authorizerType, 'authorizer.requestResource': resourceCheckType }),
      ...(options.hasVariables
        ? { variables: objectType('kubernetes.variables', (name) => variableTypes.get(name)) }
        : {}),
    },
    functions: hasPatches ? withPatches : standardFunctions(),
    ...(hasPatches ? { type: patchType } : {}),
  });
}

/** All expressions of the round end with it. */
export class BudgetError extends Error {
  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}

export type Evaluated =
  | { readonly value: unknown; readonly error?: undefined }
  | { readonly error: string; readonly value?: undefined };

/** `variables` of one round. */
class Variables extends CelObject {
  override readonly celType = objectType('kubernetes.variables');
  /** Of all that was evaluated since somebody asked. */
  cost = 0;
  readonly #expressions: ReadonlyMap<string, PolicyExpression>;
  readonly #bindings: Bindings;
  readonly #known = new Map<string, { readonly value: unknown } | { readonly error: string }>();

  constructor(expressions: ReadonlyMap<string, PolicyExpression>, bindings: Bindings) {
    super();
    this.#expressions = expressions;
    this.#bindings = { ...bindings, variables: this };
  }
  override get size(): number {
    return this.#expressions.size;
  }
  override keys(): Iterable<string> {
    return this.#expressions.keys();
  }
  override get(name: string): unknown {
    const expression = this.#expressions.get(name);
    if (expression === undefined) return undefined;
    let known = this.#known.get(name);
    if (known === undefined) this.#known.set(name, (known = this.#evaluate(name, expression)));
    if ('error' in known) throw new CelError(known.error);
    return known.value;
  }
  #evaluate(name: string, { program, problem }: PolicyExpression): { value: unknown } | { error: string } {
    if (program === undefined)
      return { error: `composited variable ${JSON.stringify(name)} fails to compile: ${problem}` };
    const outcome = program.evaluate(this.#bindings, { costBudget: perCallCostMax });
    this.cost += outcome.cost;
    return outcome.error === undefined
      ? { value: outcome.value }
      : { error: `composited variable ${JSON.stringify(name)} fails to evaluate: ${outcome.error}` };
  }
}

/** Expressions that share a budget and the values of variables. */
export class Round {
  remaining: number;
  readonly #bindings: Bindings;
  readonly #variables: Variables;

  constructor(expressions: PolicyExpressions, bindings: Bindings, costMax: number) {
    this.remaining = costMax;
    this.#variables = new Variables(expressions.variables, bindings);
    this.#bindings = { ...bindings, variables: this.#variables };
  }

  /** Throws BudgetError. */
  async evaluate({ text, problem, program }: PolicyExpression): Promise<Evaluated> {
    if (program === undefined) return { error: `compilation error: ${problem}` };
    const outcome = await program.evaluateAsync(this.#bindings, { costBudget: perCallCostMax });
    const { cost } = this.#variables;
    this.#variables.cost = 0;
    if (cost > this.remaining) throw new BudgetError();
    this.remaining -= cost;
    if (outcome.cost > this.remaining) throw new BudgetError();
    this.remaining -= outcome.cost;
    return outcome.error === undefined
      ? { value: outcome.value }
      : { error: `expression '${text}' resulted in error: ${outcome.error}` };
  }
}
