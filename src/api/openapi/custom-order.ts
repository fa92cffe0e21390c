// The order in which upstream's server writes the members of a schema: that of its structures, extensions behind them in alphabetical
// order, and so are properties. Schemas of built-in types are made in this order.

type Schema = Readonly<Record<string, unknown>>;

const order: readonly string[] =
  `description $ref type nullable format title default maximum exclusiveMaximum minimum exclusiveMinimum maxLength
  minLength pattern maxItems minItems uniqueItems multipleOf enum maxProperties minProperties required items allOf oneOf anyOf not properties additionalProperties externalDocs example`.split(
    /\s+/,
  );
const ranks: ReadonlyMap<string, number> = new Map(order.map((name, index) => [name, index]));
const rankOf = (name: string): number => ranks.get(name) ?? order.length;

const ruleOrder: readonly string[] = ['rule', 'message', 'messageExpression', 'reason', 'fieldPath', 'optionalOldSelf'];

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const sorted = (object: Schema, change: (value: unknown) => unknown): Schema =>
  Object.fromEntries(
    Object.entries(object)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [name, change(value)]),
  );
/** Values that are no schemas: in alphabetical order, as everything of no structure is. */
const plain = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(plain) : isObject(value) ? sorted(value, plain) : value;
const rule = (value: unknown): unknown =>
  isObject(value)
    ? Object.fromEntries(ruleOrder.flatMap((name) => (name in value ? [[name, value[name]]] : [])))
    : value;

function member(dialect: 'v2' | 'v3', name: string, value: unknown): unknown {
  const schemaOr = (one: unknown): unknown => (isObject(one) ? inOrder(dialect, one) : one);
  if (name === 'properties' && isObject(value)) return sorted(value, schemaOr);
  if (name === 'items' || name === 'not' || name === 'additionalProperties') return schemaOr(value);
  if (['allOf', 'oneOf', 'anyOf'].includes(name) && Array.isArray(value)) return value.map(schemaOr);
  // In version 2 they have been through a form without structures.
  if (name === 'x-kubernetes-validations' && dialect === 'v3' && Array.isArray(value)) return value.map(rule);
  return name === 'externalDocs' ? value : plain(value);
}

export const inOrder = (dialect: 'v2' | 'v3', schema: Schema): Schema =>
  Object.fromEntries(
    Object.entries(schema)
      .toSorted(([a], [b]) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1))
      .map(([name, value]) => [name, member(dialect, name, value)]),
  );
