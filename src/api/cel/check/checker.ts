// Types of every part of an expression, the overloads that calls may mean, and what does not fit: with upstream's messages at
// upstream's places. Writes into the tree.
import {
  qualifiedNameOf,
  type Call,
  type Comprehension,
  type Expr,
  type List,
  type MapLiteral,
  type Select,
  type StructLiteral,
} from '../syntax/ast.ts';
import type { Problem } from '../syntax/problems.ts';
import {
  boolType,
  dynType,
  errorType,
  intType,
  isDyn,
  isDynOrError,
  isOptional,
  isSameType,
  listType,
  mapType,
  optionalType,
  parameterType,
  typeType,
  type CelType,
} from '../types.ts';
import { typeOf, TypeValue } from '../run/values.ts';
import type { FunctionTable, Overload } from './functions.ts';
import { assign, assignAll, mostGeneral, substitute, Substitutions } from './unify.ts';

export interface Names {
  variable(name: string): CelType | undefined;
  /** Types that expressions may name. */
  type(name: string): CelType | undefined;
  readonly functions: FunctionTable;
}

export function check(root: Expr, names: Names, problems: Problem[]): CelType {
  const checker = new Checker(names, problems);
  checker.check(root);
  checker.finish();
  return root.type!;
}

class Scope {
  readonly variables = new Map<string, CelType>();
  readonly parent: Scope | undefined;
  constructor(parent: Scope | undefined) {
    this.parent = parent;
  }
  find(name: string): CelType | undefined {
    return this.variables.get(name) ?? this.parent?.find(name);
  }
}

class Checker {
  readonly #names: Names;
  readonly #problems: Problem[];
  readonly #all: Expr[] = [];
  #scope: Scope | undefined;
  #known = new Substitutions();
  #variables = 0;

  constructor(names: Names, problems: Problem[]) {
    this.#names = names;
    this.#problems = problems;
  }

  finish(): void {
    for (const expr of this.#all) expr.type = substitute(this.#known, expr.type!, true);
  }

  #problem(at: number, message: string): void {
    this.#problems.push({ at, message });
  }
  #mismatch(expr: Expr, expected: CelType, found: CelType): void {
    this.#problem(expr.at, `expected type '${expected.text}' but found '${found.text}'`);
  }
  #undeclared(at: number, name: string): void {
    this.#problem(at, `undeclared reference to '${name}' (in container '')`);
  }
  #set(expr: Expr, type: CelType): void {
    if (expr.type === undefined) this.#all.push(expr);
    expr.type = type;
  }
  #assignable(one: CelType, other: CelType): boolean {
    const known = assign(this.#known, one, other);
    if (known === undefined) return false;
    this.#known = known;
    return true;
  }
  #newVariable(): CelType {
    return parameterType(`_var${this.#variables++}`);
  }

  check(expr: Expr): void {
    switch (expr.kind) {
      case 'literal':
        return this.#set(expr, typeOf(expr.value));
      case 'ident': {
        const name = expr.name.replace(/^\./, '');
        const type = this.#scope?.find(name) ?? this.#names.variable(name);
        if (type !== undefined) return this.#set(expr, type);
        const named = this.#names.type(name);
        if (named !== undefined) {
          expr.constant = { value: new TypeValue(named) };
          return this.#set(expr, typeType(named));
        }
        this.#undeclared(expr.at, expr.name);
        return this.#set(expr, errorType);
      }
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#struct(expr);
      case 'comprehension':
        return this.#comprehension(expr);
    }
  }

  #select(expr: Select): void {
    const name = qualifiedNameOf(expr);
    if (name !== undefined) {
      const type = this.#names.variable(name);
      if (type !== undefined) {
        expr.qualified = name;
        return this.#set(expr, type);
      }
      const named = this.#names.type(name);
      if (named !== undefined) {
        expr.constant = { value: new TypeValue(named) };
        return this.#set(expr, typeType(named));
      }
    }
    const type = this.#field(expr, expr.operand, expr.field, false);
    this.#set(expr, substitute(this.#known, expr.isTest ? boolType : type, false));
  }

  #field(expr: Expr, operand: Expr, field: string, makesOptional: boolean): CelType {
    this.check(operand);
    const given = substitute(this.#known, operand.type!, false);
    const target = isOptional(given) ? given.parameters[0]! : given;
    let result = errorType;
    switch (target.kind) {
      case 'map':
        result = target.parameters[1]!;
        break;
      case 'object': {
        const declared = target.field?.(field);
        if (declared === undefined) this.#problem(expr.at, `undefined field '${field}'`);
        else result = declared;
        break;
      }
      case 'parameter':
        this.#assignable(dynType, target);
        result = dynType;
        break;
      default:
        if (!isDynOrError(target)) this.#problem(expr.at, `type '${target.text}' does not support field selection`);
        result = dynType;
    }
    return makesOptional || isOptional(given) ? optionalType(result) : result;
  }

  #call(expr: Call): void {
    if (expr.name === '_?._') {
      const [operand, field] = expr.args as readonly [Expr, Expr];
      const name = field.kind === 'literal' ? (field.value as string) : '';
      this.#set(expr, substitute(this.#known, this.#field(expr, operand, name, true), false));
      expr.overloads = ['select_optional_field'];
      return;
    }
    for (const arg of expr.args) this.check(arg);
    const { target } = expr;
    if (target === undefined) {
      const name = expr.name.replace(/^\./, '');
      const overloads = this.#names.functions.find(name);
      if (overloads === undefined) {
        this.#undeclared(expr.at, expr.name);
        return this.#set(expr, errorType);
      }
      return this.#resolve(expr, overloads);
    }
    const prefix = qualifiedNameOf(target);
    const namespaced = prefix === undefined ? undefined : this.#names.functions.find(`${prefix}.${expr.name}`);
    if (namespaced !== undefined) {
      expr.name = `${prefix}.${expr.name}`;
      expr.target = undefined;
      return this.#resolve(expr, namespaced);
    }
    this.check(target);
    const overloads = this.#names.functions.find(expr.name);
    if (overloads !== undefined) return this.#resolve(expr, overloads);
    this.#set(expr, errorType);
    this.#undeclared(expr.at, expr.name);
  }

  #resolve(expr: Call, overloads: readonly Overload[]): void {
    const { name, target, args } = expr;
    if (name === '_&&_' || name === '_||_') {
      const wrong = args.filter((arg) => !this.#assignable(arg.type!, boolType));
      for (const arg of wrong) this.#mismatch(arg, boolType, arg.type!);
      expr.overloads = [name === '_&&_' ? 'logical_and' : 'logical_or'];
      return this.#set(expr, wrong.length > 0 ? errorType : boolType);
    }
    const given = [...(target === undefined ? [] : [target.type!]), ...args.map((arg) => arg.type!)];
    const fitting: string[] = [];
    let result: CelType | undefined;
    for (const overload of overloads) {
      if (overload.isMember !== (target !== undefined)) continue;
      let { parameters, result: returned } = overload;
      if (overload.typeParameters.length > 0) {
        const fresh = new Substitutions();
        for (const one of overload.typeParameters) fresh.add(parameterType(one), this.#newVariable());
        parameters = parameters.map((one) => substitute(fresh, one, false));
        returned = substitute(fresh, returned, false);
      }
      const known = assignAll(this.#known, given, parameters);
      if (known === undefined) continue;
      this.#known = known;
      fitting.push(overload.id);
      const type = substitute(known, returned, false);
      if (result === undefined) result = type;
      else if (!isDyn(result) && !isSameType(type, result)) result = dynType;
    }
    if (result === undefined) {
      const texts = given.map((type) => substitute(this.#known, type, true).text);
      const head = target === undefined ? '' : `${texts.shift()!}.`;
      this.#problem(expr.at, `found no matching overload for '${name}' applied to '${head}(${texts.join(', ')})'`);
      return this.#set(expr, errorType);
    }
    expr.overloads = fitting;
    this.#set(expr, result);
  }

  /** Elements of other types make it dyn here; check/literals.ts refuses them where they may not be. */
  #join(previous: CelType | undefined, current: CelType): CelType {
    if (previous === undefined) return current;
    if (this.#assignable(previous, current)) return mostGeneral(previous, current);
    return dynType;
  }

  #unwrapped(expr: Expr, isMarked: boolean): CelType {
    const type = expr.type!;
    if (!isMarked) return type;
    if (isOptional(type)) return type.parameters[0]!;
    if (!isDyn(type)) this.#mismatch(expr, optionalType(type), type);
    return type;
  }

  #list(expr: List): void {
    let type: CelType | undefined;
    expr.elements.forEach((element, index) => {
      this.check(element);
      type = this.#join(type, this.#unwrapped(element, expr.optional.has(index)));
    });
    this.#set(expr, listType(type ?? this.#newVariable()));
  }

  #map(expr: MapLiteral): void {
    let keyType: CelType | undefined;
    let valueType: CelType | undefined;
    for (const { key, value, isOptional: isMarked } of expr.entries) {
      this.check(key);
      keyType = this.#join(keyType, key.type!);
      this.check(value);
      valueType = this.#join(valueType, this.#unwrapped(value, isMarked));
    }
    this.#set(expr, mapType(keyType ?? this.#newVariable(), valueType ?? this.#newVariable()));
  }

  #struct(expr: StructLiteral): void {
    const type = this.#names.type(expr.typeName.replace(/^\./, ''));
    if (type === undefined) {
      this.#undeclared(expr.at, expr.typeName);
      this.#set(expr, errorType);
    } else if (type.kind !== 'object') {
      this.#problem(expr.at, `'${type.name}' is not a message type`);
      this.#set(expr, errorType);
    } else {
      expr.typeName = type.name;
      this.#set(expr, type);
    }
    for (const { at, name, value, isOptional: isMarked } of expr.fields) {
      this.check(value);
      const declared = expr.type!.kind === 'object' ? type?.field?.(name) : errorType;
      if (declared === undefined) this.#problem(at, `undefined field '${name}'`);
      const given = this.#unwrapped(value, isMarked);
      if (declared !== undefined && !this.#assignable(declared, given))
        this.#problem(
          at,
          `expected type of field '${name}' is '${declared.text}' but provided type is '${given.text}'`,
        );
    }
  }

  #comprehension(expr: Comprehension): void {
    this.check(expr.range);
    this.check(expr.initial);
    const range = substitute(this.#known, expr.range.type!, false);
    const accumulated = expr.initial.type!;
    const outer = this.#scope;
    const own = new Scope(outer);
    own.variables.set(expr.accumulator, accumulated);
    const inner = new Scope(own);
    let [one, two]: [CelType, CelType] = [errorType, errorType];
    switch (range.kind) {
      case 'list':
        [one, two] = expr.variable2 === undefined ? [range.parameters[0]!, errorType] : [intType, range.parameters[0]!];
        break;
      case 'map':
        [one, two] = [range.parameters[0]!, range.parameters[1]!];
        break;
      case 'dyn':
      case 'any':
      case 'error':
      case 'parameter':
        this.#assignable(dynType, range);
        [one, two] = [dynType, dynType];
        break;
      default:
        this.#problem(
          expr.range.at,
          `expression of type '${range.text}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
    }
    inner.variables.set(expr.variable, one);
    if (expr.variable2 !== undefined) inner.variables.set(expr.variable2, two);
    this.#scope = inner;
    this.check(expr.condition);
    this.#assert(expr.condition, boolType);
    this.check(expr.step);
    this.#assert(expr.step, accumulated);
    this.#scope = own;
    this.check(expr.result);
    this.#scope = outer;
    this.#set(expr, substitute(this.#known, expr.result.type!, false));
  }

  #assert(expr: Expr, type: CelType): void {
    if (!this.#assignable(type, expr.type!)) this.#mismatch(expr, type, expr.type!);
  }
}
