// What an expression costs at least and at most, from the tree and the largest sizes that schemas allow. The numbers decide
// which rules a definition may have: they are upstream's to the unit.
import { accumulatorName, type Call, type Comprehension, type Expr } from '../syntax/ast.ts';
import { textSize } from '../run/values.ts';
import { isOptional, type CelKind, type CelType } from '../types.ts';
import { listCost, mapCost, structCost } from './call-cost.ts';
import { estimateCall, type CallEstimate, type Node } from './call-estimate.ts';
import { add, fixed, multiply, sum, union, unknownRange, type Range, type SizeHint } from './ranges.ts';

export type Estimate = Range;
export function estimate(root: Expr, hint: SizeHint): Estimate {
  return new Estimator(hint).cost(root);
}

interface EntrySizes {
  readonly container: CelKind;
  readonly key: Range;
  readonly value: Range;
}
interface Local {
  readonly path: readonly string[] | undefined;
  readonly size: Range | undefined;
  readonly entries: EntrySizes | undefined;
}

const most = Number.MAX_VALUE;
const nothing: Range = { min: most, max: 0 };

class Estimator {
  readonly #hint: SizeHint;
  readonly #paths = new Map<Expr, readonly string[] | undefined>();
  readonly #sizes = new Map<Expr, Range>();
  readonly #entries = new Map<Expr, EntrySizes>();
  readonly #locals = new Map<string, Local[]>();

  constructor(hint: SizeHint) {
    this.#hint = hint;
  }

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case 'literal':
        return fixed(0);
      case 'ident':
        this.#paths.set(expr, this.#local(expr.name) === undefined ? [expr.name] : this.#local(expr.name)!.path);
        return fixed(1);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return add(sum(expr.fields.map(({ value }) => this.cost(value))), fixed(structCost));
      case 'comprehension':
        return isBinding(expr) ? this.#binding(expr) : this.#comprehension(expr);
    }
  }

  #select(expr: Extract<Expr, { kind: 'select' }>): Range {
    if (expr.qualified !== undefined) {
      this.#paths.set(expr, [expr.qualified]);
      return fixed(1);
    }
    if (expr.constant !== undefined) return fixed(1);
    let cost = this.cost(expr.operand);
    if (expr.isTest) return cost;
    const { kind } = expr.operand.type!;
    if (kind === 'map' || kind === 'object' || kind === 'parameter') cost = add(cost, fixed(1));
    this.#paths.set(expr, [...(this.#path(expr.operand) ?? []), expr.field]);
    return cost;
  }

  #call(expr: Call): Range {
    const { args, target, name } = expr;
    if (name === 'dyn' && target === undefined) {
      const cost = add(this.cost(args[0]!), fixed(1));
      this.#copySizes(expr, args[0]!);
      return cost;
    }
    const costs: Range[] = [];
    const nodes: Node[] = [];
    for (const arg of args) {
      costs.push(this.cost(arg));
      nodes.push(this.#node(arg));
    }
    const overloads = expr.overloads ?? [];
    if (overloads.length === 0) return fixed(0);
    let total = fixed(0);
    let targetNode: Node | undefined;
    if (target !== undefined) {
      total = this.cost(target);
      targetNode = this.#node(target);
    }
    let called = nothing;
    let resultSize: Range | undefined;
    for (const overload of overloads) {
      const one = this.#overload(expr, overload, targetNode, nodes, costs);
      called = union(called, one.cost);
      if (one.size !== undefined) resultSize = resultSize === undefined ? one.size : union(resultSize, one.size);
      if (overload === 'index_list' || overload === 'index_map') {
        resultSize = this.#entrySizes(args[0]!)?.value;
        this.#paths.set(expr, [...(this.#path(args[0]!) ?? []), overload === 'index_list' ? '@items' : '@values']);
      }
      resultSize ??= this.#size(expr);
    }
    if (resultSize !== undefined) this.#sizes.set(expr, resultSize);
    return add(total, called);
  }

  #overload(
    expr: Call,
    overload: string,
    target: Node | undefined,
    nodes: readonly Node[],
    costs: readonly Range[],
  ): CallEstimate {
    const args = sum(costs);
    switch (overload) {
      case 'logical_and':
      case 'logical_or':
        return { cost: { min: costs[0]!.min, max: add(costs[0]!, costs[1]!).max } };
      case 'conditional': {
        const [, one, other] = expr.args as readonly [Expr, Expr, Expr];
        const [a, b] = [this.#entrySizes(one), this.#entrySizes(other)];
        if (a !== undefined && b !== undefined) this.#entries.set(expr, united(a, b));
        return {
          cost: add(costs[0]!, union(costs[1]!, costs[2]!)),
          size: union(this.#sizeOrUnknown(one), this.#sizeOrUnknown(other)),
        };
      }
      case 'add_list':
      case 'add_string':
      case 'add_bytes': {
        const [one, other] = expr.args as readonly [Expr, Expr];
        const [a, b] = [this.#entrySizes(one), this.#entrySizes(other)];
        if (a !== undefined && b !== undefined) this.#entries.set(expr, united(a, b));
        break;
      }
      default:
    }
    const { cost, size } = estimateCall(expr.name, overload, target, nodes, this.#hint);
    return { cost: add(cost, args), size };
  }

  #list(expr: Extract<Expr, { kind: 'list' }>): Range {
    let size: Range = { min: expr.elements.length === 0 ? 0 : most, max: 0 };
    let cost = fixed(0);
    for (const element of expr.elements) {
      cost = add(cost, this.cost(element));
      // Upstream sets the sizes of the element, so that the size of an element of a literal is known by it.
      size = union(size, this.#sizeOrUnknown(element));
    }
    this.#entries.set(expr, { container: 'list', key: fixed(1), value: size });
    return add(cost, fixed(listCost));
  }

  #map(expr: Extract<Expr, { kind: 'map' }>): Range {
    const none: Range = { min: expr.entries.length === 0 ? 0 : most, max: 0 };
    let [keys, values, cost] = [none, none, fixed(0)];
    for (const { key, value } of expr.entries) {
      cost = add(add(cost, this.cost(key)), this.cost(value));
      keys = union(keys, this.#sizeOrUnknown(key));
      values = union(values, this.#sizeOrUnknown(value));
    }
    this.#entries.set(expr, { container: 'map', key: keys, value: values });
    return add(cost, fixed(mapCost));
  }

  #comprehension(expr: Comprehension): Range {
    let cost = add(this.cost(expr.range), this.cost(expr.initial));
    this.#push(expr.accumulator, {
      path: this.#path(expr.initial),
      size: this.#size(expr.initial),
      entries: this.#entrySizes(expr.initial),
    });
    const entries = this.#entrySizes(expr.range);
    const isList = (entries?.container ?? expr.range.type!.kind) === 'list';
    const path = this.#path(expr.range) ?? [];
    const element = { path: [...path, '@items'], size: entries?.value, entries: undefined };
    if (expr.variable2 === undefined)
      this.#push(
        expr.variable,
        isList ? element : { path: [...path, '@keys'], size: entries?.key, entries: undefined },
      );
    else {
      this.#push(expr.variable, {
        path: [...path, isList ? '@indices' : '@keys'],
        size: entries?.key,
        entries: undefined,
      });
      this.#push(
        expr.variable2,
        isList ? element : { path: [...path, '@values'], size: entries?.value, entries: undefined },
      );
    }
    const turn = [this.cost(expr.condition), this.cost(expr.step)].reduce(add);
    this.#locals.get(expr.variable)!.pop();
    if (expr.variable2 !== undefined) this.#locals.get(expr.variable2)!.pop();
    cost = add(cost, this.cost(expr.result));
    this.#locals.get(expr.accumulator)!.pop();
    const count = this.#sizeOrUnknown(expr.range);
    cost = add(cost, multiply(count, turn));
    if (expr.initial.kind === 'literal') this.#setSize(expr, this.#size(expr.initial));
    else if (expr.initial.kind === 'list' || expr.initial.kind === 'map') {
      this.#sizes.set(expr, count);
      const steps = this.#entrySizes(expr.step);
      if (steps !== undefined) this.#entries.set(expr, steps);
    }
    return cost;
  }

  #binding(expr: Comprehension): Range {
    let cost = add(this.cost(expr.range), this.cost(expr.initial));
    this.#push(expr.accumulator, {
      path: this.#path(expr.initial),
      size: this.#size(expr.initial),
      entries: this.#entrySizes(expr.initial),
    });
    cost = add(cost, this.cost(expr.result));
    this.#locals.get(expr.accumulator)!.pop();
    this.#copySizes(expr, expr.result);
    return cost;
  }

  #push(name: string, local: Local): void {
    const stack = this.#locals.get(name);
    if (stack === undefined) this.#locals.set(name, [local]);
    else stack.push(local);
  }
  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1);
  }
  #path(expr: Expr): readonly string[] | undefined {
    if (expr.kind === 'ident') {
      const local = this.#local(expr.name);
      if (local !== undefined) return local.path;
    }
    return this.#paths.get(expr);
  }
  #node(expr: Expr): Node {
    const path = this.#path(expr);
    return { path: path?.[0] === accumulatorName ? undefined : path, type: expr.type!, expr, size: this.#size(expr) };
  }
  #setSize(expr: Expr, size: Range | undefined): void {
    if (size !== undefined) this.#sizes.set(expr, size);
  }
  #copySizes(to: Expr, from: Expr): void {
    this.#setSize(to, this.#size(from));
    const entries = this.#entrySizes(from);
    if (entries !== undefined) this.#entries.set(to, entries);
  }
  #sizeOrUnknown(expr: Expr): Range {
    return this.#size(expr) ?? unknownRange;
  }

  #size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr) ?? literalSize(expr);
    if (known !== undefined) return known;
    const path = this.#path(expr);
    const hinted = this.#hint(path?.length === 0 ? undefined : path, expr.type!);
    if (hinted !== undefined) {
      this.#sizes.set(expr, hinted);
      return hinted;
    }
    if (isScalar(expr.type!)) return fixed(1);
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined;
  }

  #entrySizes(expr: Expr): EntrySizes | undefined {
    return this.#entries.get(expr) ?? (expr.kind === 'ident' ? this.#local(expr.name)?.entries : undefined);
  }
}

const united = (one: EntrySizes, other: EntrySizes): EntrySizes => ({
  container: one.container,
  key: union(one.key, other.key),
  value: union(one.value, other.value),
});

const isBinding = ({ range, condition, accumulator }: Comprehension): boolean =>
  range.kind === 'list' &&
  range.elements.length === 0 &&
  condition.kind === 'literal' &&
  condition.value === false &&
  accumulator !== '__result__';

function literalSize(expr: Expr): Range | undefined {
  if (expr.kind === 'list') return fixed(expr.elements.length);
  if (expr.kind === 'map') return fixed(expr.entries.length);
  if (expr.kind !== 'literal') return undefined;
  const { value } = expr;
  return fixed(typeof value === 'string' ? textSize(value) : value instanceof Uint8Array ? value.length : 1);
}

const scalars: ReadonlySet<CelKind> = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);
const isScalar = (type: CelType): boolean =>
  isOptional(type) ? isScalar(type.parameters[0]!) : scalars.has(type.kind);
