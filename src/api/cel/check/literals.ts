// Literals that can only fail: durations, timestamps and patterns that are none (upstream's validators of the tree).
import { compilePattern } from '../../custom/regular-expressions.ts';
import { durationNanos, timestampNanos } from '../run/time.ts';
import type { Call, Expr } from '../syntax/ast.ts';
import type { Problem } from '../syntax/problems.ts';
import { walk } from './used-names.ts';

const isValid: Readonly<Record<string, (text: string) => boolean>> = {
  duration: (text) => durationNanos(text) !== undefined,
  timestamp: (text) => timestampNanos(text) !== undefined,
  matches: (text) => typeof compilePattern(text) !== 'string',
};

export function validateLiterals(root: Expr, problems: Problem[]): void {
  walk(root, (expr) => {
    if (expr.kind !== 'call' || !Object.hasOwn(isValid, expr.name)) return;
    const arg = literalArgument(expr);
    if (arg !== undefined && !isValid[expr.name]!(arg.value))
      problems.push({ at: arg.at, message: `invalid ${expr.name} argument` });
  });
}

function literalArgument({ name, target, args }: Call): { readonly at: number; readonly value: string } | undefined {
  const arg = name === 'matches' && target === undefined ? args[1] : args[0];
  return arg?.kind === 'literal' && typeof arg.value === 'string' ? { at: arg.at, value: arg.value } : undefined;
}
