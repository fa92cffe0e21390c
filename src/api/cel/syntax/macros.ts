// Calls that are not calls: has(), all(), exists(), map(), filter() and their relatives with two variables, the macros of
// optionals, and sortBy(). They become comprehensions. A copied target doubles: their number is limited by the size of all.
import { accumulatorName, unusedName, type Expr } from './ast.ts';
import type { Nodes } from './nodes.ts';

export class MacroError extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

interface Use {
  readonly nodes: Nodes;
  readonly at: number;
  readonly target: Expr;
  readonly args: readonly Expr[];
}
type Macro = (use: Use) => Expr;

const isHidden = (name: string): boolean => name === accumulatorName || name === '__result__';

function variableOf(expr: Expr, message: string): string {
  if (expr.kind !== 'ident') throw new MacroError(expr.at, message);
  if (isHidden(expr.name)) throw new MacroError(expr.at, 'iteration variable overwrites accumulator variable');
  return expr.name;
}

interface Loop {
  readonly initial: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

function loop({ nodes, at, target, args }: Use, isTwo: boolean, parts: Loop, wrong: string): Expr {
  const variable = variableOf(args[0]!, wrong);
  const variable2 = isTwo ? variableOf(args[1]!, wrong) : undefined;
  if (variable === variable2) throw new MacroError(args[1]!.at, `duplicate variable name: ${variable}`);
  return nodes.comprehension(at, { range: target, variable, variable2, accumulator: accumulatorName, ...parts });
}

type Quantifier = 'all' | 'exists' | 'existsOne';

const quantifier =
  (kind: Quantifier, isTwo: boolean): Macro =>
  (use) => {
    const { nodes, at, args } = use;
    const predicate = args[isTwo ? 2 : 1]!;
    const result = (): Expr => nodes.ident(at, accumulatorName);
    const call = (name: string, ...list: Expr[]): Expr => nodes.call(at, name, list);
    const one = (): Expr => nodes.literal(at, 1n);
    const parts: Readonly<Record<Quantifier, () => Loop>> = {
      all: () => ({
        initial: nodes.literal(at, true),
        condition: call('@not_strictly_false', result()),
        step: call('_&&_', result(), predicate),
        result: result(),
      }),
      exists: () => ({
        initial: nodes.literal(at, false),
        condition: call('@not_strictly_false', call('!_', result())),
        step: call('_||_', result(), predicate),
        result: result(),
      }),
      existsOne: () => ({
        initial: nodes.literal(at, 0n),
        condition: nodes.literal(at, true),
        step: call('_?_:_', predicate, call('_+_', result(), one()), result()),
        result: call('_==_', result(), one()),
      }),
    };
    return loop(use, isTwo, parts[kind](), 'argument must be a simple name');
  };

/** What collects: into a list, or a map. */
const transform =
  (isTwo: boolean, into: 'list' | 'map' | 'entry'): Macro =>
  (use) => {
    const { nodes, at, args } = use;
    const first = isTwo ? 2 : 1;
    const filter = args.length > first + 1 ? args[first] : undefined;
    const value = args[args.length - 1]!;
    const result = (): Expr => nodes.ident(at, accumulatorName);
    const added =
      into === 'list'
        ? nodes.call(at, '_+_', [result(), nodes.list(at, [value])])
        : nodes.call(
            at,
            'cel.@mapInsert',
            into === 'map'
              ? [result(), nodes.ident(at, (args[0] as { name?: string }).name ?? ''), value]
              : [result(), value],
          );
    return loop(
      use,
      isTwo,
      {
        initial: into === 'list' ? nodes.list(at, []) : nodes.map(at, []),
        condition: nodes.literal(at, true),
        step: filter === undefined ? added : nodes.call(at, '_?_:_', [filter, added, result()]),
        result: result(),
      },
      isTwo ? 'argument must be a simple name' : 'argument is not an identifier',
    );
  };

const filter: Macro = (use) => {
  const { nodes, at, args } = use;
  const result = (): Expr => nodes.ident(at, accumulatorName);
  return loop(
    use,
    false,
    {
      initial: nodes.list(at, []),
      condition: nodes.literal(at, true),
      step: nodes.call(at, '_?_:_', [
        args[1]!,
        nodes.call(at, '_+_', [result(), nodes.list(at, [args[0]!])]),
        result(),
      ]),
      result: result(),
    },
    'argument is not an identifier',
  );
};

/** The value of `initial` by a name in `result`. */
const bound = (nodes: Nodes, at: number, name: string, initial: Expr, result: Expr): Expr =>
  nodes.comprehension(at, {
    range: nodes.list(at, []),
    variable: unusedName,
    variable2: undefined,
    accumulator: name,
    initial,
    condition: nodes.literal(at, false),
    step: nodes.ident(at, name),
    result,
  });

const ofOptional =
  (name: 'optMap' | 'optFlatMap'): Macro =>
  ({ nodes, at, target, args }) => {
    const [variable, inner] = args as readonly [Expr, Expr];
    if (variable.kind !== 'ident')
      throw new MacroError(variable.at, `${name}() variable name must be a simple identifier`);
    const value = nodes.call(at, 'value', [], nodes.copy(target));
    const result = bound(nodes, at, variable.name, value, inner);
    return nodes.call(at, '_?_:_', [
      nodes.call(at, 'hasValue', [], target),
      name === 'optMap' ? nodes.call(at, 'optional.of', [result]) : result,
      nodes.call(at, 'optional.none', []),
    ]);
  };

const sortBy: Macro = ({ nodes, at, target, args }) => {
  const [variable, key] = args as readonly [Expr, Expr];
  if (
    target.kind !== 'select' &&
    target.kind !== 'ident' &&
    target.kind !== 'comprehension' &&
    target.kind !== 'list' &&
    target.kind !== 'call'
  )
    throw new MacroError(
      target.at,
      'sortBy can only be applied to a list, identifier, comprehension, call or select expression',
    );
  if (variable.kind !== 'ident') throw new MacroError(variable.at, 'sortBy variable name must be a simple identifier');
  const input = '@__sortBy_input__';
  const keys = transform(false, 'list')({ nodes, at, target: nodes.ident(at, input), args: [variable, key] });
  return bound(nodes, at, input, target, nodes.call(at, '@sortByAssociatedKeys', [keys], nodes.ident(at, input)));
};

const macros: Readonly<Record<string, Macro>> = {
  'all/2': quantifier('all', false),
  'exists/2': quantifier('exists', false),
  'exists_one/2': quantifier('existsOne', false),
  'existsOne/2': quantifier('existsOne', false),
  'all/3': quantifier('all', true),
  'exists/3': quantifier('exists', true),
  'exists_one/3': quantifier('existsOne', true),
  'existsOne/3': quantifier('existsOne', true),
  'map/2': transform(false, 'list'),
  'map/3': transform(false, 'list'),
  'filter/2': filter,
  'transformList/3': transform(true, 'list'),
  'transformList/4': transform(true, 'list'),
  'transformMap/3': transform(true, 'map'),
  'transformMap/4': transform(true, 'map'),
  'transformMapEntry/3': transform(true, 'entry'),
  'transformMapEntry/4': transform(true, 'entry'),
  'optMap/2': ofOptional('optMap'),
  'optFlatMap/2': ofOptional('optFlatMap'),
  'sortBy/2': sortBy,
};

/** Undefined: it is a call. */
export function expandMacro(
  nodes: Nodes,
  at: number,
  name: string,
  target: Expr | undefined,
  args: readonly Expr[],
): Expr | undefined {
  if (target === undefined) {
    const [arg] = args;
    if (name !== 'has' || args.length !== 1) return undefined;
    if (arg!.kind !== 'select') throw new MacroError(arg!.at, 'invalid argument to has() macro');
    return nodes.select(at, arg!.operand, arg!.field, true);
  }
  const key = `${name}/${args.length}`;
  return Object.hasOwn(macros, key) ? macros[key]!({ nodes, at, target, args }) : undefined;
}
