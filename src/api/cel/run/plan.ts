// A checked tree to closures: each evaluates a part and counts what it costs, as upstream counts it. Chains of selections are
// one read: a part of a chain costs one, and the whole one more, but where a ternary or has() takes the chain as it is.
import { InvariantError } from '#base/errors.ts';
import { callCost, listCost, mapCost, structCost } from '../cost/call-cost.ts';
import type { FunctionTable } from '../check/functions.ts';
import { accumulatorName, type Call, type Comprehension, type Expr } from '../syntax/ast.ts';
import type { CelType } from '../types.ts';
import {
  constantValue,
  conversions,
  goNames,
  dispatch,
  isConstant,
  noOverload,
  spend,
  type Frame,
  type Plan,
  type Step,
} from './frame.ts';
import { fieldOf, indexed, keyed, optionalIndexed } from './access.ts';
import {
  ArrayList,
  CelError,
  CelList,
  CelMap,
  CelObject,
  EntryMap,
  equals,
  fits,
  mapKeyOf,
  Optional,
  typeOf,
} from './values.ts';

interface Scope {
  readonly names: ReadonlyMap<string, number>;
}

export function plan(root: Expr, functions: FunctionTable, typeNamed: (name: string) => CelType | undefined): Plan {
  const planner = new Planner(functions, typeNamed);
  const run = planner.step(root, { names: new Map() });
  return { run, slots: planner.slots };
}

class Planner {
  readonly #functions: FunctionTable;
  readonly #typeNamed: (name: string) => CelType | undefined;
  slots = 0;

  constructor(functions: FunctionTable, typeNamed: (name: string) => CelType | undefined) {
    this.#functions = functions;
    this.#typeNamed = typeNamed;
  }

  step(expr: Expr, scope: Scope): Step {
    const chain = this.#chain(expr, scope);
    if (chain !== undefined)
      return (frame) => {
        const value = chain(frame);
        spend(frame, 1);
        return value;
      };
    switch (expr.kind) {
      case 'literal': {
        const { value } = expr;
        return () => value;
      }
      case 'ident':
      case 'select':
        return this.#constantOrTest(expr, scope);
      case 'call':
        return this.#call(expr, scope);
      case 'list':
        return this.#list(expr, scope);
      case 'map':
        return this.#map(expr, scope);
      case 'struct':
        return this.#struct(expr, scope);
      case 'comprehension':
        return this.#comprehension(expr, scope);
    }
  }

  /** Of a chain without what its whole costs; anything else as it is. */
  #operand(expr: Expr, scope: Scope): Step {
    return this.#chain(expr, scope) ?? this.step(expr, scope);
  }

  #chain(expr: Expr, scope: Scope): Step | undefined {
    if (expr.kind === 'ident' && expr.constant === undefined) return this.#read(expr.name, scope);
    if (expr.kind === 'select' && expr.constant === undefined && !expr.isTest) {
      if (expr.qualified !== undefined) return this.#read(expr.qualified, scope);
      const operand = this.#operand(expr.operand, scope);
      const { field } = expr;
      return (frame) => {
        const from = operand(frame);
        spend(frame, 1);
        return fieldOf(from, field);
      };
    }
    if (expr.kind !== 'call') return undefined;
    if (expr.name === '_?._') {
      const operand = this.#operand(expr.args[0]!, scope);
      const field = (expr.args[1] as { value: string }).value;
      return (frame) => {
        const value = optionalIndexed(operand(frame), field, true);
        if (value.hasValue) spend(frame, 1);
        return value;
      };
    }
    if (expr.name !== '_[_]' && expr.name !== '_[?_]') return undefined;
    const [of, at] = expr.args as readonly [Expr, Expr];
    const operand = this.#operand(of, scope);
    const index = this.#operand(at, scope);
    if (expr.name === '_[?_]')
      return (frame) => {
        const from = operand(frame);
        const value = optionalIndexed(from, index(frame), false);
        if (value.hasValue) spend(frame, 1);
        return value;
      };
    return (frame) => {
      const from = operand(frame);
      const key = index(frame);
      spend(frame, 1);
      return indexed(from, key);
    };
  }

  #read(given: string, scope: Scope): Step {
    const name = given.replace(/^\./, '');
    const slot = scope.names.get(name);
    if (slot === undefined) return (frame) => frame.variable(name);
    return (frame) => {
      const value = frame.slots[slot];
      if (value instanceof CelError) throw value;
      return value;
    };
  }

  #constantOrTest(expr: Extract<Expr, { kind: 'ident' | 'select' }>, scope: Scope): Step {
    if (expr.constant !== undefined) {
      const { value } = expr.constant;
      return () => value;
    }
    if (expr.kind !== 'select') throw new InvariantError('a variable is no constant');
    const operand = this.#operand(expr.operand, scope);
    const { field } = expr;
    return (frame) => {
      const from = operand(frame);
      spend(frame, 1);
      const value =
        from instanceof Optional && !from.hasValue
          ? undefined
          : keyed(from instanceof Optional ? from.value : from, field);
      return value instanceof Optional ? value.hasValue : value !== undefined;
    };
  }

  #list({ elements, optional }: Extract<Expr, { kind: 'list' }>, scope: Scope): Step {
    const steps = elements.map((one) => this.step(one, scope));
    const cost = elements.every(isConstant) ? 0 : listCost;
    return (frame) => {
      const items: unknown[] = [];
      steps.forEach((step, index) => {
        const value = step(frame);
        if (!optional.has(index)) items.push(value);
        else if (!(value instanceof Optional))
          throw new CelError(`cannot initialize optional list element from non-optional value ${String(value)}`);
        else if (value.hasValue) items.push(value.value);
      });
      spend(frame, cost);
      return new ArrayList(items);
    };
  }

  #map(expr: Extract<Expr, { kind: 'map' }>, scope: Scope): Step {
    const steps = expr.entries.map(({ key, value, isOptional }) => ({
      key: this.step(key, scope),
      value: this.step(value, scope),
      isOptional,
    }));
    const cost = isConstant(expr) ? 0 : mapCost;
    return (frame) => {
      const map = new EntryMap();
      for (const { key: keyStep, value: valueStep, isOptional } of steps) {
        const key = keyStep(frame);
        const value = valueStep(frame);
        const normal = mapKeyOf(key);
        if (normal === undefined || typeof key === 'number') throw new CelError('unsupported key type');
        if (isOptional && !(value instanceof Optional))
          throw new CelError(
            `cannot initialize optional entry '${String(key)}' from non-optional value ${String(value)}`,
          );
        const plain = isOptional ? (value as Optional).value : value;
        if (plain !== undefined) map.entries.set(normal, { key, value: plain });
      }
      spend(frame, cost);
      return map;
    };
  }

  #struct(expr: Extract<Expr, { kind: 'struct' }>, scope: Scope): Step {
    const construct = this.#typeNamed(expr.typeName)?.construct;
    const steps = expr.fields.map(({ name, value, isOptional }) => ({
      name,
      value: this.step(value, scope),
      isOptional,
    }));
    return (frame) => {
      const fields = new Map<string, unknown>();
      for (const { name, value: step, isOptional } of steps) {
        const value = step(frame);
        const plain = isOptional && value instanceof Optional ? value.value : value;
        if (plain !== undefined) fields.set(name, plain);
      }
      spend(frame, structCost);
      if (construct === undefined) throw new CelError(`unknown type: ${expr.typeName}`);
      return construct(fields);
    };
  }

  #call(expr: Call, scope: Scope): Step {
    const { name, target, args } = expr;
    const all = target === undefined ? args : [target, ...args];
    const [first, second] = all;
    switch (name) {
      case '_&&_':
      case '_||_':
        return this.#logical(name === '_||_', all, scope);
      case '_?_:_': {
        const condition = this.step(all[0]!, scope);
        const [whenTrue, whenFalse] = [this.#operand(all[1]!, scope), this.#operand(all[2]!, scope)];
        return (frame) => {
          const value = condition(frame);
          if (typeof value !== 'boolean') throw noOverload();
          return value ? whenTrue(frame) : whenFalse(frame);
        };
      }
      case '@not_strictly_false': {
        const step = this.step(all[0]!, scope);
        return (frame) => {
          let value: unknown = true;
          try {
            value = step(frame);
          } catch (error) {
            if (!(error instanceof CelError)) throw error;
          }
          spend(frame, 1);
          return value !== false;
        };
      }
      case '_+_':
        if (first?.kind === 'ident' && first.name === accumulatorName && second?.kind === 'list')
          return this.#grow(first, second, scope);
        break;
      case '@in':
        if (second?.kind === 'list' && second.elements.length > 0 && isConstant(second))
          return this.#inConstant(first!, second, scope);
        break;
      case 'or':
      case 'orValue':
        if (all.length === 2) {
          const [one, other] = all.map((part) => this.step(part, scope)) as [Step, Step];
          return (frame) => {
            const value = one(frame);
            if (!(value instanceof Optional)) throw noOverload();
            if (value.hasValue) return name === 'or' ? value : value.value;
            return other(frame);
          };
        }
        break;
      default:
    }
    return this.#plainCall(expr, all, scope);
  }

  #plainCall({ name, overloads: ids = [], target }: Call, all: readonly Expr[], scope: Scope): Step {
    const steps = all.map((one) => this.step(one, scope));
    const isMember = target !== undefined;
    const declared = (this.#functions.find(name) ?? []).filter((one) => one.isMember === isMember);
    const overloads = ids.length === 0 ? declared : declared.filter((one) => ids.includes(one.id));
    const costOf = callCost(name, ids.length === 1 ? ids[0]! : '');
    const run = (values: readonly unknown[]): unknown => dispatch(name, overloads, values);
    if (conversions.has(name) && all.length === 1 && isConstant(all[0]!)) {
      // What it is made of is known: it costs nothing, and fails when it is evaluated.
      let known: { readonly value: unknown } | undefined;
      return () => (known ??= { value: run([constantValue(steps[0]!)]) }).value;
    }
    const paid = (frame: Frame, values: readonly unknown[], result: unknown): unknown => {
      spend(frame, costOf === undefined ? 1 : costOf(values, result));
      return result;
    };
    const [one, two] = steps;
    const [only] = overloads;
    // The usual: types leave no choice.
    if (overloads.length === 1 && one !== undefined && two !== undefined && steps.length === 2) {
      const [first, second] = only!.parameters as readonly [CelType, CelType];
      const { run: called } = only!;
      return (frame) => {
        const left = one(frame);
        const right = two(frame);
        if (!fits(left, first) || !fits(right, second)) return run([left, right]);
        const result = called(left, right);
        if (costOf !== undefined) return paid(frame, [left, right], result);
        spend(frame, 1);
        return result;
      };
    }
    return (frame) => {
      const values = steps.map((step) => step(frame));
      return paid(frame, values, run(values));
    };
  }

  #logical(ends: boolean, terms: readonly Expr[], scope: Scope): Step {
    const steps = terms.map((one) => this.step(one, scope));
    return (frame) => {
      let failed: CelError | undefined;
      for (const step of steps) {
        try {
          const value = step(frame);
          if (value === ends) return ends;
          if (typeof value !== 'boolean') failed ??= noOverload();
        } catch (error) {
          if (!(error instanceof CelError)) throw error;
          failed ??= error;
        }
      }
      if (failed !== undefined) throw failed;
      return !ends;
    };
  }

  #inConstant(value: Expr, list: Expr, scope: Scope): Step {
    const step = this.step(value, scope);
    const items = constantValue(this.step(list, scope)) as CelList;
    return (frame) => {
      const wanted = step(frame);
      for (const one of items) if (equals(wanted, one)) return true;
      return false;
    };
  }

  /** A loop collects into its own list: nothing else sees it before the end. */
  #grow(accumulated: Expr, list: Extract<Expr, { kind: 'list' }>, scope: Scope): Step {
    const [into, from] = [this.step(accumulated, scope), this.step(list, scope)];
    return (frame) => {
      const items = into(frame) as ArrayList;
      const more = from(frame) as ArrayList;
      for (const one of more.items) items.items.push(one);
      spend(frame, 1);
      return items;
    };
  }

  #comprehension(expr: Comprehension, scope: Scope): Step {
    const range = this.step(expr.range, scope);
    const initial = this.step(expr.initial, scope);
    const accumulator = this.slots++;
    const [first, second] = [this.slots++, this.slots++];
    const outer: Scope = { names: new Map([...scope.names, [expr.accumulator, accumulator]]) };
    const names = new Map([...outer.names, [expr.variable, first]]);
    if (expr.variable2 !== undefined) names.set(expr.variable2, second);
    const inner: Scope = { names };
    const condition = this.step(expr.condition, inner);
    const step = this.step(expr.step, inner);
    const result = this.step(expr.result, outer);
    const isTwo = expr.variable2 !== undefined;
    /** False: the loop ends. */
    const turn = (frame: Frame, one: unknown, two: unknown): boolean => {
      frame.slots[first] = one;
      frame.slots[second] = two;
      if (condition(frame) !== true) return false;
      try {
        frame.slots[accumulator] = step(frame);
      } catch (error) {
        if (!(error instanceof CelError)) throw error;
        frame.slots[accumulator] = error;
      }
      return true;
    };
    return (frame) => {
      const over = range(frame);
      frame.slots[accumulator] = initial(frame);
      if (over instanceof CelList) {
        for (let index = 0; index < over.size; index++) {
          const item = over.at(index);
          if (!(isTwo ? turn(frame, BigInt(index), item) : turn(frame, item, undefined))) break;
        }
      } else if (over instanceof CelMap || over instanceof CelObject) {
        for (const key of over.keys() as Iterable<string>)
          if (!turn(frame, key, isTwo ? over.get(key) : undefined)) break;
      } else throw new CelError(`got '${goNames[typeOf(over).kind] ?? typeOf(over).name}', expected iterable type`);
      return result(frame);
    };
  }
}
