// Expressions in CEL (cel.dev), as Kubernetes has them: compile against declared variables, evaluate within a budget, estimate
// what the worst case costs. Load it with `await loadCel()` where it is first needed: most clusters never do.
import { loadRegularExpressions } from '../custom/regular-expressions.ts';
import { check } from './check/checker.ts';
import type { FunctionTable } from './check/functions.ts';
import { validateLiterals } from './check/literals.ts';
import { estimate, type Estimate } from './cost/estimate.ts';
import type { SizeHint } from './cost/ranges.ts';
import { standardFunctions } from './functions/standard.ts';
import { adaptBinding } from './run/adapt.ts';
import { Pending } from './run/pending.ts';
import type { Plan } from './run/frame.ts';
import { plan } from './run/plan.ts';
import { CelError, CostError } from './run/values.ts';
import type { Expr } from './syntax/ast.ts';
import { parse } from './syntax/parser.ts';
import { printProblems, Source, type Problem } from './syntax/problems.ts';
import { dynType, isDyn, isSameType, namedTypes, type CelType } from './types.ts';
import { usedNames } from './check/used-names.ts';

export { Pending } from './run/pending.ts';

/** Before the first environment; resolves at once when it is loaded. */
export const loadCel = loadRegularExpressions;

/** Of one evaluation, in cost units (about 50 ns of a server each). */
export const perCallCostMax = 1_000_000;
/** Of all expressions of one request against a policy, or of one object's rules. */
export const totalCostMax = 10_000_000;

export interface EnvironmentOptions {
  readonly variables: Readonly<Record<string, CelType>>;
  /** Beside the language's and Kubernetes' own. */
  readonly functions?: FunctionTable | undefined;
  /** Types that expressions may name and make, such as `Object.spec`. */
  readonly type?: ((name: string) => CelType | undefined) | undefined;
}

export interface CompileOptions {
  /** What the expression may be; anything when not said. dyn is taken for all of them. */
  readonly resultTypes?: readonly CelType[] | undefined;
}

export type Compiled =
  | { readonly program: Program; readonly resultType: CelType; readonly errors?: undefined }
  /** As upstream prints it: `compilation failed: ERROR: <input>:1:6: …`. */
  | { readonly errors: string; readonly program?: undefined };

export type Bindings = Readonly<Record<string, unknown>>;

export interface EvaluateOptions {
  /** Default: perCallCostMax. */
  readonly costBudget?: number | undefined;
}
export type Outcome =
  | { readonly value: unknown; readonly cost: number; readonly error?: undefined }
  | { readonly error: string; readonly isOverBudget: boolean; readonly cost: number };

export interface Program {
  readonly text: string;
  readonly resultType: CelType;
  /** Variables that it reads. */
  readonly variables: ReadonlySet<string>;
  /** Bindings are values of expressions, JSON of the variable's type, or functions that give such at first use. */
  evaluate(bindings: Bindings, options?: EvaluateOptions): Outcome;
  evaluateAsync(bindings: Bindings, options?: EvaluateOptions): Promise<Outcome>;
  /** What it costs at least and at most; `hint` knows the largest sizes of what variables hold. */
  estimateCost(hint: SizeHint): Estimate;
}

export interface Environment {
  compile(text: string, options?: CompileOptions): Compiled;
  /** With more variables. */
  extend(variables: Readonly<Record<string, CelType>>): Environment;
}

export function environment(options: EnvironmentOptions): Environment {
  const { variables, functions = standardFunctions(), type } = options;
  const names = {
    variable: (name: string) => (Object.hasOwn(variables, name) ? variables[name] : undefined),
    type: (name: string) => type?.(name) ?? namedTypes.get(name),
    functions,
  };
  return {
    extend: (more) => environment({ ...options, variables: { ...variables, ...more } }),
    compile(text, { resultTypes } = {}) {
      const source = new Source(text);
      const problems: Problem[] = [];
      const failed = (): Compiled => ({ errors: `compilation failed: ${printProblems(source, problems)}` });
      const tree = parse(source, problems);
      if (tree === undefined) return failed();
      const resultType = check(tree, names, problems);
      if (problems.length > 0) return failed();
      validateLiterals(tree, problems);
      if (problems.length > 0) return failed();
      if (resultTypes !== undefined && !isDyn(resultType) && !resultTypes.some((one) => isSameType(one, resultType)))
        return { errors: wrongResult(resultTypes) };
      return { program: new CompiledProgram(text, tree, options, names), resultType };
    },
  };
}

const wrongResult = (types: readonly CelType[]): string =>
  types.length === 1
    ? `must evaluate to ${types[0]!.text}`
    : `must evaluate to one of [${types.map((one) => one.text).join(' ')}]`;

class CompiledProgram implements Program {
  readonly text: string;
  readonly resultType: CelType;
  readonly #tree: Expr;
  readonly #variables: Readonly<Record<string, CelType>>;
  readonly #functions: FunctionTable;
  readonly #typeNamed: (name: string) => CelType | undefined;
  #plan: Plan | undefined;
  #used: ReadonlySet<string> | undefined;

  constructor(
    text: string,
    tree: Expr,
    { variables }: EnvironmentOptions,
    names: { readonly functions: FunctionTable; type(name: string): CelType | undefined },
  ) {
    this.text = text;
    this.resultType = tree.type!;
    this.#tree = tree;
    this.#variables = variables;
    this.#functions = names.functions;
    this.#typeNamed = (name) => names.type(name);
  }

  get variables(): ReadonlySet<string> {
    return (this.#used ??= usedNames(this.#tree));
  }

  evaluate(bindings: Bindings, { costBudget = perCallCostMax }: EvaluateOptions = {}): Outcome {
    this.#plan ??= plan(this.#tree, this.#functions, this.#typeNamed);
    const known = new Map<string, unknown>();
    const frame = {
      slots: Array.from<unknown>({ length: this.#plan.slots }),
      cost: 0,
      costMax: costBudget,
      variable: (name: string): unknown => {
        const value = known.get(name);
        if (value !== undefined) return value;
        if (!Object.hasOwn(bindings, name)) throw new CelError(`no such attribute(s): ${name}`);
        const given = bindings[name];
        const made = adaptBinding(
          typeof given === 'function' ? (given as () => unknown)() : given,
          this.#variables[name] ?? dynType,
        );
        known.set(name, made);
        return made;
      },
    };
    try {
      const value = this.#plan.run(frame);
      return { value, cost: frame.cost };
    } catch (error) {
      if (error instanceof CelError) return { error: error.message, isOverBudget: false, cost: frame.cost };
      if (error instanceof CostError) return { error: error.message, isOverBudget: true, cost: frame.cost };
      if (error instanceof RangeError)
        return { error: 'expression is too deep to evaluate', isOverBudget: true, cost: frame.cost };
      throw error;
    }
  }

  async evaluateAsync(bindings: Bindings, options?: EvaluateOptions): Promise<Outcome> {
    for (;;) {
      try {
        return this.evaluate(bindings, options);
      } catch (error) {
        if (!(error instanceof Pending)) throw error;
        await error.promise;
      }
    }
  }

  estimateCost(hint: SizeHint): Estimate {
    return estimate(this.#tree, hint);
  }
}
