// What evaluating a planned expression carries along: variables, what loops hold, and the cost so far.
import type { Overload } from '../check/functions.ts';
import type { Expr } from '../syntax/ast.ts';
import type { CelKind } from '../types.ts';
import { CelError, CostError, fits, typeOf } from './values.ts';

/** One evaluation. */
export interface Frame {
  variable(name: string): unknown;
  readonly slots: unknown[];
  cost: number;
  readonly costMax: number;
}
export type Step = (frame: Frame) => unknown;

export interface Plan {
  readonly run: Step;
  readonly slots: number;
}

export const noOverload = (): CelError => new CelError('no such overload');

export const spend = (frame: Frame, cost: number): void => {
  frame.cost += cost;
  if (frame.cost > frame.costMax) throw new CostError();
};

/** Conversions of what is known are made once. */
export const conversions: ReadonlySet<string> = new Set(
  'bool bytes double duration dyn int string timestamp type uint'.split(' '),
);
export const constantValue = (step: Step): unknown =>
  step({ variable: () => undefined, slots: [], cost: 0, costMax: Infinity });

/** As upstream's messages name what is no list and no map. */
export const goNames: Partial<Record<CelKind, string>> = {
  bool: 'types.Bool',
  bytes: 'types.Bytes',
  double: 'types.Double',
  int: 'types.Int',
  null: 'types.Null',
  string: 'types.String',
  uint: 'types.Uint',
};

export function isConstant(expr: Expr): boolean {
  if (expr.kind === 'call') return conversions.has(expr.name) && expr.args.length === 1 && isConstant(expr.args[0]!);
  if (expr.kind === 'literal') return true;
  if (expr.kind === 'list') return expr.optional.size === 0 && expr.elements.every(isConstant);
  return (
    expr.kind === 'map' &&
    expr.entries.every(({ key, value, isOptional }) => !isOptional && isConstant(key) && isConstant(value))
  );
}

/** Runs the overload that takes the values. */
export function dispatch(name: string, overloads: readonly Overload[], values: readonly unknown[]): unknown {
  for (const { parameters, run } of overloads)
    if (parameters.length === values.length && parameters.every((type, index) => fits(values[index], type)))
      return run(...values);
  if (/^[^a-z]/.test(name) || overloads.length === 1) throw noOverload();
  if (name === 'size') throw new CelError('no such overload: size');
  throw new CelError(`no such overload: ${name}(${values.map((one) => typeOf(one).name).join(', ')})`);
}
