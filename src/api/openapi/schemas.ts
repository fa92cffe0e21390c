// JSON schemas of types, in the dialects of OpenAPI 2 and 3, with the x-kubernetes extensions that clients read.
import type { KindRow } from '../kind.ts';
import { hasType, namedScalar, typeFacts, type FieldRules, type Scalar } from '../schema/type-table.ts';
import { apiVersionText, conventions, kindText } from '../custom/open-api.ts';
import { inOrder } from './custom-order.ts';
import { descriptionOf } from './descriptions.ts';

export type Schema = Readonly<Record<string, unknown>>;
export type Dialect = 'v2' | 'v3';
type GroupVersion = Readonly<Record<'group' | 'version', string>>;
type GroupVersionKinds = readonly (readonly [group: string, version: string, kind: string])[];

/** As the documents of upstream's release say. */
export const release = '1.36';

const referencePrefix: Readonly<Record<Dialect, string>> = { v2: '#/definitions/', v3: '#/components/schemas/' };

export const reference = (dialect: Dialect, typeName: string): Schema => ({
  $ref: `${referencePrefix[dialect]}${typeName}`,
});

/** Names of the types and of every type that they lead to, in alphabetical order. */
function closureOf(roots: Iterable<string>, custom: ReadonlyMap<string, Schema>): string[] {
  const found = new Set<string>();
  const queue = [...roots];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue;
    if (custom.has(name)) queue.push(metaType, listMetaType);
    else if (!hasType(name)) continue;
    else if (namedScalar(name) === undefined)
      for (const { rules } of typeFacts(name).fields) {
        let inner = rules;
        while (inner.array !== undefined || inner.map !== undefined) inner = (inner.array ?? inner.map)!;
        if (inner.ref !== undefined) queue.push(inner.ref);
      }
    found.add(name);
  }
  return [...found].toSorted();
}

/** The schemas of the named types and of every type that they lead to. `own`: the group version whose document it is. */
export function* schemasOf(
  dialect: Dialect,
  roots: Iterable<string>,
  custom: ReadonlyMap<string, Schema> = new Map(),
  own?: GroupVersion,
): Generator<readonly [name: string, schema: Schema]> {
  for (const name of closureOf(roots, custom))
    yield [name, custom.get(name) ?? schemaOfType(dialect, name, own, custom.size > 0)];
}

const metaType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const listMetaType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';

/** The types of custom resources and their lists, which no table has. */
export function customSchemas(dialect: Dialect, rows: readonly KindRow[]): ReadonlyMap<string, Schema> {
  const result = new Map<string, Schema>();
  for (const { custom, typeName, group, version, kind, resource } of rows) {
    if (custom === undefined) continue;
    const own = custom.openApi(dialect, reference(dialect, metaType));
    result.set(typeName, inOrder(dialect, own));
    const selectable = own[selectableFields];
    result.set(`${typeName}List`, {
      description: `${custom.listKind} is a list of ${kind}`,
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: { description: apiVersionText, type: 'string' },
        items: {
          description: `List of ${resource}. More info: ${conventions}`,
          type: 'array',
          items: reference(dialect, typeName),
        },
        kind: { description: kindText, type: 'string' },
        metadata: {
          description: `Standard list metadata. More info: ${conventions}#types-kinds`,
          ...(dialect === 'v2' ? reference(dialect, listMetaType) : { allOf: [reference(dialect, listMetaType)] }),
        },
      },
      'x-kubernetes-group-version-kind': [{ group, kind: custom.listKind, version }],
      ...(selectable === undefined ? {} : { [selectableFields]: selectable }),
    });
  }
  return result;
}

const selectableFields = 'x-kubernetes-selectable-fields';

const described = (text: string): Schema => (text === '' ? {} : { description: text });

const scalarSchemas: Readonly<Partial<Record<Scalar, Readonly<Record<Dialect, Schema>>>>> = {
  quantity: { v2: { type: 'string' }, v3: { oneOf: [{ type: 'string' }, { type: 'number' }] } },
  intOrString: {
    v2: { type: 'string', format: 'int-or-string' },
    v3: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  },
  time: { v2: { type: 'string', format: 'date-time' }, v3: { type: 'string', format: 'date-time' } },
  microTime: { v2: { type: 'string', format: 'date-time' }, v3: { type: 'string', format: 'date-time' } },
  duration: { v2: { type: 'string' }, v3: { type: 'string' } },
  fieldsV1: { v2: { type: 'object' }, v3: { type: 'object' } },
  rawExtension: { v2: { type: 'object' }, v3: { type: 'object' } },
};

function schemaOfType(dialect: Dialect, typeName: string, own: GroupVersion | undefined, isOfCustom: boolean): Schema {
  const scalar = namedScalar(typeName);
  const description = descriptionOf(typeName);
  if (scalar !== undefined) return { ...described(description.type), ...scalarSchemas[scalar]?.[dialect] };
  const struct = typeFacts(typeName);
  const kinds = kindsIn(own, struct.groupVersionKinds, isOfCustom);
  const properties: Record<string, Schema> = {};
  for (const field of struct.fields.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const text = described(description.fields[field.name] ?? '');
    const schema = schemaOfField(dialect, field.rules);
    // A reference that has company stands in `allOf` in version 3, where nothing may stand beside it.
    const { $ref, default: value, description: _, ...extensions } = { ...text, ...schema };
    const company = { ...text, ...(value === undefined ? {} : { default: value }) };
    properties[field.name] =
      dialect === 'v3' && $ref !== undefined && Object.keys({ ...company, ...extensions }).length > 0
        ? { ...company, allOf: [{ $ref }], ...extensions }
        : { ...text, ...schema };
  }
  const required = struct.fields.filter(({ rules }) => rules.required === true).map(({ name }) => name);
  return {
    ...described(description.type),
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    ...(struct.fields.length === 0 ? {} : { properties }),
    ...(struct.mapType === undefined ? {} : { 'x-kubernetes-map-type': struct.mapType }),
    ...(struct.unions === undefined ? {} : { 'x-kubernetes-unions': unionsOf(struct.unions) }),
    ...(kinds.length === 0
      ? {}
      : { 'x-kubernetes-group-version-kind': kinds.map(([group, version, kind]) => ({ group, kind, version })) }),
  };
}

/** Options of deletion and events of watches are of every group version: a document of one has its own and that of all. */
function kindsIn(own: GroupVersion | undefined, kinds: GroupVersionKinds, isOfCustom: boolean): GroupVersionKinds {
  if (own === undefined || kinds.length < 2) return kinds;
  if (isOfCustom) return kinds.filter(([group]) => !unknownToCustom.has(group));
  return kinds.filter(([group, version]) =>
    group === '' ? version === 'v1' : group === own.group && version === own.version,
  );
}

/** Groups that upstream's server of custom resources does not know of. */
const unknownToCustom: ReadonlySet<string> = new Set([
  'admission.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'imagepolicy.k8s.io',
]);

interface UnionFacts {
  readonly discriminator?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

const unionsOf = (unions: unknown): Schema[] =>
  (unions as readonly UnionFacts[]).map((union) => ({
    ...(union.discriminator === undefined ? {} : { discriminator: union.discriminator }),
    'fields-to-discriminateBy': union.fields ?? {},
  }));

function schemaOfField(dialect: Dialect, rules: FieldRules): Schema {
  const defaulted = dialect === 'v3' && rules.default !== undefined ? { default: rules.default } : {};
  const extensions = extensionsOf(rules);
  if (rules.ref !== undefined) {
    const target = reference(dialect, rules.ref);
    return { ...target, ...defaulted, ...extensions };
  }
  const shape = valueSchema(dialect, rules);
  return {
    ...shape,
    ...defaulted,
    ...limitsOf(rules),
    ...(rules.enum === undefined ? {} : { enum: rules.enum }),
    ...extensions,
  };
}

function valueSchema(dialect: Dialect, rules: FieldRules): Schema {
  const inner = (one: FieldRules): Schema => {
    const itemEnum = rules.itemEnum === undefined ? {} : { enum: rules.itemEnum };
    const itemDefault = dialect === 'v3' && rules.itemDefault !== undefined ? { default: rules.itemDefault } : {};
    if (one.ref === undefined) return { ...valueSchema(dialect, one), ...itemEnum, ...itemDefault };
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
