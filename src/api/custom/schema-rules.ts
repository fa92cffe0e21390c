// What a schema of a custom resource may say, beyond being structural. Texts of upstream's
// apis/apiextensions/validation: ValidateCustomResourceDefinitionOpenAPISchema.
import { forbidden, invalid, notSupported, required, type FieldError } from '../field-error.ts';
import { cloneJson, equalJson, isJsonObject, type MutableJson } from '../patch/json-values.ts';
import { normalizedFieldPath } from './rules/field-path.ts';
import { pruneNulls, pruneObject, setDefaults } from './prune.ts';
import { validateLists } from './list-types.ts';
import {
  additionalSchemaOf,
  isEmbedded,
  itemsOf,
  listKeysOf,
  listTypeOf,
  metaFields,
  preservesUnknown,
  propertyOf,
  someSchema,
  type Schema,
} from './schema.ts';
import { isStructural, structuralErrors } from './structural-rules.ts';
import { validateValue } from './validate-value.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** Of the update of a definition: what an older one was allowed stays allowed. */
export interface SchemaRules {
  readonly hasStatus: boolean;
  readonly requireStructural: boolean;
}

interface Place {
  readonly isRoot: boolean;
  readonly insideMeta: boolean;
  /** Why defaults are forbidden here; undefined: they are not. */
  readonly noDefaults: string | undefined;
}

const atRoot = [
  'Description',
  'Type',
  'Format',
  'Title',
  'Maximum',
  'ExclusiveMaximum',
  'Minimum',
  'ExclusiveMinimum',
  'MaxLength',
  'MinLength',
  'Pattern',
  'MaxItems',
  'MinItems',
  'UniqueItems',
  'MultipleOf',
  'Required',
  'Items',
  'Properties',
  'ExternalDocs',
  'Example',
  'XPreserveUnknownFields',
  'XValidations',
];
const goNames: Readonly<Record<string, string>> = {
  'x-kubernetes-preserve-unknown-fields': 'XPreserveUnknownFields',
  'x-kubernetes-validations': 'XValidations',
};
const goName = (name: string) => goNames[name] ?? `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;

export function schemaErrors(schema: Schema, path: string, rules: SchemaRules): FieldError[] {
  const errors: FieldError[] = [];
  if (rules.hasStatus) checkRootWithStatus(schema, path, errors);
  if (schema.nullable === true) errors.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  if (rules.requireStructural && !isBeyondStructural(schema)) {
    const structural = structuralErrors(schema, path);
    errors.push(...(structural.length > 0 ? structural : defaultErrors(schema, path)));
  }
  checkSchema(schema, path, { isRoot: true, insideMeta: false, noDefaults: undefined }, errors);
  return errors;
}

const unsupported = ['$ref', '$schema', 'id', 'definitions', 'dependencies', 'patternProperties', 'additionalItems'];
/** It says what no structural schema can: only that is told. */
const isBeyondStructural = (schema: Schema): boolean =>
  someSchema(
    schema,
    (one) =>
      Array.isArray(one.items) ||
      unsupported.some((name) => (one as Readonly<Record<string, unknown>>)[name] !== undefined),
  );

/** The schema of status is cut out: what is said above it would be lost. */
function checkRootWithStatus(schema: Schema, path: string, errors: FieldError[]): void {
  for (const [name, value] of Object.entries(schema)) {
    if (value === undefined || value === false || value === '') continue;
    if (name === 'type') {
      if (value === 'object') continue;
      errors.push(
        invalid(
          `${path}.type`,
          value,
          'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
        ),
      );
      return;
    }
    if (atRoot.includes(goName(name))) continue;
    errors.push(
      invalid(
        path,
        schema,
        `only [${atRoot.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`,
      ),
    );
    return;
  }
}

function checkSchema(schema: Schema, path: string, place: Place, errors: FieldError[]): void {
  checkStandard(schema, path, place, errors);
  if (schema.uniqueItems === true)
    errors.push(
      forbidden(
        `${path}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  const inner = { ...place, isRoot: false };
  if (schema.additionalProperties !== undefined) {
    const additional: unknown = schema.additionalProperties;
    if (Object.keys(schema.properties ?? {}).length > 0 && additional !== true)
      errors.push(
        forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'),
      );
    const below = additionalSchemaOf(schema);
    if (below !== undefined)
      checkSchema(
        below,
        `${path}.additionalProperties`,
        place.insideMeta ? { ...inner, noDefaults: 'inside additionalProperties applying to object metadata' } : inner,
        errors,
      );
  }
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const isMeta = (place.isRoot || isEmbedded(schema)) && metaFields.has(key);
    checkSchema(
      property,
      `${path}.properties[${key}]`,
      isMeta ? { ...inner, insideMeta: true, ...(place.isRoot ? { noDefaults: `in top-level ${key}` } : {}) } : inner,
      errors,
    );
  }
  if (schema.not !== undefined) checkSchema(schema.not, `${path}.not`, inner, errors);
  for (const name of ['allOf', 'oneOf', 'anyOf'] as const)
    schema[name]?.forEach((one, index) => checkSchema(one, `${path}.${name}[${index}]`, inner, errors));
  const items = itemsOf(schema);
  if (items !== undefined) checkSchema(items, `${path}.items`, inner, errors);
  checkExtensions(schema, items, path, errors);
  checkRuleTexts(schema, path, errors);
}

function checkStandard(schema: Schema, path: string, place: Place, errors: FieldError[]): void {
  const { type = '' } = schema;
  if (type !== '' && !types.includes(type)) errors.push(notSupported(`${path}.type`, type, types));
  if (schema.default !== undefined && place.noDefaults !== undefined)
    errors.push(forbidden(`${path}.default`, `must not be set ${place.noDefaults}`));
  const unsupported = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'] as const;
  for (const name of unsupported) {
    const value: unknown = schema[name];
    if (value === undefined || value === '' || (isJsonObject(value) && Object.keys(value).length === 0)) continue;
    errors.push(forbidden(`${path}.${name}`, `${name} is not supported`));
  }
  if (type === 'null')
    errors.push(forbidden(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(schema.items) && schema.items.length > 0)
    errors.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  if (place.insideMeta && isEmbedded(schema))
    errors.push(forbidden(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'));
}

function checkExtensions(schema: Schema, items: Schema | undefined, path: string, errors: FieldError[]): void {
  const { type = '' } = schema;
  const mapType = schema['x-kubernetes-map-type'];
  const listType = listTypeOf(schema);
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  const needsType = (wanted: string, name: string): void => {
    const text = `must be ${wanted} if ${name} is specified`;
    if (type !== wanted)
      errors.push(type === '' ? required(`${path}.type`, text) : invalid(`${path}.type`, type, text));
  };
  if (mapType !== undefined) {
    needsType('object', 'x-kubernetes-map-type');
    if (mapType !== 'atomic' && mapType !== 'granular')
      errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
  }
  if (listType !== undefined) {
    needsType('array', 'x-kubernetes-list-type');
    if (type === 'array' && listType === 'set' && items !== undefined) {
      const text = 'must be atomic as item of a list with x-kubernetes-list-type=set';
      const innerList = listTypeOf(items);
      if (items.type === 'array' && innerList !== undefined && innerList !== 'atomic')
        errors.push(invalid(`${path}.items.x-kubernetes-list-type`, innerList, text));
      if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
        errors.push(invalid(`${path}.items.x-kubernetes-map-type`, innerList ?? null, text));
    }
    if (!['atomic', 'set', 'map'].includes(listType))
      errors.push(notSupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']));
  }
  const keys = listKeysOf(schema);
  if (keys.length > 0 && listType !== 'map') {
    const text = 'must be map if x-kubernetes-list-map-keys is non-empty';
    const at = `${path}.x-kubernetes-list-type`;
    errors.push(listType === undefined ? required(at, text) : invalid(at, listType, text));
  }
  if (listType === 'map') checkListMap(schema, items, keys, path, errors);
  if ((listType === 'map' || listType === 'set') && items?.nullable === true)
    errors.push(forbidden(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`));
}

function checkListMap(
  schema: Schema,
  items: Schema | undefined,
  keys: readonly string[],
  path: string,
  errors: FieldError[],
): void {
  const keysPath = `${path}.x-kubernetes-list-map-keys`;
  if (keys.length === 0) errors.push(required(keysPath, 'must not be empty if x-kubernetes-list-type is map'));
  if (items === undefined) {
    if (schema.items === undefined)
      errors.push(required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'));
    return;
  }
  if (items.type !== 'object') {
    errors.push(
      invalid(`${path}.items.type`, items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map"),
    );
    return;
  }
  for (const [index, key] of keys.entries()) {
    const property = propertyOf(items, key);
    if (property === undefined) errors.push(invalid(keysPath, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object')
      errors.push(
        invalid(
          `${path}.items.properties[${key}].type`,
          items.type,
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    if (keys.indexOf(key) < index) errors.push(invalid(keysPath, keys, 'must not contain duplicate entries'));
    if (property === undefined) continue;
    if (items.required?.includes(key) !== true && property.default === undefined)
      errors.push(
        required(
          `${path}.items.properties[${key}].default`,
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      );
    if (property.nullable === true)
      errors.push(
        forbidden(
          `${path}.items.properties[${key}].nullable`,
          'this property is in x-kubernetes-list-map-keys, so it cannot be nullable',
        ),
      );
  }
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** The parts of x-kubernetes-validations around the expressions. */
function checkRuleTexts(schema: Schema, path: string, errors: FieldError[]): void {
  schema['x-kubernetes-validations']?.forEach((rule, index) => {
    const at = `${path}.x-kubernetes-validations[${index}]`;
    const { message = '', messageExpression = '', fieldPath = '', reason } = rule;
    const hasLines = (text: string) => /[\n\r]/.test(text);
    if (rule.rule.trim() === '') errors.push(required(`${at}.rule`, 'rule is not specified'));
    else if (message !== '' && message.trim() === '')
      errors.push(invalid(`${at}.message`, message, 'must be non-empty if specified'));
    else if (hasLines(message.trim())) errors.push(invalid(`${at}.message`, message, 'must not contain line breaks'));
    else if (hasLines(rule.rule.trim()) && message.trim() === '')
      errors.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'));
    if (messageExpression !== '' && messageExpression.trim() === '')
      errors.push(required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'));
    if (reason !== undefined && !reasons.includes(reason)) errors.push(notSupported(`${at}.reason`, reason, reasons));
    if (fieldPath !== '' && fieldPath.trim() === '')
      errors.push(invalid(`${at}.fieldPath`, fieldPath, 'must be non-empty if specified'));
    if (hasLines(fieldPath)) errors.push(invalid(`${at}.fieldPath`, fieldPath, 'must not contain line breaks'));
    if (fieldPath !== '' && normalizedFieldPath(schema, fieldPath) === undefined)
      errors.push(invalid(`${at}.fieldPath`, fieldPath, 'must be a valid path'));
  });
}

/** Defaults are what pruning leaves of them, and valid. */
function defaultErrors(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  visitDefaults(schema, path, false, errors);
  // The default of a whole object is one.
  if (isJsonObject(schema.default))
    for (const name of ['apiVersion', 'kind'])
      if (schema.default[name] === undefined) errors.push(required(`${path}.default.${name}`));
  return errors;
}

function visitDefaults(schema: Schema, path: string, insideMeta: boolean, errors: FieldError[]): void {
  if (schema.default !== undefined) checkDefault(schema, path, insideMeta, errors);
  const items = itemsOf(schema);
  if (items !== undefined) visitDefaults(items, `${path}.items`, insideMeta, errors);
  const additional = additionalSchemaOf(schema);
  if (additional !== undefined) visitDefaults(additional, `${path}.additionalProperties`, insideMeta, errors);
  for (const [key, property] of Object.entries(schema.properties ?? {}))
    visitDefaults(
      property,
      `${path}.properties[${key}]`,
      insideMeta || (isEmbedded(schema) && metaFields.has(key)),
      errors,
    );
}

function checkDefault(schema: Schema, path: string, insideMeta: boolean, errors: FieldError[]): void {
  const at = `${path}.default`;
  const value = cloneJson(schema.default);
  if (!insideMeta && !preservesUnknown(schema)) {
    const pruned = cloneJson(value);
    if (isJsonObject(pruned)) pruneInside(pruned as MutableJson, schema);
    if (!equalJson(pruned, value)) errors.push(invalid(at, value, 'must not have unknown fields'));
  }
  pruneNulls(value, schema);
  setDefaults(value, schema);
  errors.push(...validateValue(schema, value, undefined, at), ...validateLists(schema, value, at));
}

function pruneInside(object: MutableJson, schema: Schema): void {
  if (isEmbedded(schema)) pruneObject(object, schema);
  else {
    // pruneObject keeps metadata; a part of an object has none of its own.
    const wrapped: MutableJson = { part: object };
    pruneObject(wrapped, { type: 'object', properties: { part: schema } });
  }
}

export const hasStructuralSchema = (schema: Schema | undefined): boolean =>
  schema === undefined || isStructural(schema);
