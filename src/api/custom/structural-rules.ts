// Structural schemas: every field has a type outside of anyOf, oneOf, allOf and not, so that pruning and defaulting know what
// they walk over. Rules and texts of upstream's apiserver/schema/validation.go.
import { forbidden, invalid, required, type FieldError } from '../field-error.ts';
import { equalJson } from '../patch/json-values.ts';
import { compilePattern } from './regular-expressions.ts';
import {
  additionalSchemaOf,
  isEmbedded,
  isIntOrString,
  itemsOf,
  preservesUnknown,
  propertyOf,
  type Schema,
} from './schema.ts';

type Level = 'root' | 'item' | 'field';

export function structuralErrors(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  checkNode(schema, 'root', path, errors);
  checkCompleteness(schema, schema, path, path, errors);
  const text = (error: FieldError) => `${error.field}: ${error.message}`;
  return errors.toSorted((a, b) => (text(a) < text(b) ? -1 : 1));
}

export const isStructural = (schema: Schema): boolean => structuralErrors(schema, '').length === 0;

const keyed = (path: string, key: string): string => `${path}.properties[${key}]`;

const missingType: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

function checkNode(schema: Schema, level: Level, path: string, errors: FieldError[]): void {
  const type = schema.type ?? '';
  const items = itemsOf(schema);
  if (type === 'array' && items === undefined) errors.push(required(`${path}.items`, 'must be specified'));
  if (items !== undefined) checkNode(items, 'item', `${path}.items`, errors);
  for (const [key, property] of Object.entries(schema.properties ?? {}))
    checkNode(property, 'field', keyed(path, key), errors);
  if (schema.additionalProperties !== undefined) {
    if (level === 'root') errors.push(forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
    const additional = additionalSchemaOf(schema);
    if (additional !== undefined) checkNode(additional, 'field', `${path}.additionalProperties`, errors);
  }
  if (isIntOrString(schema) && preservesUnknown(schema))
    errors.push(
      invalid(
        `${path}.x-kubernetes-preserve-unknown-fields`,
        true,
        'must be false if x-kubernetes-int-or-string is true',
      ),
    );
  if (isIntOrString(schema) && isEmbedded(schema))
    errors.push(
      invalid(`${path}.x-kubernetes-embedded-resource`, true, 'must be false if x-kubernetes-int-or-string is true'),
    );
  const skipsAnyOf = equalJson(schema.anyOf, intOrString);
  const skipsFirstAllOf = equalJson(schema.allOf?.[0]?.anyOf, intOrString);
  checkRules(schema, skipsAnyOf, skipsFirstAllOf, path, errors);

  if (isEmbedded(schema) && type !== 'object') {
    const text = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? required(`${path}.type`, text) : invalid(`${path}.type`, type, text));
  } else if (type === '' && !isIntOrString(schema) && !preservesUnknown(schema))
    errors.push(required(`${path}.type`, missingType[level]));
  if (isEmbedded(schema) && schema.additionalProperties !== undefined)
    errors.push(forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'));
  if (level === 'root' && type !== '' && type !== 'object')
    errors.push(invalid(`${path}.type`, type, 'must be object at the root'));
  checkMetaProperties(schema, level, path, errors);
  if (isEmbedded(schema) && !preservesUnknown(schema) && Object.keys(schema.properties ?? {}).length === 0)
    errors.push(
      required(
        `${path}.properties`,
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
}

const intOrString = [{ type: 'integer' }, { type: 'string' }];

function checkMetaProperties(schema: Schema, level: Level, path: string, errors: FieldError[]): void {
  const isObject = level === 'root' || isEmbedded(schema);
  if (!isObject) return;
  for (const name of ['kind', 'apiVersion']) {
    const property = propertyOf(schema, name);
    if (property !== undefined && property.type !== 'string')
      errors.push(invalid(`${keyed(path, name)}.type`, property.type ?? '', 'must be string'));
  }
  const metadata = propertyOf(schema, 'metadata');
  if (metadata === undefined) return;
  const at = keyed(path, 'metadata');
  if (metadata.type !== 'object') errors.push(invalid(`${at}.type`, metadata.type ?? '', 'must be object'));
  if (level !== 'root') return;
  const { type: _type, default: _default, properties = {}, ...rest } = metadata;
  const others = Object.keys(properties).filter((name) => name !== 'name' && name !== 'generateName');
  const said = Object.entries(rest).filter(([name, value]) => value !== undefined && !valueRules.has(name));
  const rules = Object.entries(rest).filter(([name, value]) => value !== undefined && valueRules.has(name));
  if (others.length > 0 || said.length > 0 || rules.length > 0)
    errors.push(
      forbidden(at, 'must not specify anything other than name and generateName, but metadata is implicitly specified'),
    );
}

/** What says something of values and nothing of structure. */
const valueRules = new Set([
  'format',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'uniqueItems',
  'multipleOf',
  'enum',
  'maxProperties',
  'minProperties',
  'required',
  'allOf',
  'oneOf',
  'anyOf',
  'not',
]);

function checkRules(
  schema: Schema,
  skipsAnyOf: boolean,
  skipsFirstAllOf: boolean,
  path: string,
  errors: FieldError[],
): void {
  if (!skipsAnyOf) schema.anyOf?.forEach((one, index) => checkNested(one, false, `${path}.anyOf[${index}]`, errors));
  schema.allOf?.forEach((one, index) =>
    checkNested(one, skipsFirstAllOf && index === 0, `${path}.allOf[${index}]`, errors),
  );
  schema.oneOf?.forEach((one, index) => checkNested(one, false, `${path}.oneOf[${index}]`, errors));
  if (schema.not !== undefined) checkNested(schema.not, false, `${path}.not`, errors);
  if (schema.pattern !== undefined && schema.pattern !== '') {
    const compiled = compilePattern(schema.pattern);
    if (typeof compiled === 'string')
      errors.push(
        invalid(`${path}.pattern`, schema.pattern, `must be a valid regular expression, but isn't: ${compiled}`),
      );
  }
}

const extensionsNot = {
  'x-kubernetes-preserve-unknown-fields': 'must be false to be structural',
  'x-kubernetes-embedded-resource': 'must be false to be structural',
  'x-kubernetes-int-or-string': 'must be false to be structural',
  'x-kubernetes-list-map-keys': 'must be empty to be structural',
  'x-kubernetes-list-type': 'must be undefined to be structural',
  'x-kubernetes-map-type': 'must be undefined to be structural',
  'x-kubernetes-validations': 'must be empty to be structural',
} as const;
const genericsNot = {
  type: 'must be empty to be structural',
  additionalProperties: 'must be undefined to be structural',
  default: 'must be undefined to be structural',
  title: 'must be empty to be structural',
  description: 'must be empty to be structural',
  nullable: 'must be false to be structural',
} as const;

const isSaid = (value: unknown): boolean =>
  value !== undefined && value !== false && value !== '' && !(Array.isArray(value) && value.length === 0);

/** Inside of anyOf, oneOf, allOf and not: only what restricts values. */
function checkNested(schema: Schema, skipsAnyOf: boolean, path: string, errors: FieldError[]): void {
  checkRules(schema, skipsAnyOf, false, path, errors);
  const items = itemsOf(schema);
  if (items !== undefined) checkNested(items, false, `${path}.items`, errors);
  for (const [key, property] of Object.entries(schema.properties ?? {}))
    checkNested(property, false, keyed(path, key), errors);
  for (const [name, text] of Object.entries({ ...genericsNot, ...extensionsNot }))
    if (isSaid((schema as Readonly<Record<string, unknown>>)[name])) errors.push(forbidden(`${path}.${name}`, text));
  if (propertyOf(schema, 'metadata') !== undefined)
    errors.push(forbidden(keyed(path, 'metadata'), 'must not be specified in a nested context'));
}

/** Whatever is restricted in there is also said outside. */
function checkCompleteness(
  rules: Schema,
  schema: Schema | undefined,
  schemaPath: string,
  path: string,
  errors: FieldError[],
): void {
  const nested = (one: Schema | undefined, at: string): void => {
    if (one === undefined) return;
    checkCompleteness(one, schema, schemaPath, at, errors);
    const items = itemsOf(one);
    if (items !== undefined) {
      const inner = itemsOf(schema);
      if (inner === undefined) errors.push(required(`${schemaPath}.items`, `because it is defined in ${at}.items`));
      else checkNestedCompleteness(items, inner, `${schemaPath}.items`, `${at}.items`, errors);
    }
    for (const [key, property] of Object.entries(one.properties ?? {})) {
      const inner = propertyOf(schema, key);
      if (inner === undefined)
        errors.push(required(keyed(schemaPath, key), `because it is defined in ${keyed(at, key)}`));
      else checkNestedCompleteness(property, inner, keyed(schemaPath, key), keyed(at, key), errors);
    }
  };
  nested(rules.not, `${path}.not`);
  rules.allOf?.forEach((one, index) => nested(one, `${path}.allOf[${index}]`));
  rules.anyOf?.forEach((one, index) => nested(one, `${path}.anyOf[${index}]`));
  rules.oneOf?.forEach((one, index) => nested(one, `${path}.oneOf[${index}]`));
}

/** A part of a restriction, with the part of the schema that it is about. */
const checkNestedCompleteness = (
  rules: Schema,
  schema: Schema,
  schemaPath: string,
  path: string,
  errors: FieldError[],
): void =>
  checkCompleteness(
    // As if it were the only restriction: its own parts are looked at in the same way.
    { allOf: [rules] },
    schema,
    schemaPath,
    path.replace(/\.allOf\[0\]$/, ''),
    errors,
  );
