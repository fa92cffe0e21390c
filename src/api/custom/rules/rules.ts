// The rules of a schema (x-kubernetes-validations): compiled with the version, evaluated on each write. Rules that look at the
// old value count only where there is one that is known to be the same. Texts of upstream's schema/cel/validation.go.
import { duplicate, forbidden, invalid, required, type FieldError } from '../../field-error.ts';
import { equalJson, isJsonObject } from '../../patch/json-values.ts';
import type { ValidationRule } from '../../generated/types.ts';
import { additionalSchemaOf, isEmbedded, itemsOf, propertyOf, someSchema, type Schema } from '../schema.ts';
import { itemBefore, memberBefore, type Before } from '../validate-value.ts';
import {
  Budget,
  BudgetError,
  compileExpression,
  expressionEnvironment,
  firstLine,
  type Expression,
} from './expressions.ts';
import { declareType, type RuleType } from './types.ts';

export { loadExpressions } from './expressions.ts';

export const hasRules = (schema: Schema): boolean =>
  someSchema(schema, (one) => (one['x-kubernetes-validations']?.length ?? 0) > 0);

interface CompiledRule {
  readonly rule: ValidationRule;
  readonly expression: Expression;
  readonly message: Expression | undefined;
}

interface RuleNode {
  readonly schema: Schema;
  readonly type: RuleType | undefined;
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly additional: RuleNode | undefined;
  readonly items: RuleNode | undefined;
}

export interface Problem {
  readonly path: string;
  readonly rule: ValidationRule;
  readonly detail: string;
  /** The definition is wrong; else it is not understood here. */
  readonly isWrong: boolean;
}

export interface Rules {
  /** Rules that cannot be evaluated. */
  readonly problems: readonly Problem[];
  /** `prefix` comes before the paths. */
  validate(object: unknown, before: Before | undefined, prefix?: string): FieldError[];
}

const compiled = new WeakMap<Schema, Rules>();

/** Once for a schema. Problems have paths from its root. */
export function compileRules(schema: Schema): Rules {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const problems: Problem[] = [];
  const root = compileNode(schema, '', true, problems);
  const rules: Rules = {
    problems,
    validate(object, before, prefix = '') {
      if (root === undefined) return [];
      const errors: FieldError[] = [];
      const budget = new Budget(JSON.stringify(object).length);
      evaluateNode(root, object, before, prefix, budget, errors);
      return errors;
    },
  };
  compiled.set(schema, rules);
  return rules;
}

function compileNode(schema: Schema, path: string, isRoot: boolean, problems: Problem[]): RuleNode | undefined {
  if (!hasRules(schema)) return undefined;
  const items = itemsOf(schema);
  const additional = additionalSchemaOf(schema);
  const own = compileOwn(schema, path, isRoot, problems);
  const properties = new Map<string, RuleNode>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const node = compileNode(property, `${path}.properties[${name}]`, false, problems);
    if (node !== undefined) properties.set(name, node);
  }
  return {
    schema,
    ...own,
    properties,
    items: items === undefined ? undefined : compileNode(items, `${path}.items`, false, problems),
    additional:
      additional === undefined ? undefined : compileNode(additional, `${path}.additionalProperties`, false, problems),
  };
}

function compileOwn(
  schema: Schema,
  path: string,
  isRoot: boolean,
  problems: Problem[],
): { type: RuleType | undefined; rules: CompiledRule[] } {
  const written = schema['x-kubernetes-validations'] ?? [];
  if (written.length === 0) return { type: undefined, rules: [] };
  const environment = expressionEnvironment();
  let count = 0;
  const type = declareType(environment, schema, () => `Object${count++}`, isRoot || isEmbedded(schema));
  environment.registerVariable('self', type.name);
  environment.registerVariable('oldSelf', type.name);
  const rules: CompiledRule[] = [];
  written.forEach((rule, index) => {
    const at = `${path}.x-kubernetes-validations[${index}]`;
    const problem = (part: string, detail: string, isWrong: boolean): void =>
      void problems.push({ path: `${at}.${part}`, rule, detail, isWrong });
    if (rule.optionalOldSelf === true) return problem('optionalOldSelf', 'is not supported', false);
    const expression = compileExpression(environment, rule.rule);
    if ('problem' in expression) return problem('rule', expression.problem, expression.isSyntax);
    if (expression.type !== 'bool' && expression.type !== 'dyn')
      return problem('rule', 'must evaluate to a bool', true);
    const source = rule.messageExpression ?? '';
    const message = source === '' ? undefined : compileExpression(environment, source);
    const isMessage = message !== undefined && !('problem' in message);
    if (message !== undefined && 'problem' in message) problem('messageExpression', message.problem, message.isSyntax);
    rules.push({ rule, expression, message: isMessage ? message : undefined });
  });
  return { type, rules };
}

function evaluateNode(
  node: RuleNode,
  value: unknown,
  before: Before | undefined,
  path: string,
  budget: Budget,
  errors: FieldError[],
): void {
  if (budget.isSpent || value === null || value === undefined) return;
  if (node.rules.length > 0) evaluateOwn(node, value, before, path, budget, errors);
  if (Array.isArray(value)) {
    if (node.items !== undefined)
      for (const [index, item] of value.entries())
        evaluateNode(node.items, item, itemBefore(node.schema, item, before), `${path}[${index}]`, budget, errors);
  } else if (isJsonObject(value))
    for (const key of Object.keys(value)) {
      const property = node.properties.get(key);
      const isDeclared = propertyOf(node.schema, key) !== undefined;
      const inner = property ?? (isDeclared ? undefined : node.additional);
      if (inner === undefined) continue;
      const at = isDeclared ? (path === '' ? key : `${path}.${key}`) : `${path}[${key}]`;
      evaluateNode(inner, value[key], memberBefore(key, before), at, budget, errors);
    }
}

const shown = (rule: ValidationRule): string => ((rule.message ?? '') === '' ? rule.rule : rule.message!).trim();

function evaluateOwn(
  node: RuleNode,
  value: unknown,
  before: Before | undefined,
  path: string,
  budget: Budget,
  errors: FieldError[],
): void {
  const { schema } = node;
  const at = path === '' ? '<nil>' : path;
  const isUnchanged = before !== undefined && equalJson(before.value, value);
  const oldSelf = before === undefined ? undefined : node.type!.convert(before.value);
  const variables = { self: node.type!.convert(value), ...(oldSelf === undefined ? {} : { oldSelf }) };
  for (const { rule, expression, message } of node.rules) {
    if (expression.usesOldSelf ? oldSelf === undefined : isUnchanged) continue;
    let result: unknown;
    try {
      result = expression.evaluate(variables, budget);
      if (budget.isSpent) throw new BudgetError();
    } catch (error) {
      if (error instanceof BudgetError || budget.isSpent) {
        errors.push(
          invalid(
            at,
            schema.type,
            'validation failed due to running out of cost budget, no further validation rules will be run',
          ),
        );
        return;
      }
      errors.push(invalid(at, schema.type, `${firstLine(error)} evaluating rule: ${shown(rule)}`));
      continue;
    }
    if (result !== true) errors.push(failed(rule, schema, value, path, messageOf(rule, message, variables, budget)));
  }
}

function messageOf(
  rule: ValidationRule,
  expression: Expression | undefined,
  variables: Readonly<Record<string, unknown>>,
  budget: Budget,
): string {
  if (expression !== undefined)
    try {
      const text = expression.evaluate(variables, budget);
      if (typeof text === 'string' && text.trim() !== '' && !text.includes('\n')) return text.trim();
    } catch {
      // The rule's own message then, as upstream.
    }
  return (rule.message ?? '') === '' ? `failed rule: ${shown(rule)}` : rule.message!.trim();
}

function failed(rule: ValidationRule, schema: Schema, value: unknown, path: string, detail: string): FieldError {
  const part = (rule.fieldPath ?? '').replaceAll(/\['([^']*)'\]/g, '.$1');
  const full = part === '' ? path : path === '' ? part.replace(/^\./, '') : `${path}${part}`;
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
