// A version of a custom resource as a row of the table of kinds: what its definition says, at work. Made once a definition
// and version; objects of older storage versions are shown in this one by changing their apiVersion (conversion None).
import { createHash } from 'node:crypto';
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from '../generated/types.ts';
import type { ColumnRow, CustomKind, KindRow, KubernetesObject, Mutable, SubresourceRow, Verb } from '../kind.ts';
import { badRequestError } from '../status.ts';
import { cloneJson, isJsonObject, type MutableJson } from '../patch/json-values.ts';
import { cannotHandle, strictErrorText, strictErrorsMax } from '../schema/decode.ts';
import type { DecodeOptions } from '../schema/decode-options.ts';
import { typeFacts } from '../schema/type-table.ts';
import { unrecognized } from '../schema/unrecognized.ts';
import { DecodeError, Decoder, inDocumentOrder, jsonKind } from '../schema/value-decoder.ts';
import { behaviourOf, selectableName } from './behaviour.ts';
import { printerCells } from './cells.ts';
import { embeddedProblem } from './embedded.ts';
import { schemaForClients } from './open-api.ts';
import { pruneNulls, pruneObject, setDefaults } from './prune.ts';
import { someSchema, type Schema } from './schema.ts';
import { shapeOfObject } from './shape.ts';
import { deprecationWarning } from './versions.ts';

const verbs: readonly Verb[] = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const subresourceVerbs = ['get', 'patch', 'update'];

const ageColumn: CustomResourceColumnDefinition = {
  name: 'Age',
  type: 'date',
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
  jsonPath: '.metadata.creationTimestamp',
};

export const conditionIs = (definition: CustomResourceDefinition, type: string, status = 'True'): boolean =>
  definition.status?.conditions?.some((one) => one.type === type && one.status === status) ?? false;

/** `example.com`, `v1`, `CronTab` -> `com.example.v1.CronTab`: its name in OpenAPI documents. */
const typeNameOf = (group: string, version: string, kind: string): string =>
  `${group.split('.').toReversed().join('.')}.${version}.${kind}`;

/** What clients tell by whether the stored form of a kind has changed. */
function storageVersionHash({ spec }: CustomResourceDefinition, kind: string): string {
  const stored = spec.versions.find((one) => one.storage);
  if (stored === undefined) return '';
  const digest = createHash('sha256').update(`${spec.group}/${stored.name}/${kind}`).digest();
  return digest.subarray(0, 8).toString('base64');
}

export function customRow(definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion): KindRow {
  const { group, scope } = definition.spec;
  const names = definition.status?.acceptedNames ?? definition.spec.names;
  const columns = [...(version.additionalPrinterColumns ?? [])];
  if (columns.length === 0) columns.push(ageColumn);
  const own = { group, version: version.name, kind: names.kind };
  const hasStatus = version.subresources?.status !== undefined;
  const subresources: Record<string, SubresourceRow> = {
    ...(hasStatus ? { status: { ...own, verbs: subresourceVerbs } } : {}),
    ...(version.subresources?.scale === undefined
      ? {}
      : {
          scale: { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: subresourceVerbs, columns: scaleColumns },
        }),
  };
  return {
    ...own,
    resource: names.plural,
    namespaced: scope === 'Namespaced',
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs,
    subresources,
    typeName: typeNameOf(group, version.name, names.kind),
    storage: own,
    storageVersionHash: storageVersionHash(definition, names.kind),
    fieldSelectors: [
      'metadata.name',
      ...(scope === 'Namespaced' ? ['metadata.namespace'] : []),
      ...(version.selectableFields ?? []).map((one) => selectableName(one.jsonPath)),
    ],
    columns: [
      ['Name', 'string', 'name', 0],
      ...columns.map((one): ColumnRow => [one.name, one.type, one.format ?? '', one.priority ?? 0]),
    ],
    servedByDefault: true,
    strategy: {
      generationBumpOn: [],
      hasGeneration: true,
      resetsStatus: hasStatus,
      keepsStatusOnCreate: false,
      allowCreateOnUpdate: false,
      allowUnconditionalUpdate: false,
      defaultPropagation: 'Background',
      resetFields: hasStatus ? { '': ['status'], status: ['metadata', 'spec'] } : {},
    },
    custom: customKind(definition, version, columns),
  };
}

function customKind(
  definition: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  columns: readonly CustomResourceColumnDefinition[],
): CustomKind {
  const { group } = definition.spec;
  const names = definition.status?.acceptedNames ?? definition.spec.names;
  const schema: Schema = version.schema?.openAPIV3Schema ?? {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  };
  const keepsUnknown = definition.spec.preserveUnknownFields === true;
  const hasDefaults = someSchema(schema, (one) => one.default !== undefined);
  const apiVersion = `${group}/${version.name}`;
  const storageVersion = `${group}/${definition.spec.versions.find((one) => one.storage)!.name}`;
  const target = { group, version: version.name, kind: names.kind };
  /** What of an object has no place in the schema goes. Returns paths. */
  const fit = (object: MutableJson): string[] => {
    const unknown = keepsUnknown ? [] : pruneObject(object, schema);
    if (!keepsUnknown) pruneNulls(object, schema);
    return unknown;
  };
  const shown = new WeakMap<KubernetesObject, KubernetesObject>();
  const { webhook, strategy } = definition.spec.conversion ?? {};
  const isConverted = strategy === 'Webhook' && webhook?.clientConfig !== undefined;

  return {
    behaviour: behaviourOf(definition, version, schema),
    listKind: names.listKind ?? `${names.kind}List`,
    warnings: deprecationWarning(definition, version),
    terminating: conditionIs(definition, 'Terminating'),
    columnDescriptions: [
      '',
      ...columns.map(
        (one) => one.description ?? `Custom resource definition column (in JSONPath format): ${one.jsonPath}`,
      ),
    ],
    scale: version.subresources?.scale,
    shape: shapeOfObject(schema),
    decode: (raw, options) => decode(raw, target, schema, fit, options),
    applyDefaults: (object) => void setDefaults(object, schema),
    conversion: isConverted
      ? { config: webhook.clientConfig!, reviewVersions: webhook.conversionReviewVersions, storageVersion }
      : undefined,
    fromStored(object) {
      const known = shown.get(object);
      if (known !== undefined) return known;
      const copy = cloneJson(object) as MutableJson;
      const unknown = fit(copy);
      const isDefaulted = hasDefaults && setDefaults(copy, schema);
      const isSame =
        unknown.length === 0 && !isDefaulted && object.apiVersion === apiVersion && object.kind === names.kind;
      // The order of members is that of encoded objects: kind and apiVersion come first.
      const result = isSame ? object : ({ ...copy, kind: names.kind, apiVersion } as unknown as KubernetesObject);
      shown.set(object, result);
      return result;
    },
    toStored: (object) => (object.apiVersion === storageVersion ? object : { ...object, apiVersion: storageVersion }),
    cells: printerCells(columns),
    openApi: (dialect, metaReference) =>
      schemaForClients(schema, {
        dialect,
        metaReference,
        target,
        keepsUnknown,
        selectablePaths: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath),
      }),
  };
}

interface Target {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Here, and not for built-in kinds, with formats. */
const scaleColumns: readonly ColumnRow[] = [
  ['Name', 'string', 'name', 0],
  ['Desired', 'integer', '', 0],
  ['Available', 'integer', '', 0],
  ['Age', 'date', '', 0],
];

const metadataType = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

function decode(
  raw: Readonly<Record<string, unknown>>,
  target: Target,
  schema: Schema,
  fit: (object: MutableJson) => string[],
  options: DecodeOptions,
): { object: Mutable<KubernetesObject>; warnings: string[] } {
  const apiVersion = `${target.group}/${target.version}`;
  const header = (name: 'kind' | 'apiVersion', otherwise: string): string => {
    const value = raw[name] ?? '';
    if (typeof value === 'string') return value === '' ? otherwise : value;
    throw badRequestError(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonKind(value)} into Go struct field .${name} of type string`,
    );
  };
  const { source } = options;
  // A body from the network says what it is.
  const kind = header('kind', source === undefined ? target.kind : '');
  if (kind === '')
    throw unrecognized(target.kind, `Object 'Kind' is missing in '${Buffer.from(source!).toString('utf8')}'`, source);
  const version = header('apiVersion', source === undefined ? apiVersion : '');
  if (version !== apiVersion)
    throw badRequestError(
      `the API version in the data (${version}) does not match the expected API version (${apiVersion})`,
    );
  const refuse = (cause: string): Error => cannotHandle(target.kind, target.version, target, cause);
  const decoder = new Decoder();
  let metadata: unknown;
  try {
    metadata = decoder.decode(typeFacts(metadataType), raw['metadata'] ?? {});
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw refuse(error.message.replace('Go struct field ObjectMeta.', 'Go struct field ObjectMeta.metadata.'));
  }
  const content = cloneJson(raw) as MutableJson;
  const object: MutableJson = {
    ...content,
    kind,
    apiVersion,
    metadata,
  };
  const unknown = [
    ...inDocumentOrder(raw['metadata'], decoder.unknown).map((path) => `metadata.${path}`),
    ...fit(object),
  ];
  const embedded = embeddedProblem(object, schema);
  if (embedded !== undefined) throw refuse(embedded);
  const strict = [
    ...(options.duplicates ?? []),
    ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
  ].slice(0, strictErrorsMax);
  if (strict.length > 0 && options.fieldValidation === 'Strict') throw refuse(strictErrorText(strict, options));
  // The cast is what this function proves: kind, apiVersion and a metadata of the right type.
  const ordered = { kind, apiVersion, metadata, ...object } as unknown as Mutable<KubernetesObject>;
  return { object: ordered, warnings: options.fieldValidation === 'Ignore' || !isJsonObject(raw) ? [] : strict };
}
