// The content of a kustomization.yaml: which fields there are, of which shape, and which of them are refused here.
import { isJsonObject } from '#api/patch/json-values.ts';
import { parseYaml, YamlSyntaxError } from '#wire/yaml.ts';
import type { FieldSpec } from './field-specs.ts';
import { KustomizeError } from './kustomize-error.ts';
import type { Selector } from './select.ts';

type Texts = Readonly<Record<string, string>>;

export interface GeneratorOptions {
  readonly labels?: Texts;
  readonly annotations?: Texts;
  readonly disableNameSuffixHash?: boolean;
  readonly immutable?: boolean;
}
export interface GeneratorArguments {
  readonly name?: string;
  readonly namespace?: string;
  readonly behavior?: string;
  readonly literals?: readonly string[];
  readonly files?: readonly string[];
  readonly envs?: readonly string[];
  readonly env?: string;
  /** Of Secrets. */
  readonly type?: string;
  readonly options?: GeneratorOptions;
}
export interface PatchEntry {
  readonly path?: string;
  readonly patch?: string;
  readonly target?: Selector;
  readonly options?: { readonly allowNameChange?: boolean; readonly allowKindChange?: boolean };
}
export interface ImageEntry {
  readonly name?: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly tagSuffix?: string;
  readonly digest?: string;
}
export interface LabelEntry {
  readonly pairs?: Texts;
  readonly includeSelectors?: boolean;
  readonly includeTemplates?: boolean;
  readonly fields?: readonly FieldSpec[];
}
export interface FieldOptions {
  readonly delimiter?: string;
  readonly index?: number;
  readonly create?: boolean;
}
export interface Replacement {
  readonly source?: Selector & { readonly fieldPath?: string; readonly options?: FieldOptions };
  readonly sourceValue?: string;
  readonly targets?: readonly {
    readonly select?: Selector;
    readonly reject?: readonly Selector[];
    readonly fieldPaths?: readonly string[];
    readonly options?: FieldOptions;
  }[];
  /** A file with replacements, in place of the others. */
  readonly path?: string;
}
export interface Variable {
  readonly name: string;
  readonly objref: Selector & { readonly apiVersion?: string };
  readonly fieldref?: { readonly fieldPath?: string };
}

export interface Kustomization {
  readonly kind: 'Kustomization' | 'Component';
  readonly namePrefix: string;
  readonly nameSuffix: string;
  readonly namespace: string;
  readonly resources: readonly string[];
  readonly components: readonly string[];
  readonly commonLabels: Texts;
  readonly labels: readonly LabelEntry[];
  readonly commonAnnotations: Texts;
  readonly patches: readonly PatchEntry[];
  readonly patchesStrategicMerge: readonly string[];
  readonly patchesJson6902: readonly PatchEntry[];
  readonly images: readonly ImageEntry[];
  readonly replicas: readonly { readonly name?: string; readonly count?: number }[];
  readonly replacements: readonly Replacement[];
  readonly vars: readonly Variable[];
  readonly configMapGenerator: readonly GeneratorArguments[];
  readonly secretGenerator: readonly GeneratorArguments[];
  readonly generatorOptions: GeneratorOptions | undefined;
  readonly buildMetadata: readonly string[];
  readonly sortOptions:
    | {
        readonly order?: string;
        readonly legacySortOptions?: {
          readonly orderFirst?: readonly string[];
          readonly orderLast?: readonly string[];
        };
      }
    | undefined;
}

type Shape = 'text' | 'boolean' | 'integer' | 'texts' | { readonly list: Shape } | { readonly [field: string]: Shape };

type Fields = { readonly [field: string]: Shape };

const ids: Fields = { group: 'text', version: 'text', kind: 'text', name: 'text', namespace: 'text' };
const selector: Fields = { ...ids, labelSelector: 'text', annotationSelector: 'text' };
const options: Fields = {
  labels: 'texts',
  annotations: 'texts',
  disableNameSuffixHash: 'boolean',
  immutable: 'boolean',
};
const list = (shape: Shape): Shape => ({ list: shape });
const generator: Fields = {
  name: 'text',
  namespace: 'text',
  behavior: 'text',
  options,
  literals: list('text'),
  files: list('text'),
  envs: list('text'),
  env: 'text',
};
const patch: Fields = {
  path: 'text',
  patch: 'text',
  target: selector,
  options: { allowNameChange: 'boolean', allowKindChange: 'boolean' },
};
const image: Fields = { name: 'text', newName: 'text', newTag: 'text', tagSuffix: 'text', digest: 'text' };
const fieldOptions: Fields = { delimiter: 'text', index: 'integer', encoding: 'text', create: 'boolean' };
const fieldSpec: Fields = { group: 'text', version: 'text', kind: 'text', path: 'text', create: 'boolean' };
const replacement: Fields = {
  source: { ...ids, fieldPath: 'text', options: fieldOptions },
  sourceValue: 'text',
  targets: list({ select: selector, reject: list(selector), fieldPaths: list('text'), options: fieldOptions }),
};

const shapes: Readonly<Record<string, Shape>> = {
  apiVersion: 'text',
  kind: 'text',
  metadata: { name: 'text', namespace: 'text', labels: 'texts', annotations: 'texts' },
  namePrefix: 'text',
  nameSuffix: 'text',
  namespace: 'text',
  resources: list('text'),
  bases: list('text'),
  components: list('text'),
  commonLabels: 'texts',
  commonAnnotations: 'texts',
  labels: list({
    pairs: 'texts',
    includeSelectors: 'boolean',
    includeTemplates: 'boolean',
    fields: list(fieldSpec),
  }),
  patches: list(patch),
  patchesStrategicMerge: list('text'),
  patchesJson6902: list(patch),
  images: list(image),
  imageTags: list(image),
  replicas: list({ name: 'text', count: 'integer' }),
  replacements: list({ ...replacement, path: 'text' }),
  vars: list({ name: 'text', objref: { ...ids, apiVersion: 'text' }, fieldref: { fieldPath: 'text' } }),
  configMapGenerator: list(generator),
  secretGenerator: list({ ...generator, type: 'text' }),
  generatorOptions: options,
  buildMetadata: list('text'),
  sortOptions: { order: 'text', legacySortOptions: { orderFirst: list('text'), orderLast: list('text') } },
};

const refused: Readonly<Record<string, string>> = {
  helmCharts: 'charts are not rendered here: render them with `helm template` into a file and list it in resources',
  helmChartInflationGenerator: 'charts are not rendered here: render them with `helm template` into a file',
  helmGlobals: 'charts are not rendered here: render them with `helm template` into a file',
  generators: 'generator plugins are not run: use configMapGenerator and secretGenerator',
  transformers: 'transformer plugins are not run: use the fields of the kustomization itself',
  validators: 'validator plugins are not run',
  configurations: 'changes of the transformer configuration are not read: use replacements or patches',
  crds: 'merge keys of custom resources are not read from files: patch them with JSON patches',
  openapi: 'schemas are those of the built-in kinds: patch custom resources with JSON patches',
};

const shapeNames = {
  text: 'a text',
  boolean: 'true or false',
  integer: 'an integer',
  texts: 'a map of texts',
};
const shapeName = (shape: Shape): string =>
  typeof shape === 'string' ? shapeNames[shape] : 'list' in shape ? 'a list' : 'a map';
const wrong = (path: string, shape: Shape, value: unknown) =>
  new KustomizeError(
    `invalid Kustomization: ${path} must be ${shapeName(shape)}, not ${Array.isArray(value) ? 'a list' : isJsonObject(value) ? 'a map' : JSON.stringify(value)}`,
  );

/** Null counts as not given. */
function shaped(value: unknown, shape: Shape, path: string): unknown {
  if (value === null || value === undefined) return undefined;
  if (typeof shape === 'string') {
    if (shape === 'texts') {
      if (!isJsonObject(value)) throw wrong(path, shape, value);
      return Object.fromEntries(
        Object.entries(value).map(([key, one]) => [key, shaped(one, 'text', `${path}.${key}`) ?? '']),
      );
    }
    const isRight =
      shape === 'text'
        ? typeof value === 'string'
        : shape === 'boolean'
          ? typeof value === 'boolean'
          : Number.isInteger(value);
    if (!isRight) throw wrong(path, shape, value);
    return value;
  }
  if ('list' in shape) {
    if (!Array.isArray(value)) throw wrong(path, shape, value);
    return value.map(
      (one: unknown, index) => shaped(one, shape.list as Shape, `${path}[${index}]`) ?? emptyOf(shape.list as Shape),
    );
  }
  if (!isJsonObject(value)) throw wrong(path, shape, value);
  return shapedFields(value, shape, path === '' ? '' : `${path}.`);
}

const emptyOf = (shape: Shape): unknown =>
  shape === 'text' ? '' : typeof shape === 'object' && !('list' in shape) ? {} : undefined;

/** Names of fields are taken in any case, as Go's decoder takes them. */
function shapedFields(
  value: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, Shape>>,
  prefix: string,
) {
  const result: Record<string, unknown> = {};
  for (const [given, one] of Object.entries(value)) {
    const known = (name: string) => name.toLowerCase() === given.toLowerCase();
    const reason = prefix === '' ? Object.entries(refused).find(([name]) => known(name)) : undefined;
    if (reason !== undefined) {
      if (one === null || (Array.isArray(one) && one.length === 0)) continue;
      throw new KustomizeError(`invalid Kustomization: field "${reason[0]}" is not supported: ${reason[1]}`);
    }
    const field = Object.hasOwn(fields, given) ? given : Object.keys(fields).find(known);
    if (field === undefined) throw new KustomizeError(`invalid Kustomization: json: unknown field "${prefix}${given}"`);
    const inner = shaped(one, fields[field]!, `${prefix}${field}`);
    if (inner !== undefined) result[field] = inner;
  }
  return result;
}

type GivenFields = Partial<Kustomization> & {
  readonly apiVersion?: string;
  readonly metadata?: unknown;
  readonly bases?: readonly string[];
  readonly imageTags?: readonly ImageEntry[];
};

/** Throws KustomizeError that names the field. */
export async function parseKustomization(text: Uint8Array): Promise<Kustomization> {
  let value: unknown;
  try {
    ({ value } = await parseYaml(text));
  } catch (error) {
    if (error instanceof YamlSyntaxError)
      throw new KustomizeError(`invalid Kustomization: ${error.message}`, { cause: error });
    throw error;
  }
  if (value !== null && !isJsonObject(value)) throw new KustomizeError('invalid Kustomization: it must be a map');
  const fields = shapedFields(value ?? {}, shapes, '') as GivenFields;
  const { apiVersion, kind: givenKind, ...rest } = fields;
  if (Object.values(rest).every((one) => one === '' || (Array.isArray(one) && one.length === 0)))
    throw new KustomizeError('kustomization.yaml is empty');
  const kind = givenKind || 'Kustomization';
  if (kind !== 'Kustomization' && kind !== 'Component')
    throw new KustomizeError('kind should be Kustomization or Component');
  const version = `kustomize.config.k8s.io/${kind === 'Component' ? 'v1alpha1' : 'v1beta1'}`;
  if (apiVersion && apiVersion !== version) throw new KustomizeError(`apiVersion for ${kind} should be ${version}`);
  return {
    namePrefix: '',
    nameSuffix: '',
    namespace: '',
    components: [],
    commonLabels: {},
    labels: [],
    commonAnnotations: {},
    patches: [],
    patchesStrategicMerge: [],
    patchesJson6902: [],
    replicas: [],
    replacements: [],
    vars: [],
    configMapGenerator: [],
    secretGenerator: [],
    buildMetadata: [],
    generatorOptions: undefined,
    sortOptions: undefined,
    ...rest,
    kind,
    resources: [...(rest.resources ?? []), ...(rest.bases ?? [])],
    images: [...(rest.images ?? []), ...(rest.imageTags ?? [])],
  };
}

/** Of a file that `replacements[].path` names: one, or a list. */
export function parseReplacements(value: unknown, path: string): readonly Replacement[] {
  const entries = Array.isArray(value) ? value : [value];
  return entries.map((one: unknown, index) => (shaped(one, replacement, `${path}[${index}]`) ?? {}) as Replacement);
}
