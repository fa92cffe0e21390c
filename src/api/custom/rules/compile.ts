// Rules compiled against the types of their part of the schema, with what they cost at most. Once a schema.
import { environment, type Environment, type Program } from '../../cel/cel.ts';
import { countMax, schemaTypeOf, sizesOf, type SchemaType, escapedName } from '../../cel/schema-type.ts';
import { boolType, isSameType, optionalType, stringType } from '../../cel/types.ts';
import type { ValidationRule } from '../../generated/types.ts';
import { additionalSchemaOf, isEmbedded, itemsOf, type Schema } from '../schema.ts';
import { normalizedFieldPath } from './field-path.ts';
import { hasRules } from './has-rules.ts';

export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly error?: string | undefined;
  readonly program?: Program | undefined;
  readonly usesOldSelf: boolean;
  /** Of one evaluation. */
  readonly costMax: number;
  readonly messageError?: string | undefined;
  readonly message?: Program | undefined;
  readonly messageCostMax: number;
  /** `.a.b[c]`, '' for none. */
  readonly fieldPath: string;
}

export interface RuleNode {
  readonly schema: Schema;
  /** Undefined: expressions cannot see this part. */
  readonly type: SchemaType | undefined;
  readonly rules: readonly CompiledRule[];
  /** How many values of this part a request can hold, where no schema above limits them. */
  readonly countMax: number;
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly additional: RuleNode | undefined;
  readonly items: RuleNode | undefined;
}

const compiled = new WeakMap<Schema, RuleNode>();

/** Undefined: there are none. */
export function compileSchema(schema: Schema): RuleNode | undefined {
  if (!hasRules(schema)) return undefined;
  let node = compiled.get(schema);
  if (node === undefined) {
    node = compileNode(schema, true, undefined);
    compiled.set(schema, node);
  }
  return node;
}

function compileNode(schema: Schema, isResource: boolean, known: SchemaType | undefined): RuleNode {
  const rules = schema['x-kubernetes-validations'] ?? [];
  const type = known ?? (rules.length > 0 ? schemaTypeOf(schema, isResource) : undefined);
  const inner = (part: Schema | undefined, partType: SchemaType | undefined): RuleNode | undefined =>
    part === undefined || !hasRules(part) ? undefined : compileNode(part, isEmbedded(part), partType);
  const properties = new Map<string, RuleNode>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const node = inner(property, type?.fields?.get(escapedName(name) ?? '')?.type);
    if (node !== undefined) properties.set(name, node);
  }
  return {
    schema,
    type,
    rules: type === undefined ? [] : compileRules(schema, rules, type),
    countMax: type === undefined ? 0 : countMax(type),
    properties,
    items: inner(itemsOf(schema), type?.element),
    additional: inner(additionalSchemaOf(schema), type?.element),
  };
}

function compileRules(schema: Schema, rules: readonly ValidationRule[], type: SchemaType): CompiledRule[] {
  if (rules.length === 0) return [];
  const plain = environment({ variables: { self: type.cel, oldSelf: type.cel } });
  const optional = environment({ variables: { self: type.cel, oldSelf: optionalType(type.cel) } });
  const hint = sizesOf(type);
  return rules.map((rule) => compileRule(schema, rule, rule.optionalOldSelf === true ? optional : plain, hint));
}

function compileRule(
  schema: Schema,
  rule: ValidationRule,
  env: Environment,
  hint: ReturnType<typeof sizesOf>,
): CompiledRule {
  const nothing = { rule, usesOldSelf: false, costMax: 0, messageCostMax: 0, fieldPath: '' };
  if (rule.rule.trim() === '') return nothing;
  const { program, errors } = env.compile(rule.rule);
  if (program === undefined) return { ...nothing, error: errors };
  if (!isSameType(program.resultType, boolType)) return { ...nothing, error: 'cel expression must evaluate to a bool' };
  const checked = {
    ...nothing,
    program,
    usesOldSelf: program.variables.has('oldSelf'),
    costMax: program.estimateCost(hint).max,
  };
  const source = rule.messageExpression ?? '';
  const fieldPath = rule.fieldPath === undefined ? '' : (normalizedFieldPath(schema, rule.fieldPath) ?? '');
  if (source === '') return { ...checked, fieldPath };
  const message = env.compile(source);
  if (message.program === undefined) return { ...checked, messageError: `messageExpression ${message.errors}` };
  if (!isSameType(message.program.resultType, stringType))
    return { ...checked, messageError: 'messageExpression must evaluate to a string' };
  return {
    ...checked,
    fieldPath,
    message: message.program,
    messageCostMax: message.program.estimateCost(hint).max,
  };
}
