// The type table as linked nodes, compiled type by type at first use: what decoding, defaulting, validation, merging and
// field ownership walk.
import typeTable from '../generated/type-table.json' with { type: 'json' };
import { InvariantError } from '#base/errors.ts';

export type Scalar =
  | 'string'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'number'
  | 'boolean'
  | 'bytes'
  | 'quantity'
  | 'intOrString'
  | 'time'
  | 'microTime'
  | 'duration'
  | 'fieldsV1'
  | 'rawExtension'
  | 'json'
  | 'jsonSchemaOrArray'
  | 'jsonSchemaOrBool'
  | 'jsonSchemaOrStringArray';

export interface ScalarType {
  readonly kind: 'scalar';
  readonly scalar: Scalar;
  /** Of the Go type, as upstream's error messages print it. */
  readonly goType: string;
}
export interface ListType {
  readonly kind: 'list';
  readonly element: ValueType;
  readonly goType: string;
}
export interface MapType {
  readonly kind: 'map';
  readonly value: ValueType;
  readonly goType: string;
}
export interface StructType {
  readonly kind: 'struct';
  /** Name in the fact tables; '' for none. */
  readonly name: string;
  /** Last part of the name, and with its package, as upstream's error messages print them. */
  readonly shortName: string;
  readonly goType: string;
  readonly fields: readonly FieldType[];
  readonly byName: ReadonlyMap<string, FieldType>;
  /** 'atomic': the whole struct is owned as one. */
  readonly mapType: string | undefined;
  readonly groupVersionKinds: readonly (readonly [group: string, version: string, kind: string])[];
  readonly unions: unknown;
}
export type ValueType = ScalarType | ListType | MapType | StructType;

/** The constraint and merge facts of a field, as the fact tables name them. */
export interface FieldRules {
  readonly name: string;
  readonly type?: string;
  readonly ref?: string;
  readonly array?: FieldRules;
  readonly map?: FieldRules;
  readonly format?: string;
  readonly required?: boolean;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly itemDefault?: unknown;
  readonly enum?: readonly string[];
  readonly itemEnum?: readonly string[];
  readonly patchMergeKey?: string;
  readonly patchStrategy?: string;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  readonly mapType?: 'atomic' | 'granular';
  readonly go?: string;
  readonly omitempty?: boolean;
  readonly omitzero?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

export class FieldType {
  readonly name: string;
  readonly rules: FieldRules;
  /** Null and absent differ from zero. */
  readonly pointer: boolean;
  readonly omitempty: boolean;
  readonly omitzero: boolean;
  readonly index: number;
  readonly #scope: string;
  #type: ValueType | undefined;

  constructor(rules: FieldRules, index: number, scope: string) {
    this.name = rules.name;
    this.rules = rules;
    this.index = index;
    this.pointer = rules.go?.startsWith('*') ?? false;
    this.omitempty = rules.omitempty ?? false;
    this.omitzero = rules.omitzero ?? false;
    this.#scope = scope;
  }

  /** Compiled when first asked for: types refer to each other in circles. */
  get type(): ValueType {
    return (this.#type ??= compileValue(this.rules, this.rules.go ?? '', this.#scope));
  }
}

interface TypeText {
  readonly gvks?: readonly (readonly [string, string, string])[];
  readonly type?: string;
  readonly mapType?: string;
  readonly unions?: unknown;
  readonly fields: readonly FieldRules[];
}

const scalarByName: Readonly<Record<string, Scalar>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'intOrString',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Timestamp': 'time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'microTime',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Duration': 'duration',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'fieldsV1',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'rawExtension',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': 'json',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': 'jsonSchemaOrArray',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': 'jsonSchemaOrBool',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': 'jsonSchemaOrStringArray',
};

export const jsonSchemaPropsName = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

/** Type name -> its facts as JSON text. */
const typeTexts: Readonly<Record<string, string>> = typeTable;

const structs = new Map<string, StructType>();

export const hasType = (typeName: string): boolean => Object.hasOwn(typeTexts, typeName);
export const typeNames = (): readonly string[] => Object.keys(typeTexts);

/** The resolved field table of a struct type. Throws for a name that no table has. */
export function typeFacts(typeName: string): StructType {
  return structs.get(typeName) ?? compileStruct(typeName);
}

/** `io.k8s.api.core.v1.Pod` -> `v1`. */
const packageOf = (typeName: string) => typeName.split('.').at(-2) ?? '';

function compileStruct(typeName: string): StructType {
  const text = Object.hasOwn(typeTexts, typeName) ? typeTexts[typeName] : undefined;
  if (text === undefined) throw new InvariantError(`no type is named ${typeName}`);
  const facts = JSON.parse(text) as TypeText;
  const shortName = typeName.slice(typeName.lastIndexOf('.') + 1);
  const scope = packageOf(typeName);
  const fields = facts.fields.map((rules, index) => new FieldType(rules, index, scope));
  const struct: StructType = {
    kind: 'struct',
    name: typeName,
    shortName,
    goType: `${scope}.${shortName}`,
    fields,
    byName: new Map(fields.map((field) => [field.name, field])),
    mapType: facts.mapType,
    groupVersionKinds: facts.gvks ?? [],
    unions: facts.unions,
  };
  structs.set(typeName, struct);
  return struct;
}

/** A Go type expression with its package, as reflection prints it: `[]Container` -> `[]v1.Container`. */
function qualify(go: string, scope: string): string {
  const prefix = /^(?:\*|\[\]|map\[[^\]]*\])*/.exec(go)?.[0] ?? '';
  const name = go.slice(prefix.length);
  if (name === 'interface{}') return `${prefix}interface {}`;
  const qualified = name.includes('.')
    ? name.replace(/^(?:metav1|corev1|\w*v1)\./, (found) => (found.endsWith('v1.') ? 'v1.' : found))
    : /^[A-Z]/.test(name)
      ? `${scope}.${name}`
      : name === 'byte'
        ? 'uint8'
        : name;
  return prefix.replace(/^\*/, '') + qualified;
}

const elementOf = (go: string) => (go.startsWith('[]') ? go.slice(2) : '');
const valueOf = (go: string) => /^map\[[^\]]*\](.*)$/.exec(go)?.[1] ?? '';

function compileValue(rules: FieldRules, goExpression: string, scope: string): ValueType {
  const go = goExpression.replace(/^\*/, '');
  const goType = qualify(go, scope);
  if (rules.array !== undefined)
    return { kind: 'list', element: compileValue(rules.array, elementOf(go), scope), goType };
  if (rules.map !== undefined) return { kind: 'map', value: compileValue(rules.map, valueOf(go), scope), goType };
  if (rules.ref !== undefined) {
    const scalar = scalarByName[rules.ref];
    if (scalar !== undefined) return { kind: 'scalar', scalar, goType: rules.ref.split('.').slice(-2).join('.') };
    return hasType(rules.ref) ? typeFacts(rules.ref) : { kind: 'scalar', scalar: 'json', goType };
  }
  const scalar = (name: Scalar): ScalarType => ({ kind: 'scalar', scalar: name, goType: goType || name });
  switch (rules.type) {
    case 'string':
      return scalar(rules.format === 'byte' ? 'bytes' : 'string');
    case 'integer':
      return scalar(go === 'uint32' ? 'uint32' : go === 'int64' || rules.format === 'int64' ? 'int64' : 'int32');
    case 'number':
      return scalar('number');
    case 'boolean':
      return scalar('boolean');
    default:
      return scalar('json');
  }
}

/** For types that are no struct but have a name in the table. */
export const namedScalar = (typeName: string): Scalar | undefined => scalarByName[typeName];
