// Walks over trees.
import type { Expr } from '../syntax/ast.ts';

export function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'select':
      return [expr.operand];
    case 'call':
      return expr.target === undefined ? expr.args : [expr.target, ...expr.args];
    case 'list':
      return expr.elements;
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return expr.fields.map(({ value }) => value);
    case 'comprehension':
      return [expr.range, expr.initial, expr.condition, expr.step, expr.result];
    default:
      return [];
  }
}

export function walk(expr: Expr, visit: (expr: Expr) => void): void {
  visit(expr);
  for (const part of partsOf(expr)) walk(part, visit);
}

/** Variables that the expression reads, those of its loops not among them. */
export function usedNames(root: Expr): ReadonlySet<string> {
  const used = new Set<string>();
  const visit = (expr: Expr, own: ReadonlySet<string>): void => {
    if (expr.kind === 'ident' && expr.constant === undefined) {
      const name = expr.name.replace(/^\./, '');
      if (!own.has(name)) used.add(name);
    } else if (expr.kind === 'select' && expr.qualified !== undefined) used.add(expr.qualified);
    else if (expr.kind === 'comprehension') {
      visit(expr.range, own);
      visit(expr.initial, own);
      const outer = new Set([...own, expr.accumulator]);
      const inner = new Set([...outer, expr.variable, ...(expr.variable2 === undefined ? [] : [expr.variable2])]);
      visit(expr.condition, inner);
      visit(expr.step, inner);
      visit(expr.result, outer);
    } else for (const part of partsOf(expr)) visit(part, own);
  };
  visit(root, new Set());
  return used;
}
