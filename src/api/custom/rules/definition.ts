// What a definition may not say in its rules: what does not compile, what could cost too much, and old values where none is
// known to be the same. Texts and limits of upstream's apis/apiextensions/validation.
import { forbidden, invalid, type FieldError } from '../../field-error.ts';
import type { ValidationRule } from '../../generated/types.ts';
import { listTypeOf, type Schema } from '../schema.ts';
import { compileSchema, type CompiledRule, type RuleNode } from './compile.ts';

const ruleCostMax = 10_000_000;
const schemaCostMax = 100_000_000;
const most = 2 ** 64;
const expensiveMax = 4;

export interface DefinitionRules {
  /** The schema did not change: rules that were allowed before stay, whatever one costs. */
  readonly isUnchanged: boolean;
  /** Whether something else is wrong in the part of the schema: its rules are not looked at then. */
  isWrong(path: string): boolean;
}

export function definitionRuleErrors(schema: Schema, path: string, rules: DefinitionRules): FieldError[] {
  const root = compileSchema(schema);
  if (root === undefined) return [];
  const check = new Check(rules);
  check.visit(root, path, 1, undefined);
  return [...check.errors, ...check.totalErrors(path)];
}

class Check {
  readonly errors: FieldError[] = [];
  readonly #rules: DefinitionRules;
  #total = 0;
  #expensive: { readonly path: string; readonly cost: number }[] = [];

  constructor(rules: DefinitionRules) {
    this.#rules = rules;
  }

  /** `count`: how many values the schemas above allow; undefined: no limit. */
  visit(node: RuleNode, path: string, count: number | undefined, uncorrelated: string | undefined): void {
    const { schema } = node;
    const inner = count === undefined ? undefined : times(count, factorOf(schema));
    if (node.additional !== undefined) this.visit(node.additional, `${path}.additionalProperties`, inner, uncorrelated);
    for (const [name, property] of node.properties)
      this.visit(property, `${path}.properties[${name}]`, inner, uncorrelated);
    if (node.items !== undefined)
      this.visit(
        node.items,
        `${path}.items`,
        inner,
        listTypeOf(schema) === 'map' ? uncorrelated : (uncorrelated ?? path),
      );
    if (node.rules.length === 0 || this.#rules.isWrong(path)) return;
    for (const [index, rule] of node.rules.entries())
      this.#rule(rule, `${path}.x-kubernetes-validations[${index}]`, count ?? node.countMax, uncorrelated);
  }

  #rule(compiled: CompiledRule, at: string, count: number, uncorrelated: string | undefined): void {
    const { rule } = compiled;
    const cost = times(compiled.costMax, count) ?? 0;
    if (!this.#rules.isUnchanged && cost > ruleCostMax)
      this.errors.push(forbidden(`${at}.rule`, costText('estimated rule cost', cost, ruleCostMax)));
    this.#observe(`${at}.rule`, cost);
    if (compiled.error !== undefined) this.errors.push(invalidRule(`${at}.rule`, rule, compiled.error));
    if (compiled.messageError !== undefined)
      this.errors.push(invalidRule(`${at}.messageExpression`, rule, compiled.messageError));
    else if (compiled.message !== undefined) {
      if (!this.#rules.isUnchanged && compiled.messageCostMax > ruleCostMax)
        this.errors.push(
          forbidden(
            `${at}.messageExpression`,
            costText('estimated messageExpression cost', compiled.messageCostMax, ruleCostMax),
          ),
        );
      this.#observe(`${at}.messageExpression`, compiled.messageCostMax);
    }
    if (compiled.usesOldSelf) {
      if (uncorrelated !== undefined)
        this.errors.push(
          invalid(
            `${at}.rule`,
            rule.rule,
            `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`,
          ),
        );
    } else if (rule.optionalOldSelf !== undefined)
      this.errors.push(
        invalid(`${at}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'),
      );
  }

  #observe(path: string, cost: number): void {
    this.#total = Math.min(most, this.#total + cost);
    if (cost < schemaCostMax / 100) return;
    this.#expensive = [...this.#expensive, { path, cost }].toSorted((a, b) => b.cost - a.cost).slice(0, expensiveMax);
  }

  totalErrors(path: string): FieldError[] {
    if (this.#total <= schemaCostMax) return [];
    return [
      ...this.#expensive.map((one) =>
        forbidden(
          one.path,
          'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
        ),
      ),
      forbidden(
        path,
        costText(
          'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema',
          this.#total,
          schemaCostMax,
        ),
      ),
    ];
  }
}

const times = (one: number, other: number | undefined): number | undefined =>
  other === undefined ? undefined : Math.min(most, one * other);

/** How many values a part has for one of the whole; undefined: any number. */
function factorOf(schema: Schema): number | undefined {
  const notNegative = (value: number | undefined): number | undefined =>
    value === undefined ? undefined : Math.max(0, value);
  switch (schema.type) {
    case 'object':
      return schema.additionalProperties === undefined ? 1 : notNegative(schema.maxProperties);
    case 'array':
      return notNegative(schema.maxItems);
    default:
      return 1;
  }
}

function costText(name: string, cost: number, max: number): string {
  const factor = cost / max;
  const text = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${name} exceeds budget by factor of ${text} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

/** Upstream prints the rule as its own type, for pages. */
function invalidRule(field: string, rule: ValidationRule, detail: string): FieldError {
  const printed = JSON.stringify({
    Rule: rule.rule,
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  }).replace(/[<>&\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${printed}: ${detail}` };
}
