// One CBOR item to the plain JSON value that it stands for, with a type, as upstream's decoder does it for
// Kubernetes: which forms a field takes, what of it is told, and in which order. The bytes are known to be well-formed.
import { base64Problem } from '../schema/value-decoder.ts';
import {
  jsonSchemaPropsName,
  typeFacts,
  type ScalarType,
  type StructType,
  type ValueType,
} from '../schema/type-table.ts';
import { duplicateKey, problem, TypeProblem, unacceptableSimple, unknownField } from './problems.ts';
import type { MapKey, Problem } from './problems.ts';
import { major, majorName } from './reader.ts';
import { int64Max, int64Min, lenientUtf8, UntypedDecoder, type Node } from './untyped-decoder.ts';

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

const anyMap = 'map[string]interface {}';
const anyType: ValueType = { kind: 'scalar', scalar: 'json', goType: 'interface {}' };
const anyValues: ValueType = { kind: 'map', value: anyType, goType: anyMap };
const textType: ScalarType = { kind: 'scalar', scalar: 'string', goType: 'string' };
const int32Type: ScalarType = { kind: 'scalar', scalar: 'int32', goType: 'int32' };

const secondsType: ScalarType = { kind: 'scalar', scalar: 'number', goType: 'time.Time' };

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [int64Min, int64Max],
  uint8: [0n, 255n],
};

export class CborDecoder extends UntypedDecoder {
  /** Keys that no field has are told. */
  readonly #isStrict: boolean;

  /** Throws CborError for bytes that are not well-formed. */
  constructor(bytes: Uint8Array, isStrict: boolean) {
    super(bytes);
    this.#isStrict = isStrict;
  }

  protected text(): unknown {
    return this.#typed(textType, false);
  }

  protected seconds(): unknown {
    return this.#typed(secondsType, false);
  }

  struct(struct: StructTarget): { readonly value: Node; readonly problem: Problem | undefined } {
    const value = this.#typed(struct, false);
    return { value: (value ?? {}) as Node, problem: this.problem };
  }

  /** `map[string]interface{}`: null is undefined. */
  anyMap(): { readonly value: Node | undefined; readonly problem: Problem | undefined } {
    const value = this.#typed(anyValues, false);
    return { value: value as Node | undefined, problem: this.problem };
  }

  typed(type: Target, isPointer: boolean): { readonly value: unknown; readonly problem: Problem | undefined } {
    const value = this.#typed(type, isPointer);
    return { value, problem: this.problem };
  }

  /** Undefined: nothing, or it does not fit. */
  #typed(type: Target, isPointer: boolean): unknown {
    const reader = this.reader;
    if (isPointer && reader.nextIsNothing()) {
      reader.skip();
      return undefined;
    }
    if (!this.stripTags()) return undefined;
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
        return this.tagged(() => this.#typed(type, false));
      default:
        return this.#primitive(type);
    }
  }

  #container(type: Target, next: number): unknown {
    const reader = this.reader;
    if (next === major.array && (type.kind === 'list' || isBytes(type))) return this.#list(type);
    if (next === major.map && type.kind === 'struct') return this.#structValue(type);
    if (next === major.map && type.kind === 'map') return this.map(() => this.#typed(type.value, false));
    reader.skip();
    const detail = type.kind === 'struct' ? 'cannot decode CBOR array to struct without toarray option' : '';
    return this.mismatch(next, type.goType, detail);
  }

  #list(type: Target): unknown {
    if (type.kind === 'list') return this.list(() => this.#typed(type.element, false));
    return Buffer.from(this.list(() => this.#typed(byteType, false)) as number[]).toString('base64');
  }

  /** A key of a struct; undefined: it can be none, which is noted. */
  #structKey(): MapKey | undefined {
    const reader = this.reader;
    const next = reader.nextType();
    if (next === major.text || next === major.bytes) {
      reader.head();
      return next === major.bytes ? lenientUtf8.decode(this.content()) : this.strictText();
    }
    if (next <= major.negative) {
      reader.head();
      const exact = reader.big ?? BigInt(reader.argument);
      if (next === major.positive) return BigInt.asIntN(64, exact);
      if (exact <= int64Max) return -1n - exact;
      return this.mismatch(next, 'int64', `-1-${exact} overflows Go's int64`);
    }
    this.mismatch(
      next,
      'string',
      `map key is of type ${majorName(next)} and cannot be used to match struct field name`,
    );
    const { value, found } = this.apart(() => this.any());
    return found === undefined && isKey(value) ? value : undefined;
  }

  #structValue(struct: StructLike): Node {
    const reader = this.reader;
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
        this.problem = isAgain ? duplicateKey(key, index) : unknownField(index);
        this.skipRest(isIndefinite, argument - index - 1);
        return result;
      }
      seen.add(key);
      if (field === undefined) reader.skip();
      else this.#field(result, struct, field);
    }
    return result;
  }

  #field(result: Node, struct: StructLike, field: FieldLike): void {
    const { value, found } = this.apart(() => this.#typed(field.type, field.pointer));
    if (value !== undefined) result[field.name] = value;
    if (found === undefined || this.problem !== undefined) return;
    if (found instanceof TypeProblem) found.isIn(`${struct.goType}.${field.name}`);
    this.problem = found;
  }

  #integer(type: Target, next: number): unknown {
    const { argument, big } = this.reader;
    const exact = next === major.positive ? (big ?? BigInt(argument)) : -1n - (big ?? BigInt(argument));
    if (exact < int64Min) return this.mismatch(next, type.goType, `${exact} overflows Go's int64`);
    if (type.kind === 'scalar' && type.scalar === 'number') return Number(exact);
    const range = type === byteType ? ranges['uint8'] : type.kind === 'scalar' ? ranges[type.scalar] : undefined;
    if (range === undefined) return this.mismatch(next, type.goType);
    if (exact < range[0] || exact > range[1])
      return this.mismatch(next, type.goType, `${exact} overflows ${type.goType}`);
    return Number(exact);
  }

  #byteString(type: Target): unknown {
    if (type.kind === 'scalar' && type.scalar === 'string') return this.bytesAsText();
    const content = this.content();
    if (!isBytes(type)) return this.mismatch(major.bytes, type.goType);
    if (this.later.length > 0) return Buffer.from(content).toString('base64');
    const text = Buffer.from(content).toString('latin1');
    const wrong = base64Problem(text);
    return wrong === undefined
      ? text.replaceAll(/[\r\n]/g, '')
      : this.note(problem(`cbor: failed to decode base64 from byte string: ${wrong}`));
  }

  #textString(type: Target): unknown {
    const text = this.strictText();
    if (text === undefined || (type.kind === 'scalar' && type.scalar === 'string')) return text;
    return this.mismatch(major.text, type.goType);
  }

  #primitive(type: Target): unknown {
    const { info, argument } = this.reader;
    if (info >= 25) {
      const isNumber = type.kind === 'scalar' && type.scalar === 'number';
      return isNumber ? this.reader.float() : this.mismatch(major.primitive, type.goType);
    }
    if (argument < 20 || argument > 22) return this.note(unacceptableSimple(argument));
    if (argument === 22) return undefined;
    const isBoolean = type.kind === 'scalar' && type.scalar === 'boolean';
    return isBoolean ? argument === 21 : this.mismatch(major.primitive, type.goType);
  }

  /** The bytes of the next item, for types that read their own. */
  #raw(): Uint8Array {
    const start = this.reader.at;
    this.reader.skip();
    return this.reader.bytes.subarray(start, this.reader.at);
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
        if (number.problem !== undefined) this.note(number.problem);
        return { value: number.value };
      }
      case 'json':
      case 'duration':
      case 'rawExtension':
      case 'fieldsV1':
        return { value: this.any() };
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
    if (found !== undefined) this.note(found);
    return value;
  }

  #schemaChoice({ scalar }: ScalarType): unknown {
    const reader = this.reader;
    const next = reader.nextType();
    const schema = typeFacts(jsonSchemaPropsName);
    if (next === major.map) return this.#alone(schema, false);
    const byte = reader.bytes[reader.at];
    if (scalar === 'jsonSchemaOrBool') {
      reader.skip();
      return byte === 0xf4 || byte === 0xf5 ? byte === 0xf5 : this.note(problem('boolean or JSON schema expected'));
    }
    if (next !== major.array) {
      reader.skip();
      return undefined;
    }
    const element = scalar === 'jsonSchemaOrArray' ? schema : textType;
    return this.#alone({ kind: 'list', element, goType: `[]${element.goType}` }, false);
  }
}

const isKey = (value: unknown): value is MapKey => ['string', 'number', 'boolean'].includes(typeof value);
const isBytes = (type: Target): boolean => type.kind === 'scalar' && type.scalar === 'bytes';
const byteType: ScalarType = { kind: 'scalar', scalar: 'uint32', goType: 'uint8' };
