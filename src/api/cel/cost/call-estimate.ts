// What a call costs at least and at most, and how large its result is: upstream's tables (apiserver/pkg/cel/library/cost.go,
// cel-go's checker and extensions).
import type { Expr } from '../syntax/ast.ts';
import { isSameType, type CelType } from '../types.ts';
import { checkCost, listCost, patternFactor, structCost, textFactor } from './call-cost.ts';
import { add, fixed, most, multiply, scale, unknownRange, type Range, type SizeHint } from './ranges.ts';

/** An argument. */
export interface Node {
  readonly path: readonly string[] | undefined;
  readonly type: CelType;
  readonly expr: Expr;
  readonly size: Range | undefined;
}
export interface CallEstimate {
  readonly cost: Range;
  readonly size?: Range | undefined;
}

interface Use {
  readonly overload: string;
  readonly target: Node | undefined;
  readonly args: readonly Node[];
  readonly sizeOf: (node: Node) => Range;
  /** Of the elements of a list that is a node; undefined for what is no list. */
  readonly elementSizeOf: (node: Node) => { readonly type: CelType; readonly size: Range } | undefined;
}
type Estimator = (use: Use) => CallEstimate | undefined;

const one = fixed(1);
const cheap: Estimator = () => ({ cost: one });
const ofArgument: Estimator = ({ args: [arg], sizeOf }) =>
  arg === undefined ? undefined : { cost: scale(sizeOf(arg), textFactor) };
const ofArgumentKept: Estimator = ({ args: [arg], sizeOf }) =>
  arg === undefined ? undefined : { cost: scale(sizeOf(arg), textFactor), size: sizeOf(arg) };
const ofTargetKept: Estimator = ({ target, sizeOf }) =>
  target === undefined ? undefined : { cost: scale(sizeOf(target), textFactor), size: sizeOf(target) };

const selector: Estimator = ({ args, sizeOf }) => {
  if (args.length !== 1) return undefined;
  const size = sizeOf(args[0]!);
  const requirements = scale(scale(size, 0.5), listCost + structCost);
  return { cost: add(add(fixed(listCost), scale(size, textFactor)), requirements) };
};

const wholeList: Estimator = ({ target, sizeOf, elementSizeOf }) => {
  if (target === undefined) return undefined;
  const element = elementSizeOf(target);
  if (element === undefined) return { cost: scale(sizeOf(target), textFactor) };
  const { kind } = element.type;
  const each = kind === 'string' || kind === 'bytes' ? add(one, scale(element.size, textFactor)) : one;
  return { cost: multiply(sizeOf(target), each) };
};

const replace: Estimator = ({ target, args: [from, to], sizeOf }) => {
  if (target === undefined || from === undefined || to === undefined) return undefined;
  const [size, old, fresh] = [sizeOf(target), sizeOf(from), sizeOf(to)];
  const longest =
    old.min === 0
      ? { count: size.max < most ? size.max + 1 : size.max, kept: size.max }
      : fresh.max <= old.min
        ? { count: 0, kept: size.max }
        : { count: Math.ceil(size.max / old.min), kept: 0 };
  const shortest =
    old.max === 0
      ? { count: size.min < most ? size.min + 1 : size.min, kept: size.min }
      : old.max <= fresh.min
        ? { count: 0, kept: size.min }
        : { count: Math.ceil(size.min / old.max), kept: 0 };
  const result = add(multiply({ min: shortest.count, max: longest.count }, fresh), {
    min: shortest.kept,
    max: longest.kept,
  });
  return { cost: scale(size, 2 * textFactor), size: result };
};

const split: Estimator = ({ target, args: [, count], sizeOf }) => {
  if (target === undefined) return undefined;
  const size = sizeOf(target);
  const { expr } = count ?? {};
  const max =
    expr?.kind === 'literal' && typeof expr.value === 'bigint' ? Number(BigInt.asUintN(64, expr.value)) : size.max;
  return { cost: scale(size, 2 * textFactor), size: { min: 0, max } };
};

const join: Estimator = ({ target, args: [by], sizeOf, elementSizeOf }) => {
  if (target === undefined) return undefined;
  const element = elementSizeOf(target);
  const count = sizeOf(target);
  let size: Range = element === undefined ? fixed(0) : multiply(count, element.size);
  if (by !== undefined)
    size = add(size, multiply(sizeOf(by), { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) }));
  return { cost: scale(size, textFactor), size };
};

const find: Estimator = ({ target, args: [pattern], sizeOf }) => {
  if (target === undefined || pattern === undefined) return undefined;
  const size = sizeOf(target);
  return {
    cost: multiply(scale(add(size, one), textFactor), scale(sizeOf(pattern), patternFactor)),
    size: { min: 0, max: size.max },
  };
};

const addressSize: Range = { min: 4, max: 16 };
const contains =
  (isRange: boolean): Estimator =>
  ({ overload, args: [arg], sizeOf }) => {
    if (arg === undefined) return undefined;
    let cost = scale(add(addressSize, addressSize), textFactor);
    if (isRange) cost = add(add(cost, scale(addressSize, textFactor)), one);
    if (overload.endsWith('_string')) cost = add(cost, scale(sizeOf(arg), textFactor));
    return { cost };
  };

const formatSizeMax = 64;
const namePatternSizeMax = 128;

const equality: Estimator = ({ args }) => {
  const [left, right] = args;
  if (left === undefined || right === undefined || !isSameType(left.type, right.type)) return undefined;
  switch (left.type.name) {
    case 'net.IP':
    case 'net.CIDR':
    case 'kubernetes.Quantity':
    case 'kubernetes.Semver':
    case 'kubernetes.authorization.Authorizer':
    case 'kubernetes.authorization.PathCheck':
    case 'kubernetes.authorization.GroupCheck':
    case 'kubernetes.authorization.ResourceCheck':
    case 'kubernetes.authorization.Decision':
      return { cost: one };
    case 'kubernetes.NamedFormat':
      return { cost: scale({ min: 1, max: formatSizeMax }, textFactor) };
    case 'kubernetes.URL':
      return { cost: scale({ min: 1, max: right.size === undefined ? 1 : right.size.max }, textFactor) };
    default:
      return undefined;
  }
};

const byFunction: Readonly<Record<string, Estimator>> = {
  check: () => ({ cost: fixed(checkCost) }),
  fieldSelector: selector,
  labelSelector: selector,
  url: ofArgumentKept,
  'jsonpatch.escapeKey': ofArgumentKept,
  lowerAscii: ofTargetKept,
  upperAscii: ofTargetKept,
  substring: ofTargetKept,
  trim: ofTargetKept,
  replace,
  split,
  join,
  find,
  findAll: find,
  cidr: ofArgument,
  isIP: ofArgument,
  isCIDR: ofArgument,
  ip: (use) => (use.overload === 'cidr_ip' ? { cost: one } : ofArgument(use)),
  'ip.isCanonical': ({ args: [arg], sizeOf }) =>
    arg === undefined ? undefined : { cost: scale(sizeOf(arg), 2 * textFactor) },
  containsIP: contains(false),
  containsCIDR: contains(true),
  quantity: ofArgument,
  isQuantity: ofArgument,
  semver: ofArgument,
  isSemver: ofArgument,
  validate: ({ args: [arg], sizeOf }) =>
    arg === undefined ? undefined : { cost: scale(scale(sizeOf(arg), textFactor), namePatternSizeMax * patternFactor) },
  '_==_': equality,
};
for (const name of ['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'])
  (byFunction as Record<string, Estimator>)[name] = wholeList;
for (const name of (
  'serviceAccount path group resource subresource namespace name allowed reason error errored masked prefixLength family ' +
  'isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast format.named sign asInteger isInteger ' +
  'asApproximateFloat isGreaterThan isLessThan compareTo add sub major minor patch getScheme getHostname getHost getPort ' +
  'getEscapedPath getQuery'
).split(' '))
  (byFunction as Record<string, Estimator>)[name] = cheap;

const allocating = (factor: number, size: Range): CallEstimate => ({
  cost: add(add(scale(size, factor), one), fixed(listCost)),
  size,
});
const literalInt = ({ expr }: Node, otherwise: number): number =>
  expr.kind === 'literal' && typeof expr.value === 'bigint' ? Math.max(0, Number(expr.value)) : otherwise;
const sets =
  (factor: number): Estimator =>
  ({ args: [a, b], sizeOf }) =>
    a === undefined || b === undefined ? undefined : { cost: add(scale(multiply(sizeOf(a), sizeOf(b)), factor), one) };
const sorted = (node: Node | undefined, overload: string, sizeOf: Use['sizeOf']): CallEstimate | undefined => {
  if (node === undefined) return undefined;
  const size = sizeOf(node);
  return allocating(/^list_(string|bytes)_/.test(overload) ? 2 + textFactor : 2, multiply(size, size));
};

const byExtension: Readonly<Record<string, Estimator>> = {
  list_sets_contains_list: sets(1),
  list_sets_intersects_list: sets(1),
  list_sets_equivalent_list: sets(2),
  list_slice: ({ target, args, sizeOf }) =>
    target === undefined
      ? undefined
      : allocating(1, fixed(Math.max(0, literalInt(args[1]!, sizeOf(target).max) - literalInt(args[0]!, 0)))),
  lists_range: ({ args }) => allocating(1, fixed(literalInt(args[0]!, most))),
  list_reverse: ({ target, sizeOf }) => (target === undefined ? undefined : allocating(1, sizeOf(target))),
  list_flatten: ({ target, sizeOf }) => (target === undefined ? undefined : allocating(1, sizeOf(target))),
  list_flatten_int: ({ target, args, sizeOf }) =>
    target === undefined ? undefined : allocating(literalInt(args[0]!, most), sizeOf(target)),
  list_distinct: ({ target, sizeOf }) =>
    target === undefined ? undefined : allocating(2, multiply(sizeOf(target), sizeOf(target))),
};

const converted =
  (low: number, high: number, more: number): Estimator =>
  ({ args: [arg], sizeOf }) => {
    if (arg === undefined) return undefined;
    const size = sizeOf(arg);
    return {
      cost: scale(size, textFactor),
      size: { min: Math.floor(size.min * low) + more, max: size.max >= most ? most : size.max * high + more },
    };
  };
const joined: Estimator = ({ overload, args: [a, b], sizeOf }) => {
  if (a === undefined || b === undefined) return undefined;
  const size = add(sizeOf(a), sizeOf(b));
  return { cost: overload === 'add_list' ? one : scale(size, textFactor), size };
};
const compared: Estimator = ({ args: [a, b], sizeOf }) => {
  const max = Math.min(sizeOf(a!).max, sizeOf(b!).max);
  return { cost: scale({ min: max > 0 ? 1 : 0, max }, textFactor) };
};
const byOverload: Readonly<Record<string, Estimator>> = {
  string_format: ({ target, sizeOf }) =>
    target === undefined ? undefined : { cost: scale(sizeOf(target), textFactor) },
  string_to_bytes: converted(1, 4, 0),
  bytes_to_string: converted(0.25, 1, 0),
  strings_quote: ({ args: [arg], sizeOf }) => {
    const size = sizeOf(arg!);
    return {
      cost: scale(size, textFactor),
      size: { min: size.min + 2, max: size.max >= most ? most : size.max * 2 + 2 },
    };
  },
  starts_with_string: ofArgument,
  ends_with_string: ofArgument,
  in_list: ({ args: [, list], sizeOf }) => (list === undefined ? undefined : { cost: sizeOf(list) }),
  matches_string: ({ target, args: [pattern], sizeOf }) =>
    target === undefined || pattern === undefined
      ? undefined
      : { cost: multiply(scale(add(sizeOf(target), one), textFactor), scale(sizeOf(pattern), patternFactor)) },
  contains_string: ({ target, args: [part], sizeOf }) =>
    target === undefined || part === undefined
      ? undefined
      : { cost: multiply(scale(sizeOf(target), textFactor), scale(sizeOf(part), textFactor)) },
  add_string: joined,
  add_bytes: joined,
  add_list: joined,
};

function estimatorOf(name: string, overload: string): Estimator | undefined {
  if (/^list_\w+_sort$/.test(overload)) return ({ target, sizeOf }) => sorted(target, overload, sizeOf);
  if (/^list_\w+_sortByAssociatedKeys$/.test(overload)) return ({ args, sizeOf }) => sorted(args[0], overload, sizeOf);
  if (Object.hasOwn(byExtension, overload)) return byExtension[overload];
  return Object.hasOwn(byFunction, name) ? byFunction[name] : undefined;
}
function languageEstimator(overload: string): Estimator | undefined {
  if (overload === 'equals' || overload === 'not_equals' || /^(less|greater)(_equals)?_(string|bytes)$/.test(overload))
    return compared;
  return Object.hasOwn(byOverload, overload) ? byOverload[overload] : undefined;
}

/** Without what its arguments cost. */
export function estimateCall(
  name: string,
  overload: string,
  target: Node | undefined,
  args: readonly Node[],
  hint: SizeHint,
): CallEstimate {
  const use: Use = {
    overload,
    target,
    args,
    sizeOf: (node) => node.size ?? hint(node.path, node.type) ?? unknownRange,
    elementSizeOf: (node) => {
      const [type] = node.type.parameters;
      if (type === undefined) return undefined;
      return { type, size: hint(node.path === undefined ? undefined : [...node.path, '@items'], type) ?? unknownRange };
    },
  };
  return estimatorOf(name, overload)?.(use) ?? languageEstimator(overload)?.(use) ?? { cost: one };
}
