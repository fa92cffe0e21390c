// One CBOR item to the plain JSON value that it stands for, with a type or without one, as upstream's decoder does it for
// Kubernetes: which forms a field takes, what of it is told, and in which order. The bytes are known to be well-formed.
import { base64Problem } from '../schema/value-decoder.ts';
import {
  jsonSchemaPropsName,
  typeFacts,
  type ScalarType,
  type StructType,
  type ValueType,
} from '../schema/type-table.ts';
import {
  duplicateKey,
  problem,
  TypeProblem,
  unacceptableSimple,
  unknownField,
  type MapKey,
  type Problem,
} from './problems.ts';
import { CborReader, major, majorName, selfDescribedTag } from './reader.ts';
import { timeOfTag } from './time-tag.ts';

export type Node = Record<string, unknown>;

/** What decoding a struct asks of it. */
export interface StructLike {
  readonly goType: string;
  readonly byName: ReadonlyMap<string, FieldLike>;
}
interface FieldLike {
  readonly name: string;
  readonly pointer: boolean;
  readonly type: ValueType;
}

export type StructTarget = StructLike & { readonly kind: 'struct' };
type Target = Exclude<ValueType, StructType> | StructTarget;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Go's strings are bytes; what JSON then shows of those that are no UTF-8. */
const lenientUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const int64Max = 2n ** 63n - 1n;
const anyMap = 'map[string]interface {}';
const anyType: ValueType = { kind: 'scalar', scalar: 'json', goType: 'interface {}' };
const anyValues: ValueType = { kind: 'map', value: anyType, goType: anyMap };
const textType: ScalarType = { kind: 'scalar', scalar: 'string', goType: 'string' };
const int32Type: ScalarType = { kind: 'scalar', scalar: 'int32', goType: 'int32' };

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), int64Max],
  uint8: [0n, 255n],
};

/** Plain assignment would lose a key named __proto__. */
function define(target: Node, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else target[key] = value;
}

function wrongTagContent(tag: number, firstByte: number): Problem | undefined {
  const type = firstByte >> 5;
  const isTimeNumber = type <= major.negative || (firstByte >= 0xf9 && firstByte <= 0xfb);
  if (tag === 0 && type !== major.text)
    return problem(`cbor: tag number 0 must be followed by text string, got ${majorName(type)}`);
  if (tag === 1 && !isTimeNumber)
    return problem(`cbor: tag number 1 must be followed by integer or floating-point number, got ${majorName(type)}`);
  return undefined;
}

export class CborDecoder {
  readonly #reader: CborReader;
  /** Keys that no field has are told. */
  readonly #isStrict: boolean;
  /** Tags 21 to 23 around what is read now: the text that its bytes become. */
  readonly #later: number[] = [];
  #problem: Problem | undefined;

  /** Throws CborError for bytes that are not well-formed. */
  constructor(bytes: Uint8Array, isStrict: boolean) {
    this.#reader = new CborReader(bytes);
    this.#reader.checkWellFormed();
    this.#isStrict = isStrict;
  }

  struct(struct: StructTarget): { readonly value: Node; readonly problem: Problem | undefined } {
    const value = this.#typed(struct, false);
    return { value: (value ?? {}) as Node, problem: this.#problem };
  }

  /** `map[string]interface{}`: null is undefined. */
  anyMap(): { readonly value: Node | undefined; readonly problem: Problem | undefined } {
    const value = this.#typed(anyValues, false);
    return { value: value as Node | undefined, problem: this.#problem };
  }

  typed(type: Target, isPointer: boolean): { readonly value: unknown; readonly problem: Problem | undefined } {
    const value = this.#typed(type, isPointer);
    return { value, problem: this.#problem };
  }

  /** The first one stays. */
  #note(found: Problem): undefined {
    this.#problem ??= found;
    return undefined;
  }

  #mismatch(type: number, goType: string, detail?: string): undefined {
    return this.#note(new TypeProblem(type, goType, detail));
  }

  /** What `run` finds, apart from what was found before. */
  #apart<Value>(run: () => Value): { readonly value: Value; readonly found: Problem | undefined } {
    const before = this.#problem;
    this.#problem = undefined;
    const value = run();
    const found = this.#problem;
    this.#problem = before;
    return { value, found };
  }

  /** Self-description says nothing; a tag that has a meaning must stand before what it is for. False: it does not, and all is passed over. */
  #stripTags(): boolean {
    const reader = this.#reader;
    let start = reader.at;
    while (reader.nextType() === major.tag) {
      reader.head();
      if (reader.argument !== selfDescribedTag) break;
      start = reader.at;
    }
    for (reader.at = start; reader.nextType() === major.tag;) {
      reader.head();
      const wrong = wrongTagContent(reader.argument, reader.bytes[reader.at]!);
      if (wrong === undefined) continue;
      reader.skip();
      this.#note(wrong);
      return false;
    }
    reader.at = start;
    return true;
  }

  /** Undefined: nothing, or it does not fit. */
  #typed(type: Target, isPointer: boolean): unknown {
    const reader = this.#reader;
    if (isPointer && reader.nextIsNothing()) {
      reader.skip();
      return undefined;
    }
    if (!this.#stripTags()) return undefined;
    if (type.kind === 'scalar') {
      const whole = this.#wholeScalar(type);
      if (whole !== undefined) return whole.value;
    }
    const next = reader.nextType();
    if (next === major.array || next === major.map) return this.#container(type, next);
    reader.head();
    switch (next) {
      case major.positive:
      case major.negative:
        return this.#integer(type, next);
      case major.bytes:
        return this.#byteString(type);
      case major.text:
        return this.#textString(type);
      case major.tag:
        return this.#tagged(() => this.#typed(type, false));
      default:
        return this.#primitive(type);
    }
  }

  /** Tags of a later encoding hold for what is in them. */
  #tagged<Value>(run: () => Value): Value {
    const tag = this.#reader.argument;
    if (tag < 21 || tag > 23) return run();
    this.#later.push(tag);
    const value = run();
    this.#later.pop();
    return value;
  }

  #container(type: Target, next: number): unknown {
    const reader = this.#reader;
    if (next === major.array && (type.kind === 'list' || isBytes(type))) return this.#list(type);
    if (next === major.map && type.kind === 'struct') return this.#structValue(type);
    if (next === major.map && type.kind === 'map') return this.#map(type.value);
    reader.skip();
    const detail = type.kind === 'struct' ? 'cannot decode CBOR array to struct without toarray option' : '';
    return this.#mismatch(next, type.goType, detail);
  }

  #list(type: Target): unknown {
    const reader = this.#reader;
    const element = type.kind === 'list' ? type.element : byteType;
    reader.head();
    const { argument, isIndefinite } = reader;
    const list: unknown[] = [];
    for (let index = 0; isIndefinite ? !reader.tookBreak() : index < argument; index++)
      list.push(this.#typed(element, false) ?? null);
    return type.kind === 'list' ? list : Buffer.from(list as number[]).toString('base64');
  }

  #map(valueType: Target): Node {
    const reader = this.#reader;
    reader.head();
    const { argument, isIndefinite } = reader;
    const map: Node = {};
    for (let index = 0; isIndefinite ? !reader.tookBreak() : index < argument; index++) {
      const key = this.#apart(() => this.#typed(textType, false));
      if (key.found !== undefined) {
        this.#note(key.found);
        reader.skip();
        continue;
      }
      const name = typeof key.value === 'string' ? key.value : '';
      const { value, found } = this.#apart(() => this.#typed(valueType, false));
      if (found !== undefined) this.#note(found);
      else if (Object.hasOwn(map, name)) {
        this.#problem = duplicateKey(name, index);
        this.#skipRest(isIndefinite, argument - index - 1);
        return map;
      } else define(map, name, value ?? null);
    }
    return map;
  }

  #skipRest(isIndefinite: boolean, pairs: number): void {
    const reader = this.#reader;
    for (let index = 0; isIndefinite ? !reader.tookBreak() : index < pairs; index++) {
      reader.skip();
      reader.skip();
    }
  }

  /** A key of a struct; undefined: it can be none, which is noted. */
  #structKey(): MapKey | undefined {
    const reader = this.#reader;
    const next = reader.nextType();
    if (next === major.text || next === major.bytes) {
      reader.head();
      return next === major.bytes ? lenientUtf8.decode(this.#content()) : this.#strictText();
    }
    if (next <= major.negative) {
      reader.head();
      const exact = reader.big ?? BigInt(reader.argument);
      if (next === major.positive) return BigInt.asIntN(64, exact);
      if (exact <= int64Max) return -1n - exact;
      return this.#mismatch(next, 'int64', `-1-${exact} overflows Go's int64`);
    }
    this.#mismatch(
      next,
      'string',
      `map key is of type ${majorName(next)} and cannot be used to match struct field name`,
    );
    const { value, found } = this.#apart(() => this.#any());
    return found === undefined && isKey(value) ? value : undefined;
  }

  #structValue(struct: StructLike): Node {
    const reader = this.#reader;
    reader.head();
    const { argument, isIndefinite } = reader;
    const result: Node = {};
    const seen = new Set<unknown>();
    for (let index = 0; isIndefinite ? !reader.tookBreak() : index < argument; index++) {
      const key = this.#structKey();
      if (key === undefined) {
        reader.skip();
        continue;
      }
      const field = typeof key === 'string' ? struct.byName.get(key) : undefined;
      const isAgain = seen.has(key);
      if (isAgain || (field === undefined && this.#isStrict)) {
        reader.skip();
        this.#problem = isAgain ? duplicateKey(key, index) : unknownField(index);
        this.#skipRest(isIndefinite, argument - index - 1);
        return result;
      }
      seen.add(key);
      if (field === undefined) reader.skip();
      else this.#field(result, struct, field);
    }
    return result;
  }

  #field(result: Node, struct: StructLike, field: FieldLike): void {
    const { value, found } = this.#apart(() => this.#typed(field.type, field.pointer));
    if (value !== undefined) result[field.name] = value;
    if (found === undefined || this.#problem !== undefined) return;
    if (found instanceof TypeProblem) found.isIn(`${struct.goType}.${field.name}`);
    this.#problem = found;
  }

  #integer(type: Target, next: number): unknown {
    const { argument, big } = this.#reader;
    const exact = next === major.positive ? (big ?? BigInt(argument)) : -1n - (big ?? BigInt(argument));
    if (exact < -(2n ** 63n)) return this.#mismatch(next, type.goType, `${exact} overflows Go's int64`);
    if (type.kind === 'scalar' && type.scalar === 'number') return Number(exact);
    const range = type === byteType ? ranges['uint8'] : type.kind === 'scalar' ? ranges[type.scalar] : undefined;
    if (range === undefined) return this.#mismatch(next, type.goType);
    if (exact < range[0] || exact > range[1])
      return this.#mismatch(next, type.goType, `${exact} overflows ${type.goType}`);
    return Number(exact);
  }

  #content(): Uint8Array {
    const chunks = this.#reader.chunks();
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  /** Each chunk is a text of its own. */
  #strictText(): string | undefined {
    try {
      return this.#reader
        .chunks()
        .map((chunk) => utf8.decode(chunk))
        .join('');
    } catch {
      return this.#note(problem('cbor: invalid UTF-8 string'));
    }
  }

  /** Bytes are a text as they are, unless a tag says how they are shown. */
  #bytesAsText(): string {
    const content = this.#content();
    const tag = this.#later.at(-1);
    if (tag === undefined) return lenientUtf8.decode(content);
    return Buffer.from(content).toString(tag === 21 ? 'base64url' : tag === 22 ? 'base64' : 'hex');
  }

  #byteString(type: Target): unknown {
    if (type.kind === 'scalar' && type.scalar === 'string') return this.#bytesAsText();
    const content = this.#content();
    if (!isBytes(type)) return this.#mismatch(major.bytes, type.goType);
    if (this.#later.length > 0) return Buffer.from(content).toString('base64');
    const text = Buffer.from(content).toString('latin1');
    const wrong = base64Problem(text);
    return wrong === undefined
      ? text.replaceAll(/[\r\n]/g, '')
      : this.#note(problem(`cbor: failed to decode base64 from byte string: ${wrong}`));
  }

  #textString(type: Target): unknown {
    const text = this.#strictText();
    if (text === undefined || (type.kind === 'scalar' && type.scalar === 'string')) return text;
    return this.#mismatch(major.text, type.goType);
  }

  #primitive(type: Target): unknown {
    const { info, argument } = this.#reader;
    if (info >= 25) {
      const isNumber = type.kind === 'scalar' && type.scalar === 'number';
      return isNumber ? this.#reader.float() : this.#mismatch(major.primitive, type.goType);
    }
    if (argument < 20 || argument > 22) return this.#note(unacceptableSimple(argument));
    if (argument === 22) return undefined;
    const isBoolean = type.kind === 'scalar' && type.scalar === 'boolean';
    return isBoolean ? argument === 21 : this.#mismatch(major.primitive, type.goType);
  }

  /** The bytes of the next item, for types that read their own. */
  #raw(): Uint8Array {
    const start = this.#reader.at;
    this.#reader.skip();
    return this.#reader.bytes.subarray(start, this.#reader.at);
  }

  /** Types that are told apart by what stands there; undefined: it is none of them. */
  #wholeScalar(type: ScalarType): { readonly value: unknown } | undefined {
    switch (type.scalar) {
      case 'time':
      case 'microTime':
      case 'quantity':
        return { value: this.#alone(textType, true) };
      case 'intOrString': {
        const bytes = this.#raw();
        const text = new CborDecoder(bytes, true).typed(textType, false);
        if (text.problem === undefined) return { value: text.value ?? '' };
        const number = new CborDecoder(bytes, true).typed(int32Type, false);
        if (number.problem !== undefined) this.#note(number.problem);
        return { value: number.value };
      }
      case 'json':
      case 'duration':
      case 'rawExtension':
      case 'fieldsV1':
        return { value: this.#any() };
      case 'jsonSchemaOrArray':
      case 'jsonSchemaOrBool':
      case 'jsonSchemaOrStringArray':
        return { value: this.#schemaChoice(type) };
      default:
        return undefined;
    }
  }

  /** As by a decoder of its own: tags around it do not count. */
  #alone(type: Target, isPointer: boolean): unknown {
    const { value, problem: found } = new CborDecoder(this.#raw(), true).typed(type, isPointer);
    if (found !== undefined) this.#note(found);
    return value;
  }

  #schemaChoice({ scalar }: ScalarType): unknown {
    const reader = this.#reader;
    const next = reader.nextType();
    const schema = typeFacts(jsonSchemaPropsName);
    if (next === major.map) return this.#alone(schema, false);
    const byte = reader.bytes[reader.at];
    if (scalar === 'jsonSchemaOrBool') {
      reader.skip();
      return byte === 0xf4 || byte === 0xf5 ? byte === 0xf5 : this.#note(problem('boolean or JSON schema expected'));
    }
    if (next !== major.array) {
      reader.skip();
      return undefined;
    }
    const element = scalar === 'jsonSchemaOrArray' ? schema : textType;
    return this.#alone({ kind: 'list', element, goType: `[]${element.goType}` }, false);
  }

  /** Without a type; undefined: nothing. */
  #any(): unknown {
    if (!this.#stripTags()) return undefined;
    const reader = this.#reader;
    const next = reader.nextType();
    if (next === major.array) return this.#list({ kind: 'list', element: anyType, goType: '[]interface {}' });
    if (next === major.map) return this.#map(anyType);
    reader.head();
    switch (next) {
      case major.positive:
      case major.negative:
        return this.#anyInteger(next);
      case major.bytes:
        return this.#bytesAsText();
      case major.text:
        return this.#strictText();
      case major.tag:
        return reader.argument <= 1 ? this.#time(reader.argument) : this.#tagged(() => this.#any());
      default:
        if (reader.info >= 25) return reader.float();
        if (reader.argument < 20 || reader.argument > 22) return this.#note(unacceptableSimple(reader.argument));
        return reader.argument === 22 ? undefined : reader.argument === 21;
    }
  }

  #anyInteger(next: number): number | undefined {
    const { argument, big } = this.#reader;
    const exact = next === major.positive ? (big ?? BigInt(argument)) : -1n - (big ?? BigInt(argument));
    if (exact >= ranges['int64']![0] && exact <= int64Max) return Number(exact);
    return this.#mismatch(next, 'int64', `${exact} overflows Go's int64`);
  }

  #time(tag: number): string | undefined {
    const { value, found } = this.#apart(() =>
      tag === 0
        ? this.#typed(textType, false)
        : this.#typed({ kind: 'scalar', scalar: 'number', goType: 'time.Time' }, false),
    );
    if (found !== undefined) return this.#note(found);
    const time = timeOfTag(value as string | number);
    return typeof time === 'string' ? time : this.#note(problem(time.error));
  }
}

const isKey = (value: unknown): value is MapKey => ['string', 'number', 'boolean'].includes(typeof value);
const isBytes = (type: Target): boolean => type.kind === 'scalar' && type.scalar === 'bytes';
const byteType: ScalarType = { kind: 'scalar', scalar: 'uint32', goType: 'uint8' };
