// Rules evaluated on a write, within a budget for the object and one for each rule. Rules that look at the old value count
// only where there is one that is known to be the same; errors about what did not change are not held against the writer
// (KEP-4008). Texts of upstream's schema/cel/validation.go.
import { loadCel, totalCostMax, type Bindings, type Outcome, type Program } from '../../cel/cel.ts';
import type { SchemaType } from '../../cel/schema-type.ts';
import { adapt } from '../../cel/run/adapt.ts';
import { Optional } from '../../cel/run/values.ts';
import { duplicate, forbidden, invalid, required, type FieldError } from '../../field-error.ts';
import type { ValidationRule } from '../../generated/types.ts';
import { equalJson, isJsonObject } from '../../patch/json-values.ts';
import { listKeysOf, listTypeOf, propertyOf, type Schema } from '../schema.ts';
import type { Before } from '../validate-value.ts';
import { compileSchema, type CompiledRule, type RuleNode } from './compile.ts';

export { loadCel };

export interface Rules {
  /** `prefix` comes before the paths. */
  validate(object: unknown, before: Before | undefined, prefix?: string): FieldError[];
}

const none: Rules = { validate: () => [] };

export function rulesOf(schema: Schema): Rules {
  const root = compileSchema(schema);
  if (root === undefined) return none;
  return {
    validate(object, before, prefix = '') {
      const run = new Run();
      const old = before?.value ?? undefined;
      run.visit(root, object, old, old !== undefined && equalJson(old, object), prefix);
      return run.errors;
    },
  };
}

const bytesMax = 5 * 1024;
const shownIn = ({ message = '', rule }: ValidationRule): string => (message === '' ? rule : message).trim();

/** No rule is run after it. */
class Ended extends Error {}

class Run {
  readonly errors: FieldError[] = [];
  #budget = totalCostMax;
  #hasEnded = false;

  visit(node: RuleNode, value: unknown, old: unknown, isUnchanged: boolean, path: string): void {
    if (this.#hasEnded || value === null || value === undefined) return;
    try {
      if (node.rules.length > 0) this.#rules(node, node.type!, value, old, isUnchanged, path);
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
      this.#hasEnded = true;
      return;
    }
    if (Array.isArray(value)) this.#items(node, value, old, isUnchanged, path);
    else if (isJsonObject(value)) this.#members(node, value, old, isUnchanged, path);
  }

  #items(node: RuleNode, value: readonly unknown[], old: unknown, isUnchanged: boolean, path: string): void {
    if (node.items === undefined) return;
    const oldItem = oldItems(node.schema, old);
    for (const [index, item] of value.entries()) {
      const before = oldItem(item);
      const isSame = isUnchanged || (before !== undefined && equalJson(before, item));
      this.visit(node.items, item, before, isSame, `${path}[${index}]`);
    }
  }

  #members(
    node: RuleNode,
    value: Readonly<Record<string, unknown>>,
    old: unknown,
    isUnchanged: boolean,
    path: string,
  ): void {
    const member = (inner: RuleNode, key: string, at: string): void => {
      const before = isJsonObject(old) && Object.hasOwn(old, key) ? (old[key] ?? undefined) : undefined;
      this.visit(inner, value[key], before, isUnchanged || (before !== undefined && equalJson(before, value[key])), at);
    };
    for (const key of Object.keys(value)) {
      const property = node.properties.get(key);
      if (property !== undefined) member(property, key, path === '' ? key : `${path}.${key}`);
      else if (node.additional !== undefined && propertyOf(node.schema, key) === undefined)
        member(node.additional, key, `${path}[${key}]`);
    }
  }

  #rules(
    { rules, schema }: RuleNode,
    type: SchemaType,
    value: unknown,
    old: unknown,
    isUnchanged: boolean,
    path: string,
  ): void {
    const at = path === '' ? '<nil>' : path;
    const self = adapt(value, type.cel);
    const oldSelf = old === undefined ? undefined : adapt(old, type.cel);
    const plain: Bindings = oldSelf === undefined ? { self } : { self, oldSelf };
    const optional: Bindings = { self, oldSelf: oldSelf === undefined ? Optional.none : Optional.of(oldSelf) };
    const wrong = (detail: string): void => void this.errors.push(invalid(at, schema.type, detail));
    for (const compiled of rules) {
      const { rule, program, error, usesOldSelf } = compiled;
      if (error !== undefined) wrong(`rule compile error: ${error}`);
      if (program === undefined) continue;
      const isOptional = rule.optionalOldSelf === true;
      if (usesOldSelf && old === undefined && !isOptional) continue;
      // Its error would be a warning.
      if (!usesOldSelf && isUnchanged) continue;
      const bindings = isOptional ? optional : plain;
      const outcome = this.#evaluate(program, bindings);
      if (outcome === undefined) {
        wrong('validation failed due to running out of cost budget, no further validation rules will be run');
        throw new Ended();
      }
      if (outcome.error !== undefined) {
        const { error: text } = outcome;
        if (outcome.isOverBudget) {
          wrong(
            `'${text}': no further validation rules will be run due to call cost exceeds limit for rule: ${shownIn(rule)}`,
          );
          throw new Ended();
        }
        wrong(
          text.startsWith('no such overload')
            ? `'${text}': call arguments did not match a supported operator, function or macro signature for rule: ${shownIn(rule)}`
            : `${text} evaluating rule: ${shownIn(rule)}`,
        );
      } else if (outcome.value !== true)
        this.errors.push(failed(compiled, schema, value, path, this.#message(compiled, bindings, schema, at)));
    }
  }

  /** Undefined: the budget is spent. */
  #evaluate(program: Program, bindings: Bindings): Outcome | undefined {
    const outcome = program.evaluate(bindings);
    if (outcome.cost > this.#budget) return undefined;
    this.#budget -= outcome.cost;
    return outcome;
  }

  #message({ rule, message }: CompiledRule, bindings: Bindings, schema: Schema, at: string): string {
    const own = (rule.message ?? '') === '' ? `failed rule: ${shownIn(rule)}` : rule.message!.trim();
    if (message === undefined) return own;
    const outcome = this.#evaluate(message, bindings);
    const ended = (text: string): never => {
      this.errors.push(invalid(at, schema.type, text));
      throw new Ended();
    };
    if (outcome === undefined)
      return ended(
        'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run',
      );
    if (outcome.error !== undefined)
      return outcome.isOverBudget
        ? ended(
            `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(rule.messageExpression)}`,
          )
        : own;
    const text = typeof outcome.value === 'string' ? outcome.value.trim() : '';
    return text === '' || text.includes('\n') || Buffer.byteLength(text) > bytesMax ? own : text;
  }
}

/** Items of lists that are maps are known by their keys; of other lists none is known to be the same. */
function oldItems(schema: Schema, old: unknown): (item: unknown) => unknown {
  const keys = listKeysOf(schema);
  if (!Array.isArray(old) || listTypeOf(schema) !== 'map' || keys.length === 0) return () => undefined;
  const keyOf = (item: unknown): string | undefined =>
    isJsonObject(item) ? JSON.stringify(keys.map((key) => item[key] ?? null)) : undefined;
  const byKey = new Map(old.map((item: unknown) => [keyOf(item), item]));
  return (item) => {
    const key = keyOf(item);
    return key === undefined ? undefined : byKey.get(key);
  };
}

function failed(
  { rule, fieldPath }: CompiledRule,
  schema: Schema,
  value: unknown,
  path: string,
  detail: string,
): FieldError {
  const full = path === '' ? fieldPath.replace(/^\./, '') : `${path}${fieldPath}`;
  const field = full === '' ? '<nil>' : full;
  const isComposite = schema.type === 'object' || schema.type === 'array';
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbidden(field, detail);
    case 'FieldValueRequired':
      return required(field, detail);
    case 'FieldValueDuplicate':
      return isComposite
        ? { reason: 'FieldValueDuplicate', field, message: 'Duplicate value' }
        : duplicate(field, value);
    default:
      return isComposite
        ? { reason: 'FieldValueInvalid', field, message: `Invalid value: ${detail}` }
        : invalid(field, value, detail);
  }
}
