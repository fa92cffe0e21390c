// JSON schemas of types, in the dialects of OpenAPI 2 and 3, with the x-kubernetes extensions that clients read.
import type { KindRow } from '../kind.ts';
import { hasType, namedScalar, typeFacts, type FieldRules, type Scalar } from '../schema/type-table.ts';
import { descriptionOf } from './descriptions.ts';

export type Schema = Readonly<Record<string, unknown>>;
export type Dialect = 'v2' | 'v3';

const referencePrefix: Readonly<Record<Dialect, string>> = { v2: '#/definitions/', v3: '#/components/schemas/' };

export const reference = (dialect: Dialect, typeName: string): Schema => ({
  $ref: `${referencePrefix[dialect]}${typeName}`,
});

/** The schemas of the named types and of every type that they lead to. */
export function schemasOf(
  dialect: Dialect,
  roots: Iterable<string>,
  custom: ReadonlyMap<string, Schema> = new Map(),
): Record<string, Schema> {
  const result = new Map<string, Schema>();
  const queue = [...roots];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (result.has(name)) continue;
    const own = custom.get(name);
    if (own !== undefined) {
      result.set(name, own);
      queue.push(metaType, listMetaType);
      continue;
    }
    if (!hasType(name)) continue;
    result.set(
      name,
      schemaOfType(dialect, name, (found) => queue.push(found)),
    );
  }
  return Object.fromEntries([...result].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const metaType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const listMetaType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';

/** The types of custom resources and their lists, which no table has. */
export function customSchemas(dialect: Dialect, rows: readonly KindRow[]): ReadonlyMap<string, Schema> {
  const result = new Map<string, Schema>();
  for (const { custom, typeName, group, version, kind } of rows) {
    if (custom === undefined) continue;
    const gvk = (name: string) => ({ 'x-kubernetes-group-version-kind': [{ group, kind: name, version }] });
    result.set(typeName, custom.openApi(dialect, reference(dialect, metaType)));
    result.set(`${typeName}List`, {
      description: `${custom.listKind} is a list of ${kind}`,
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: { description: 'The version of the list.', type: 'string' },
        items: { description: `List of ${kind}.`, type: 'array', items: reference(dialect, typeName) },
        kind: { description: 'The kind of the list.', type: 'string' },
        metadata:
          dialect === 'v2'
            ? reference(dialect, listMetaType)
            : { description: 'Standard list metadata.', allOf: [reference(dialect, listMetaType)] },
      },
      ...gvk(custom.listKind),
    });
  }
  return result;
}

const described = (text: string): Schema => (text === '' ? {} : { description: text });

const timeDescription = 'A point in time as RFC 3339 text in UTC.';
const scalarSchemas: Readonly<Partial<Record<Scalar, Readonly<Record<Dialect, Schema>>>>> = {
  quantity: {
    v2: { description: 'A fixed-point number with a decimal or binary suffix, such as 500m or 128Mi.', type: 'string' },
    v3: {
      description: 'A fixed-point number with a decimal or binary suffix, such as 500m or 128Mi.',
      oneOf: [{ type: 'string' }, { type: 'number' }],
    },
  },
  intOrString: {
    v2: { description: 'A 32-bit integer or a text.', type: 'string', format: 'int-or-string' },
    v3: {
      description: 'A 32-bit integer or a text.',
      format: 'int-or-string',
      oneOf: [{ type: 'integer' }, { type: 'string' }],
    },
  },
  time: {
    v2: { description: timeDescription, type: 'string', format: 'date-time' },
    v3: { description: timeDescription, type: 'string', format: 'date-time' },
  },
  microTime: {
    v2: { description: timeDescription, type: 'string', format: 'date-time' },
    v3: { description: timeDescription, type: 'string', format: 'date-time' },
  },
  duration: { v2: { type: 'string' }, v3: { type: 'string' } },
  fieldsV1: {
    v2: { description: 'A set of fields, as nested objects keyed by path element.', type: 'object' },
    v3: { description: 'A set of fields, as nested objects keyed by path element.', type: 'object' },
  },
  rawExtension: { v2: { type: 'object' }, v3: { type: 'object' } },
};

function schemaOfType(dialect: Dialect, typeName: string, visit: (typeName: string) => void): Schema {
  const scalar = namedScalar(typeName);
  if (scalar !== undefined) return scalarSchemas[scalar]?.[dialect] ?? {};
  const struct = typeFacts(typeName);
  const description = descriptionOf(typeName);
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const field of struct.fields) {
    const text = described(description.fields[field.name] ?? '');
    const schema = schemaOfField(dialect, field.rules, visit);
    // A reference that has company stands in `allOf` in version 3, where nothing may stand beside it.
    const { $ref, ...company } = { ...text, ...schema };
    properties[field.name] =
      dialect === 'v3' && $ref !== undefined && Object.keys(company).length > 0
        ? { ...company, allOf: [{ $ref }] }
        : { ...text, ...schema };
    if (field.rules.required === true) required.push(field.name);
  }
  return {
    ...described(description.type),
    ...(required.length === 0 ? {} : { required }),
    type: 'object',
    ...(struct.fields.length === 0 ? {} : { properties }),
    ...(struct.mapType === undefined ? {} : { 'x-kubernetes-map-type': struct.mapType }),
    ...(struct.unions === undefined ? {} : { 'x-kubernetes-unions': unionsOf(struct.unions) }),
    ...(struct.groupVersionKinds.length === 0
      ? {}
      : {
          'x-kubernetes-group-version-kind': struct.groupVersionKinds.map(([group, version, kind]) => ({
            group,
            kind,
            version,
          })),
        }),
  };
}

interface UnionFacts {
  readonly discriminator?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

const unionsOf = (unions: unknown): Schema[] =>
  (unions as readonly UnionFacts[]).map((union) => ({
    ...(union.discriminator === undefined ? {} : { discriminator: union.discriminator }),
    'fields-to-discriminateBy': union.fields ?? {},
  }));

function schemaOfField(dialect: Dialect, rules: FieldRules, visit: (typeName: string) => void): Schema {
  const defaulted = dialect === 'v3' && rules.default !== undefined ? { default: rules.default } : {};
  const extensions = extensionsOf(rules);
  if (rules.ref !== undefined) {
    visit(rules.ref);
    const target = reference(dialect, rules.ref);
    return { ...target, ...defaulted, ...extensions };
  }
  const shape = valueSchema(dialect, rules, visit);
  return {
    ...shape,
    ...(rules.enum === undefined ? {} : { enum: rules.enum }),
    ...limitsOf(rules),
    ...defaulted,
    ...extensions,
  };
}

function valueSchema(dialect: Dialect, rules: FieldRules, visit: (typeName: string) => void): Schema {
  const inner = (one: FieldRules): Schema => {
    const itemEnum = rules.itemEnum === undefined ? {} : { enum: rules.itemEnum };
    const itemDefault = dialect === 'v3' && rules.itemDefault !== undefined ? { default: rules.itemDefault } : {};
    if (one.ref === undefined) return { ...valueSchema(dialect, one, visit), ...itemEnum, ...itemDefault };
    visit(one.ref);
    const target = reference(dialect, one.ref);
    return 'default' in itemDefault ? { allOf: [target], ...itemDefault } : target;
  };
  if (rules.array !== undefined) return { type: 'array', items: inner(rules.array) };
  if (rules.map !== undefined) return { type: 'object', additionalProperties: inner(rules.map) };
  if (rules.type === undefined) return {};
  return { type: rules.type, ...(rules.format === undefined ? {} : { format: rules.format }) };
}

const limitNames = ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'pattern'] as const;

const limitsOf = (rules: FieldRules): Schema =>
  Object.fromEntries(limitNames.flatMap((name) => (rules[name] === undefined ? [] : [[name, rules[name]]])));

const extensionsOf = (rules: FieldRules): Schema => ({
  ...(rules.listMapKeys === undefined ? {} : { 'x-kubernetes-list-map-keys': rules.listMapKeys }),
  ...(rules.listType === undefined ? {} : { 'x-kubernetes-list-type': rules.listType }),
  ...(rules.mapType === undefined ? {} : { 'x-kubernetes-map-type': rules.mapType }),
  ...(rules.patchMergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': rules.patchMergeKey }),
  ...(rules.patchStrategy === undefined ? {} : { 'x-kubernetes-patch-strategy': rules.patchStrategy }),
});
