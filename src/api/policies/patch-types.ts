// What expressions of mutating policies make: `Object{spec: Object.spec{...}}`, whose types are named by their place, and
// `JSONPatch{op: ..., path: ...}`.
import { FunctionTable } from '../cel/check/functions.ts';
import { toJson } from '../cel/run/adapt.ts';
import { CelError, CelList, CelMap, CelObject } from '../cel/run/values.ts';
import { dynType, objectType, stringType, type CelType } from '../cel/types.ts';

class MadeObject extends CelObject {
  override readonly celType: CelType;
  readonly fields: ReadonlyMap<string, unknown>;
  constructor(celType: CelType, fields: ReadonlyMap<string, unknown>) {
    super();
    this.celType = celType;
    this.fields = fields;
  }
  override get size(): number {
    return this.fields.size;
  }
  override get(field: string): unknown {
    return this.fields.get(field);
  }
  override keys(): Iterable<string> {
    return this.fields.keys();
  }
}

const made = (name: string, field: (name: string) => CelType | undefined): CelType => {
  const type: CelType = objectType(name, field, { construct: (fields) => new MadeObject(type, fields) });
  return type;
};

/** Upstream has no type for a field that is none: its message shows nothing. */
const noType = objectType('');
export const jsonPatchType = made('JSONPatch', (field) =>
  field === 'op' || field === 'path' || field === 'from' ? stringType : field === 'value' ? dynType : noType,
);

const objectTypes = new Map<string, CelType>();
/** Types by their names are the same; a bound, since names come from expressions. */
const objectTypesMax = 1_000;

export const applyType: CelType = objectTypeAt('Object');

function objectTypeAt(name: string): CelType {
  let type = objectTypes.get(name);
  if (type === undefined) {
    if (objectTypes.size >= objectTypesMax) objectTypes.clear();
    objectTypes.set(name, (type = made(name, () => dynType)));
  }
  return type;
}

export function patchType(name: string): CelType | undefined {
  if (name === 'JSONPatch') return jsonPatchType;
  return name === 'Object' || name.startsWith('Object.') ? objectTypeAt(name) : undefined;
}

const pointerPart = (text: string): string => text.replaceAll('~', '~0').replaceAll('/', '~1');

export function withPatchFunctions(base: FunctionTable): FunctionTable {
  const table = new FunctionTable(base);
  table.declare('string_jsonpatch_escapeKey_string: jsonpatch.escapeKey(string): string', pointerPart);
  return table;
}

/** Objects in places that their types do not name. */
function misplaced(value: unknown, place: string): string[] {
  if (value instanceof MadeObject) {
    const { name } = value.celType;
    return [
      ...(name === place
        ? []
        : [
            `unexpected type name ${JSON.stringify(name)}, expected ${JSON.stringify(place)}, which matches field name path from root Object type`,
          ]),
      ...Array.from(value.fields).flatMap(([field, one]) => misplaced(one, `${place}.${field}`)),
    ];
  }
  if (value instanceof CelList) return Array.from(value).flatMap((one) => misplaced(one, place));
  if (value instanceof CelMap) return Array.from(value.keys()).flatMap((key) => misplaced(value.get(key), place));
  return [];
}

/** Throws CelError. */
export function objectOfExpression(value: unknown): Record<string, unknown> {
  const wrong = value instanceof MadeObject ? misplaced(value, value.celType.name) : [];
  if (wrong.length > 0) throw new CelError(`type mismatch: ${wrong.join('\n')}`);
  return toJson(value) as Record<string, unknown>;
}

/** RFC 6902. Throws CelError. */
export function operationsOfExpression(value: unknown): Record<string, unknown>[] {
  return Array.from(value as CelList, (one) => {
    const { fields } = one as MadeObject;
    const operation: Record<string, unknown> = {
      op: textOf(fields, 'op'),
      path: textOf(fields, 'path'),
    };
    const from = textOf(fields, 'from');
    if (from !== '') operation['from'] = from;
    if (fields.has('value')) {
      const given = fields.get('value');
      operation['value'] = given instanceof MadeObject ? objectOfExpression(given) : toJson(given);
    }
    return operation;
  });
}

function textOf(fields: ReadonlyMap<string, unknown>, field: string): string {
  const value = fields.get(field) ?? '';
  if (typeof value !== 'string') throw new CelError(`unexpected type for JSONPatchType '${field}' field`);
  return value;
}
