// Literals that can only fail: durations, timestamps and patterns that are none (upstream's validators of the tree).
import { compilePattern } from '../../custom/regular-expressions.ts';
import { durationNanos, timestampNanos } from '../run/time.ts';
import type { Call, Expr } from '../syntax/ast.ts';
import type { Problem } from '../syntax/problems.ts';
import { isOptional, isSameType, type CelType } from '../types.ts';
import { partsOf, walk } from './used-names.ts';

const isValid: Readonly<Record<string, (text: string) => boolean>> = {
  duration: (text) => durationNanos(text) !== undefined,
  timestamp: (text) => timestampNanos(text) !== undefined,
  matches: (text) => typeof compilePattern(text) !== 'string',
};

export function validateLiterals(root: Expr, problems: Problem[]): void {
  validateTypes(root, false, problems);
  walk(root, (expr) => {
    if (expr.kind !== 'call' || !Object.hasOwn(isValid, expr.name)) return;
    const arg = literalArgument(expr);
    if (arg !== undefined && !(typeof arg.value === 'string' && isValid[expr.name]!(arg.value)))
      problems.push({ at: arg.at, message: `invalid ${expr.name} argument` });
  });
}

/** Elements of one literal have one type, but for what format() takes. */
function validateTypes(root: Expr, isExempt: boolean, problems: Problem[]): void {
  const mixed = (elements: readonly (readonly [Expr, boolean])[]): void => {
    let first: CelType | undefined;
    for (const [element, isMarked] of elements) {
      const given = element.type!;
      const type = isMarked && isOptional(given) ? given.parameters[0]! : given;
      first ??= type;
      if (!isSameType(first, type))
        problems.push({ at: element.at, message: `expected type '${first.text}' but found '${type.text}'` });
    }
  };
  if (!isExempt && root.kind === 'list') mixed(root.elements.map((one, index) => [one, root.optional.has(index)]));
  if (!isExempt && root.kind === 'map') {
    mixed(root.entries.map(({ key }) => [key, false]));
    mixed(root.entries.map(({ value, isOptional: isMarked }) => [value, isMarked]));
  }
  const exempts = isExempt || (root.kind === 'call' && root.name === 'format');
  for (const part of partsOf(root)) validateTypes(part, exempts, problems);
}

function literalArgument({ name, target, args }: Call): Extract<Expr, { kind: 'literal' }> | undefined {
  const arg = name === 'matches' && target === undefined ? args[1] : args[0];
  return arg?.kind === 'literal' ? arg : undefined;
}
