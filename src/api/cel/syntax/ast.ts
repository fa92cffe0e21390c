// The syntax tree of an expression. The checker writes what it finds (type, overloads, reference) into the nodes.
import type { CelType } from '../types.ts';

interface Base {
  readonly id: number;
  /** Offset in code points of what stands for the node in messages. */
  readonly at: number;
  type?: CelType;
}
export interface Literal extends Base {
  readonly kind: 'literal';
  readonly value: unknown;
}
export interface Ident extends Base {
  readonly kind: 'ident';
  name: string;
  /** What the name stands for, where that is a value and no variable. */
  constant?: { readonly value: unknown };
}
export interface Select extends Base {
  readonly kind: 'select';
  readonly operand: Expr;
  readonly field: string;
  /** Of has(). */
  readonly isTest: boolean;
  /** A variable or type whose name has dots. */
  qualified?: string;
  constant?: { readonly value: unknown };
}
export interface Call extends Base {
  readonly kind: 'call';
  name: string;
  target: Expr | undefined;
  readonly args: readonly Expr[];
  overloads?: readonly string[];
}
export interface List extends Base {
  readonly kind: 'list';
  readonly elements: readonly Expr[];
  readonly optional: ReadonlySet<number>;
}
export interface Entry {
  readonly id: number;
  readonly at: number;
  readonly key: Expr;
  readonly value: Expr;
  readonly isOptional: boolean;
}
export interface MapLiteral extends Base {
  readonly kind: 'map';
  readonly entries: readonly Entry[];
}
export interface FieldEntry {
  readonly id: number;
  readonly at: number;
  readonly name: string;
  readonly value: Expr;
  readonly isOptional: boolean;
}
export interface StructLiteral extends Base {
  readonly kind: 'struct';
  typeName: string;
  readonly fields: readonly FieldEntry[];
}
export interface Comprehension extends Base {
  readonly kind: 'comprehension';
  readonly range: Expr;
  readonly variable: string;
  readonly variable2: string | undefined;
  readonly accumulator: string;
  readonly initial: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}
export type Expr = Literal | Ident | Select | Call | List | MapLiteral | StructLiteral | Comprehension;

/** The variable of macros that collects; no expression can name it. */
export const accumulatorName = '@result';
export const unusedName = '#unused';

/** `a.b.c` of plain selections, else undefined. */
export function qualifiedNameOf(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.isTest) return undefined;
  const operand = qualifiedNameOf(expr.operand);
  return operand === undefined ? undefined : `${operand}.${expr.field}`;
}
