// The schema of a custom resource as clients read it (kubectl explain, validation of clients that know only OpenAPI): as the
// definition has it, with the fields of every object; for OpenAPI 2 without what that cannot say.
import { cloneJson, type MutableJson } from '../patch/json-values.ts';
import { additionalSchemaOf, isEmbedded, itemsOf, preservesUnknown, type Schema } from './schema.ts';

export interface ClientSchemaOptions {
  readonly dialect: 'v2' | 'v3';
  /** A reference to ObjectMeta in the document. */
  readonly metaReference: Readonly<Record<string, unknown>>;
  readonly target: { readonly group: string; readonly version: string; readonly kind: string };
  readonly keepsUnknown: boolean;
  /** Of fields that selectors may name. */
  readonly selectablePaths: readonly string[];
}

export const conventions = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
export const apiVersionText = `APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: ${conventions}#resources`;
export const kindText = `Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: ${conventions}#types-kinds`;
const metadataText = `Standard object's metadata. More info: ${conventions}#metadata`;
/** Of objects within objects. */
const innerApiVersionText = `apiVersion defines the versioned schema of this representation of an object. More info: ${conventions}#resources`;
const innerKindText = `kind is a string value representing the type of this object. In CamelCase. More info: ${conventions}#types-kinds`;

const metaProperties = ({ dialect, metaReference }: ClientSchemaOptions, isInner = false): MutableJson => ({
  apiVersion: { description: isInner ? innerApiVersionText : apiVersionText, type: 'string' },
  kind: { description: isInner ? innerKindText : kindText, type: 'string' },
  metadata:
    dialect === 'v2'
      ? { description: metadataText, ...metaReference }
      : { description: metadataText, allOf: [metaReference] },
});

export function schemaForClients(schema: Schema, options: ClientSchemaOptions): Readonly<Record<string, unknown>> {
  const { dialect, target } = options;
  const identity = {
    'x-kubernetes-group-version-kind': [{ group: target.group, kind: target.kind, version: target.version }],
    ...(options.selectablePaths.length === 0
      ? {}
      : {
          'x-kubernetes-selectable-fields': options.selectablePaths.map((path) => ({
            fieldPath: path.replace(/^\./, ''),
          })),
        }),
  };
  // What keeps everything says nothing in OpenAPI 2: kubectl would refuse whatever else it is told of.
  if (dialect === 'v2' && (options.keepsUnknown || preservesUnknown(schema))) return { type: 'object', ...identity };
  const root = dialect === 'v2' ? forV2(schema, options) : forV3(schema, options);
  const properties = { ...(root['properties'] as MutableJson | undefined), ...metaProperties(options) };
  return { ...root, type: 'object', properties, ...identity };
}

/** Rules stay on the server; the rest is OpenAPI 3. */
function forV3(schema: Schema, options: ClientSchemaOptions): MutableJson {
  const copy = cloneJson(schema) as MutableJson;
  return withEmbedded(copy, schema, options, forV3);
}

/** Everything inside an embedded object has its metadata; the parts below are converted by `inner`. */
function withEmbedded(
  copy: MutableJson,
  schema: Schema,
  options: ClientSchemaOptions,
  inner: (schema: Schema, options: ClientSchemaOptions) => MutableJson,
): MutableJson {
  const properties = Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, one]) => [name, inner(one, options)]),
  );
  const all = isEmbedded(schema) ? { ...properties, ...metaProperties(options, true) } : properties;
  if (isEmbedded(schema))
    copy['required'] = [...new Set([...((copy['required'] as string[] | undefined) ?? []), 'kind', 'apiVersion'])];
  if (Object.keys(all).length > 0) copy['properties'] = all;
  const items = itemsOf(schema);
  if (items !== undefined) copy['items'] = inner(items, options);
  const additional = additionalSchemaOf(schema);
  if (additional !== undefined) copy['additionalProperties'] = inner(additional, options);
  return copy;
}

/** What OpenAPI 2 has no words for; a part with one of these is left open. */
const notInV2 = ['oneOf', 'anyOf', 'allOf', 'not', 'nullable', 'default'] as const;

function forV2(schema: Schema, options: ClientSchemaOptions): MutableJson {
  const copy = cloneJson(schema) as MutableJson;
  for (const name of notInV2) delete copy[name];
  const isOpen = schema.nullable === true || preservesUnknown(schema);
  if (isOpen) {
    delete copy['properties'];
    delete copy['items'];
  }
  // kubectl reads none of these: a list of anything, an object that keeps everything, a value that may be null.
  const { type } = schema;
  if (
    schema.nullable === true ||
    (type === 'array' && copy['items'] === undefined) ||
    (type === 'object' && preservesUnknown(schema))
  )
    delete copy['type'];
  const required = (schema.required ?? []).filter((name) => schema.properties?.[name]?.nullable !== true);
  if (required.length === 0 || additionalSchemaOf(schema)?.nullable === true) delete copy['required'];
  else copy['required'] = required;
  return isOpen ? copy : withEmbedded(copy, schema, options, forV2);
}
