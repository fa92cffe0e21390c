// The text that Go's spew prints of a PodTemplateSpec (`%#v`, keys sorted): upstream hashes it (k8s.io/utils/dump ForHash).
// The structures are in pod-template-types.json: a structure is a list of `field jsonName type`, its name empty where another
// is embedded; any other named type is what it is made of.
import { InvariantError } from '#base/errors.ts';
import { parseQuantity, type Quantity } from '#api/quantity.ts';
import table from './pod-template-types.json' with { type: 'json' };

type Node = Readonly<Record<string, unknown>>;
interface Field {
  readonly goName: string;
  /** '': embedded, its members are among those of what holds it. */
  readonly name: string;
  readonly type: string;
}

const types: Readonly<Record<string, string | readonly string[]>> = table;
const structures = new Map<string, readonly Field[]>();

function fieldsOf(type: string): readonly Field[] | undefined {
  const known = structures.get(type);
  if (known !== undefined) return known;
  const rows = types[type];
  if (typeof rows !== 'object') return undefined;
  const fields = rows.map((row) => {
    const [goName = '', name = '', fieldType = ''] = row.split(' ');
    return { goName, name, type: fieldType };
  });
  structures.set(type, fields);
  return fields;
}

const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));
const wholeNumber = (value: unknown): string => (typeof value === 'number' ? String(value) : '0');
const isEmpty = (value: unknown): boolean => value === undefined || value === null;

/** Elements of lists, members of maps and what a pointer leads to are shown without their type. */
function shown(type: string, value: unknown): string {
  // Go's decoder makes nothing of lists and maps without members.
  if (type.startsWith('[]')) {
    const list = (value ?? []) as readonly unknown[];
    const element = type.slice(2);
    return list.length === 0 ? '<nil>' : `[${list.map((one) => member(element, one)).join(' ')}]`;
  }
  if (type.startsWith('map[')) {
    const entries = Object.entries((value ?? {}) as Node).toSorted(([one], [other]) => byBytes(one, other));
    const element = type.slice(type.indexOf(']') + 1);
    return entries.length === 0
      ? '<nil>'
      : `map[${entries.map(([key, one]) => `${key}:${member(element, one)}`).join(' ')}]`;
  }
  switch (type) {
    case 'string':
      return isEmpty(value) ? '' : String(value);
    case 'bool':
      return value === true ? 'true' : 'false';
    case 'int32':
    case 'int64':
      return wholeNumber(value);
    case 'resource.Quantity':
      return quantity(value);
    case 'intstr.IntOrString':
      return typeof value === 'string'
        ? `{Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string)${value}}`
        : `{Type:(intstr.Type)0 IntVal:(int32)${wholeNumber(value)} StrVal:(string)}`;
    case 'v1.Time':
      return time(value);
    case 'v1.FieldsV1':
      return `{Raw:([]uint8)${isEmpty(value) ? '<nil>' : `[${[...Buffer.from(JSON.stringify(value))].join(' ')}]`}}`;
  }
  const fields = fieldsOf(type);
  if (fields !== undefined) {
    const node = (value ?? {}) as Node;
    return `{${fields.map((one) => `${one.goName}:${typed(one.type, one.name === '' ? node : node[one.name])}`).join(' ')}}`;
  }
  const made = types[type];
  if (typeof made !== 'string') throw new InvariantError(`no Go type ${type}`);
  return shown(made, value);
}

const member = (type: string, value: unknown): string =>
  type.startsWith('*') ? pointer(type, value, false) : shown(type, value);

const typed = (type: string, value: unknown): string =>
  type.startsWith('*') ? pointer(type, value, true) : `(${type})${shown(type, value)}`;

function pointer(type: string, value: unknown, withType: boolean): string {
  if (isEmpty(value)) return withType ? `(${type})<nil>` : '<nil>';
  return `${withType ? `(${type})` : '<*>'}${shown(type.slice(1), value)}`;
}

function quantity(value: unknown): string {
  const parsed = isEmpty(value) ? undefined : parseQuantity(String(value));
  const small = parsed?.isBeyondInt64 === true ? { value: 0n, scale: 0 } : (parsed ?? { value: 0n, scale: 0 });
  const decimal = parsed?.isBeyondInt64 === true ? `(*inf.Dec)${decimalOf(parsed)}` : '(*inf.Dec)<nil>';
  const number = `{value:(int64)${small.value} scale:(resource.Scale)${small.scale}}`;
  return (
    `{i:(resource.int64Amount)${number} d:(resource.infDecAmount){Dec:${decimal}}` +
    ` s:(string)${parsed?.text ?? ''} Format:(resource.Format)${parsed?.format ?? ''}}`
  );
}

/** Upstream rounds to billionths, and caps amounts in powers of two to what 64 bits hold. */
function decimalOf({ value, scale, isCapped }: Quantity): string {
  const unscaled = isCapped === true || value === 0n ? value : value * 10n ** BigInt(scale + 9);
  const words: bigint[] = [];
  for (let rest = unscaled < 0n ? -unscaled : unscaled; rest > 0n; rest >>= 64n) words.push(BigInt.asUintN(64, rest));
  const decimals = isCapped === true || value === 0n ? -scale : 9;
  const integer = `{neg:(bool)${unscaled < 0n} abs:(big.nat)[${words.join(' ')}]}`;
  return `{unscaled:(big.Int)${integer} scale:(inf.Scale)${decimals === 0 ? 0 : decimals}}`;
}

/** Seconds between the years 1 and 1970. */
const beforeUnixSeconds = 62_135_596_800;
/** As in a process whose time zone is UTC; upstream's text has the zone of its machine. */
const utc =
  '{name:(string)UTC zone:([]time.zone)<nil> tx:([]time.zoneTrans)<nil> extend:(string)' +
  ' cacheStart:(int64)0 cacheEnd:(int64)0 cacheZone:(*time.zone)<nil>}';

function time(value: unknown): string {
  const seconds = isEmpty(value) ? undefined : Math.floor(Date.parse(String(value)) / 1000) + beforeUnixSeconds;
  const location = seconds === undefined ? '<nil>' : utc;
  return `{Time:(time.Time){wall:(uint64)0 ext:(int64)${seconds ?? 0} loc:(*time.Location)${location}}}`;
}

/** Of a template in the form in which it is stored. */
export const dumpOfTemplate = (template: Node): string => typed('v1.PodTemplateSpec', template);
