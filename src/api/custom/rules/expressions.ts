// Expressions in CEL, the language of validation rules: a checked expression over declared types, with Kubernetes' own functions
// and a budget, so that no rule can hold the server up. The library is loaded with the first definition that has rules.
import type { Environment } from '@marcbachmann/cel-js';
import { InvariantError, messageOf } from '#base/errors.ts';
import { registerKubernetesFunctions } from './functions.ts';

type Library = typeof import('@marcbachmann/cel-js');
let library: Library | undefined;
let base: Environment | undefined;

export async function loadExpressions(): Promise<void> {
  library ??= await import('@marcbachmann/cel-js');
}

/** With nothing but the language and Kubernetes' functions; declare types and variables in a clone. */
export function expressionEnvironment(): Environment {
  if (library === undefined) throw new InvariantError('expressions are used before they are loaded');
  if (base === undefined) {
    base = new library.Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
    registerKubernetesFunctions(base, library.Optional);
  }
  return base.clone();
}

/** What may be spent on the rules of one object. */
export class Budget {
  #left: number;
  readonly #perStep: number;
  constructor(objectBytes: number) {
    this.#left = budgetMax;
    // A step may look at all of the object.
    this.#perStep = 1 + objectBytes / 1024;
  }
  get isSpent(): boolean {
    return this.#left < 0;
  }
  spend(): void {
    this.#left -= this.#perStep;
    if (this.#left < 0) throw new BudgetError();
  }
}
/** Steps of loops over an object of a kilobyte; about a tenth of a second. */
const budgetMax = 200_000;
export class BudgetError extends Error {}

export interface Expression {
  /** The type of its value. */
  readonly type: string;
  readonly usesOldSelf: boolean;
  /** Throws what the evaluation fails with. */
  evaluate(variables: Readonly<Record<string, unknown>>, budget: Budget): unknown;
}

interface Node {
  op: string;
  args: unknown;
  readonly start: number;
  readonly end: number;
  readonly meta: { readonly alternate?: unknown; readonly macro?: unknown };
}
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'op' in value && 'args' in value && 'meta' in value;

export interface Uncompiled {
  readonly problem: string;
  /** It is no expression at all; else it is one that is not understood here. */
  readonly isSyntax: boolean;
}

/** has() of more than plain names: the library takes no other, and the same said with an optional field it does. */
function withoutDeepHas(environment: Environment, given: string): string {
  let source = given;
  for (let round = 0; round < hasMax; round++) {
    const deep = deepHas(environment.parse(source).ast);
    if (deep === undefined) return source;
    const { call, base, field } = deep;
    const replacement = `(${source.slice(base.start, base.end)}).?${field}.hasValue()`;
    source = source.slice(0, call.start) + replacement + source.slice(call.end);
  }
  return source;
}
const hasMax = 100;

interface DeepHas {
  readonly call: Node;
  readonly base: Node;
  readonly field: string;
}
function deepHas(value: unknown): DeepHas | undefined {
  if (Array.isArray(value)) {
    for (const part of value) {
      const found = deepHas(part);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!isNode(value)) return undefined;
  const { op, args } = value;
  if (op === 'call' && Array.isArray(args) && args[0] === 'has') {
    const [field] = args[1] as readonly unknown[];
    if (isNode(field) && field.op === '.' && Array.isArray(field.args)) {
      const [base, name] = field.args as readonly unknown[];
      if (isNode(base) && typeof name === 'string' && !isPlainPath(base)) return { call: value, base, field: name };
    }
  }
  return deepHas(args);
}
const isPlainPath = (node: unknown): boolean =>
  isNode(node) && (node.op === 'id' || (node.op === '.' && Array.isArray(node.args) && isPlainPath(node.args[0])));

export function compileExpression(environment: Environment, source: string): Expression | Uncompiled {
  let current: Budget | undefined;
  let usesOldSelf = false;
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if (isNode(value)) {
      if (value.op === 'id' && value.args === 'oldSelf') usesOldSelf = true;
      // The library's own takes JavaScript's expressions, which can be made to run for ever.
      if (value.op === 'rcall' && Array.isArray(value.args) && value.args[0] === 'matches')
        value.args[0] = 'matchesRe2';
      if (value.op === 'comprehension') limitSteps(value.args as Comprehension, () => current);
      visit(value.meta.alternate);
      visit(value.meta.macro);
    }
    for (const part of Object.values(value)) visit(part);
  };
  try {
    const parsed = environment.parse(withoutDeepHas(environment, source));
    visit(parsed.ast);
    const checked = parsed.check();
    if (!checked.valid) return { problem: firstLine(checked.error), isSyntax: false };
    return {
      type: checked.type ?? 'dyn',
      usesOldSelf,
      evaluate(variables, budget) {
        current = budget;
        try {
          return parsed(variables) as unknown;
        } finally {
          current = undefined;
        }
      },
    };
  } catch (error) {
    return { problem: firstLine(error), isSyntax: error instanceof library!.ParseError };
  }
}

interface Comprehension {
  condition?: (accumulated: unknown) => boolean;
}
function limitSteps(loop: Comprehension, budget: () => Budget | undefined): void {
  const own = loop.condition;
  loop.condition = (accumulated) => {
    budget()?.spend();
    return own === undefined || own(accumulated);
  };
}

export const firstLine = (error: unknown): string =>
  messageOf(error)
    .split('\n')[0]!
    .trim()
    .replace(/^No such key/, 'no such key');
