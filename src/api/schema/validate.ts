// What the schema itself says of a value: required fields, closed sets of values, list keys. For kinds and parts without rules
// of their own; upstream's hand-written rules say the same with more words.
import { duplicate, notSupported, required, invalid, type FieldError } from '../field-error.ts';
import { typeFacts, type FieldType, type StructType, type ValueType } from './type-table.ts';

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Paths start at the object: `spec.containers[0].name`. ObjectMeta is validated by the caller. */
export function validateSchema(typeName: string, object: object): FieldError[] {
  const errors: FieldError[] = [];
  checkStruct(typeFacts(typeName), object as Node, '', errors);
  return errors;
}

/** The same for one member of a struct, such as a volume source that has no rules of its own. */
export function validateSchemaMember(typeName: string, member: string, value: unknown, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const field = typeFacts(typeName).byName.get(member);
  if (field !== undefined && value !== undefined && value !== null) checkValue(field, field.type, value, path, errors);
  return errors;
}

const metadataTypes = new Set([
  'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta',
  'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta',
]);

function checkStruct(struct: StructType, object: Node, path: string, errors: FieldError[]): void {
  for (const field of struct.fields) {
    const at = path === '' ? field.name : `${path}.${field.name}`;
    const value = object[field.name];
    if (isMissing(field, value)) {
      // A null that must be said counts as nothing here: no reader meets a null.
      if (field.rules.required === true && field.rules.nullable !== true && !isServerFilled(at))
        errors.push(required(at));
      continue;
    }
    if (field.type.kind === 'struct' && metadataTypes.has(field.type.name)) continue;
    checkValue(field, field.type, value, at, errors);
  }
}

/** Status is what controllers write: its zero values are values. */
const isServerFilled = (path: string) => path === 'status' || path.startsWith('status.');

/** Absent, or the zero value of a text or list: for those Go cannot tell the two apart. */
function isMissing(field: FieldType, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return !field.pointer && value === '';
}

function checkValue(field: FieldType, type: ValueType, value: unknown, path: string, errors: FieldError[]): void {
  const { rules } = field;
  switch (type.kind) {
    case 'scalar':
      if (rules.enum !== undefined && typeof value === 'string' && !rules.enum.includes(value))
        errors.push(notSupported(path, value, rules.enum));
      checkLimits(field, value, path, errors);
      return;
    case 'struct':
      if (isNode(value)) checkStruct(type, value, path, errors);
      return;
    case 'list':
      if (Array.isArray(value)) checkList(field, type.element, value, path, errors);
      return;
    case 'map':
      if (isNode(value))
        for (const key of Object.keys(value)) checkElement(field, type.value, value[key], `${path}[${key}]`, errors);
  }
}

function checkElement(field: FieldType, type: ValueType, value: unknown, path: string, errors: FieldError[]): void {
  const { itemEnum } = field.rules;
  if (type.kind === 'struct') {
    if (isNode(value)) checkStruct(type, value, path, errors);
  } else if (itemEnum !== undefined && typeof value === 'string' && !itemEnum.includes(value))
    errors.push(notSupported(path, value, itemEnum));
}

function checkLimits({ rules }: FieldType, value: unknown, path: string, errors: FieldError[]): void {
  if (typeof value === 'number') {
    if (rules.minimum !== undefined && value < rules.minimum)
      errors.push(invalid(path, value, `should be greater than or equal to ${rules.minimum}`));
    if (rules.maximum !== undefined && value > rules.maximum)
      errors.push(invalid(path, value, `should be less than or equal to ${rules.maximum}`));
  }
  if (typeof value !== 'string') return;
  if (rules.maxLength !== undefined && value.length > rules.maxLength)
    errors.push({
      reason: 'FieldValueTooLong',
      field: path,
      message: `Too long: may not be more than ${rules.maxLength} bytes`,
    });
  if (rules.minLength !== undefined && value.length < rules.minLength)
    errors.push(invalid(path, value, `should be at least ${rules.minLength} chars long`));
}

function checkList(
  field: FieldType,
  element: ValueType,
  list: readonly unknown[],
  path: string,
  errors: FieldError[],
): void {
  const { listType, listMapKeys } = field.rules;
  const seen = new Set<string>();
  list.forEach((item, index) => {
    const at = `${path}[${index}]`;
    checkElement(field, element, item, at, errors);
    const key = identityOf(listType, listMapKeys, item);
    if (key === undefined) return;
    if (seen.has(key)) errors.push(duplicate(at, JSON.parse(key)));
    seen.add(key);
  });
}

function identityOf(
  listType: string | undefined,
  keys: readonly string[] | undefined,
  item: unknown,
): string | undefined {
  if (listType === 'set') return JSON.stringify(item);
  if (listType !== 'map' || keys === undefined || !isNode(item)) return undefined;
  const identity = Object.fromEntries(keys.map((key) => [key, item[key] ?? null]));
  return JSON.stringify(identity);
}
