// The types of CEL expressions, as declarations and the checker see them, and the names under which messages print them.

export type CelKind =
  | 'any'
  | 'bool'
  | 'bytes'
  | 'double'
  | 'duration'
  | 'dyn'
  | 'error'
  | 'int'
  | 'list'
  | 'map'
  | 'null'
  | 'object'
  | 'opaque'
  | 'parameter'
  | 'string'
  | 'timestamp'
  | 'type'
  | 'uint';

export interface CelType {
  readonly kind: CelKind;
  /** As declared: `list`, `kubernetes.Quantity`; of a type parameter its name. */
  readonly name: string;
  readonly parameters: readonly CelType[];
  /** As messages print it: `map(string, list(int))`. Two types are the same when their texts are. */
  readonly text: string;
  /** Of objects: the type of a field, by its name in expressions; undefined where there is none. */
  readonly field?: ((name: string) => CelType | undefined) | undefined;
  /** Of objects that expressions may make (`Name{field: value}`): the value of given fields. */
  readonly construct?: ((fields: ReadonlyMap<string, unknown>) => unknown) | undefined;
  /** How a JSON value becomes a value of the type (run/adapt.ts); default: by the kind. */
  readonly adapt?: ((json: unknown) => unknown) | undefined;
}

const simple = (kind: CelKind, name: string = kind, text: string = name): CelType => ({
  kind,
  name,
  parameters: [],
  text,
});

export const anyType = simple('any', 'google.protobuf.Any', 'any');
export const boolType = simple('bool');
export const bytesType = simple('bytes');
export const doubleType = simple('double');
export const durationType = simple('duration', 'google.protobuf.Duration', 'duration');
export const dynType = simple('dyn');
export const errorType = simple('error', '!error!');
export const intType = simple('int');
export const nullType = simple('null', 'null_type', 'null');
export const stringType = simple('string');
export const timestampType = simple('timestamp', 'google.protobuf.Timestamp', 'timestamp');
export const uintType = simple('uint');

const parameterized = (kind: CelKind, name: string, parameters: readonly CelType[]): CelType => ({
  kind,
  name,
  parameters,
  text: parameters.length === 0 ? name : `${name}(${parameters.map((one) => one.text).join(', ')})`,
});

export const listType = (element: CelType): CelType => parameterized('list', 'list', [element]);
export const mapType = (key: CelType, value: CelType): CelType => parameterized('map', 'map', [key, value]);
export const opaqueType = (name: string, parameters: readonly CelType[] = []): CelType =>
  parameterized('opaque', name, parameters);
export const optionalType = (value: CelType): CelType => opaqueType('optional_type', [value]);
export const typeType = (of?: CelType): CelType => parameterized('type', 'type', of === undefined ? [] : [of]);
export const parameterType = (name: string): CelType => simple('parameter', name);

/** An object with declared fields; `field` is asked when an expression names one. */
export const objectType = (
  name: string,
  field: (name: string) => CelType | undefined = () => undefined,
  more: Pick<CelType, 'adapt' | 'construct'> = {},
): CelType => ({ kind: 'object', name, parameters: [], text: name, field, ...more });

export const objectOf = (name: string, fields: Readonly<Record<string, CelType>>): CelType =>
  objectType(name, (field) => (Object.hasOwn(fields, field) ? fields[field] : undefined));

export const isDyn = (type: CelType): boolean => type.kind === 'dyn' || type.kind === 'any';
export const isDynOrError = (type: CelType): boolean => isDyn(type) || type.kind === 'error';
export const isOptional = (type: CelType): boolean => type.kind === 'opaque' && type.name === 'optional_type';
export const isSameType = (one: CelType, other: CelType): boolean => one === other || one.text === other.text;

export const quantityType = objectType('kubernetes.Quantity');
export const urlType = objectType('kubernetes.URL');
export const semverType = objectType('kubernetes.Semver');
export const formatType = objectType('kubernetes.NamedFormat');
export const ipType = opaqueType('net.IP');
export const cidrType = opaqueType('net.CIDR');
export const authorizerType = objectType('kubernetes.authorization.Authorizer');
export const pathCheckType = objectType('kubernetes.authorization.PathCheck');
export const groupCheckType = objectType('kubernetes.authorization.GroupCheck');
export const resourceCheckType = objectType('kubernetes.authorization.ResourceCheck');
export const decisionType = objectType('kubernetes.authorization.Decision');

/** Names that expressions may use as values of `type`, and signatures as types. */
export const namedTypes: ReadonlyMap<string, CelType> = new Map(
  [
    boolType,
    bytesType,
    doubleType,
    durationType,
    dynType,
    intType,
    stringType,
    timestampType,
    uintType,
    quantityType,
    urlType,
    semverType,
    formatType,
    ipType,
    cidrType,
    authorizerType,
    pathCheckType,
    groupCheckType,
    resourceCheckType,
    decisionType,
    nullType,
    listType(dynType),
    mapType(dynType, dynType),
    typeType(),
    optionalType(dynType),
  ].map((type) => [type.name, type]),
);
