// The schema of a custom resource as clients read it (kubectl explain, validation of clients that know only OpenAPI): as the
// definition has it, with the fields of every object; for OpenAPI 2 without what that cannot say.
import { cloneJson, type MutableJson } from '../patch/json-values.ts';
import { additionalSchemaOf, isEmbedded, isIntOrString, itemsOf, preservesUnknown, type Schema } from './schema.ts';

export interface ClientSchemaOptions {
  readonly dialect: 'v2' | 'v3';
  /** A reference to ObjectMeta in the document. */
  readonly metaReference: Readonly<Record<string, unknown>>;
  readonly target: { readonly group: string; readonly version: string; readonly kind: string };
  readonly keepsUnknown: boolean;
}

const apiVersionText =
  'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources';
const kindText =
  'Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds';
const metadataText =
  "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

const metaProperties = ({ dialect, metaReference }: ClientSchemaOptions): MutableJson => ({
  apiVersion: { description: apiVersionText, type: 'string' },
  kind: { description: kindText, type: 'string' },
  metadata:
    dialect === 'v2'
      ? { description: metadataText, ...metaReference }
      : { description: metadataText, allOf: [metaReference] },
});

export function schemaForClients(schema: Schema, options: ClientSchemaOptions): Readonly<Record<string, unknown>> {
  const { dialect, target } = options;
  const isOpen = options.keepsUnknown || preservesUnknown(schema);
  const root = dialect === 'v2' ? forV2(schema, options) : forV3(schema, options);
  // What keeps everything says nothing in OpenAPI 2: clients would drop or refuse what they do not know.
  const properties =
    dialect === 'v2' && isOpen
      ? {}
      : { ...(root['properties'] as MutableJson | undefined), ...metaProperties(options) };
  return {
    ...root,
    type: 'object',
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    'x-kubernetes-group-version-kind': [{ group: target.group, kind: target.kind, version: target.version }],
  };
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
  const all = isEmbedded(schema) ? { ...properties, ...metaProperties(options) } : properties;
  if (Object.keys(all).length > 0) copy['properties'] = all;
  const items = itemsOf(schema);
  if (items !== undefined) copy['items'] = inner(items, options);
  const additional = additionalSchemaOf(schema);
  if (additional !== undefined) copy['additionalProperties'] = inner(additional, options);
  return copy;
}

/** What OpenAPI 2 has no words for; a part with one of these is left open. */
const notInV2 = ['oneOf', 'anyOf', 'allOf', 'not', 'nullable', 'default', 'x-kubernetes-validations'] as const;

function forV2(schema: Schema, options: ClientSchemaOptions): MutableJson {
  const description = schema.description === undefined ? {} : { description: schema.description };
  if (isIntOrString(schema)) return { ...description, 'x-kubernetes-int-or-string': true };
  const copy = cloneJson(schema) as MutableJson;
  for (const name of notInV2) delete copy[name];
  if (schema.nullable === true) {
    delete copy['type'];
    delete copy['items'];
    delete copy['properties'];
    delete copy['additionalProperties'];
    return copy;
  }
  if (preservesUnknown(schema)) {
    delete copy['properties'];
    delete copy['items'];
    delete copy['additionalProperties'];
    return copy;
  }
  return withEmbedded(copy, schema, options, forV2);
}
