// One CBOR item to the plain JSON value that it stands for, without a type: custom resources, and what is kept as it is inside of
// typed objects. The bytes are known to be well-formed.
import { duplicateKey, problem, TypeProblem, unacceptableSimple, type Problem } from './problems.ts';
import { CborReader, major, majorName, selfDescribedTag } from './reader.ts';
import { timeOfTag } from './time-tag.ts';

export type Node = Record<string, unknown>;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Go's strings are bytes; what JSON then shows of those that are no UTF-8. */
export const lenientUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });
export const int64Max = 2n ** 63n - 1n;
export const int64Min = -(2n ** 63n);

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

export abstract class UntypedDecoder {
  protected readonly reader: CborReader;
  /** Tags 21 to 23 around what is read now: the text that its bytes become. */
  protected readonly later: number[] = [];
  protected problem: Problem | undefined;

  /** Throws CborError for bytes that are not well-formed. */
  constructor(bytes: Uint8Array) {
    this.reader = new CborReader(bytes);
    this.reader.checkWellFormed();
  }

  /** A text, as a type asks for it. */
  protected abstract text(): unknown;
  /** A number, as a time asks for it. */
  protected abstract seconds(): unknown;

  /** The first one stays. */
  protected note(found: Problem): undefined {
    this.problem ??= found;
    return undefined;
  }

  protected mismatch(type: number, goType: string, detail?: string): undefined {
    return this.note(new TypeProblem(type, goType, detail));
  }

  /** What `run` finds, apart from what was found before. */
  protected apart<Value>(run: () => Value): { readonly value: Value; readonly found: Problem | undefined } {
    const before = this.problem;
    this.problem = undefined;
    const value = run();
    const found = this.problem;
    this.problem = before;
    return { value, found };
  }

  /** Self-description says nothing; a tag that has a meaning must stand before what it is for. False: it does not, and all is passed over. */
  protected stripTags(): boolean {
    const reader = this.reader;
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
      this.note(wrong);
      return false;
    }
    reader.at = start;
    return true;
  }

  /** Tags of a later encoding hold for what is in them. */
  protected tagged<Value>(run: () => Value): Value {
    const tag = this.reader.argument;
    if (tag < 21 || tag > 23) return run();
    this.later.push(tag);
    const value = run();
    this.later.pop();
    return value;
  }

  protected list(read: () => unknown): unknown[] {
    const { reader } = this;
    reader.head();
    const { argument, isIndefinite } = reader;
    const list: unknown[] = [];
    for (let index = 0; isIndefinite ? !reader.tookBreak() : index < argument; index++) list.push(read() ?? null);
    return list;
  }

  protected map(read: () => unknown): Node {
    const reader = this.reader;
    reader.head();
    const { argument, isIndefinite } = reader;
    const map: Node = {};
    for (let index = 0; isIndefinite ? !reader.tookBreak() : index < argument; index++) {
      const key = this.apart(() => this.text());
      if (key.found !== undefined) {
        this.note(key.found);
        reader.skip();
        continue;
      }
      const name = typeof key.value === 'string' ? key.value : '';
      const { value, found } = this.apart(read);
      if (found !== undefined) this.note(found);
      else if (Object.hasOwn(map, name)) {
        this.problem = duplicateKey(name, index);
        this.skipRest(isIndefinite, argument - index - 1);
        return map;
      } else define(map, name, value ?? null);
    }
    return map;
  }

  protected skipRest(isIndefinite: boolean, pairs: number): void {
    const reader = this.reader;
    for (let index = 0; isIndefinite ? !reader.tookBreak() : index < pairs; index++) {
      reader.skip();
      reader.skip();
    }
  }

  protected content(): Uint8Array {
    const chunks = this.reader.chunks();
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  /** Each chunk is a text of its own. */
  protected strictText(): string | undefined {
    try {
      return this.reader
        .chunks()
        .map((chunk) => utf8.decode(chunk))
        .join('');
    } catch {
      return this.note(problem('cbor: invalid UTF-8 string'));
    }
  }

  /** Bytes are a text as they are, unless a tag says how they are shown. */
  protected bytesAsText(): string {
    const content = this.content();
    const tag = this.later.at(-1);
    if (tag === undefined) return lenientUtf8.decode(content);
    return Buffer.from(content).toString(tag === 21 ? 'base64url' : tag === 22 ? 'base64' : 'hex');
  }

  /** Without a type; undefined: nothing. */
  protected any(): unknown {
    if (!this.stripTags()) return undefined;
    const reader = this.reader;
    const next = reader.nextType();
    if (next === major.array) return this.list(() => this.any());
    if (next === major.map) return this.map(() => this.any());
    reader.head();
    switch (next) {
      case major.positive:
      case major.negative:
        return this.anyInteger(next);
      case major.bytes:
        return this.bytesAsText();
      case major.text:
        return this.strictText();
      case major.tag:
        return reader.argument <= 1 ? this.time(reader.argument) : this.tagged(() => this.any());
      default:
        if (reader.info >= 25) return reader.float();
        if (reader.argument < 20 || reader.argument > 22) return this.note(unacceptableSimple(reader.argument));
        return reader.argument === 22 ? undefined : reader.argument === 21;
    }
  }

  private anyInteger(next: number): number | undefined {
    const { argument, big } = this.reader;
    const exact = next === major.positive ? (big ?? BigInt(argument)) : -1n - (big ?? BigInt(argument));
    if (exact >= int64Min && exact <= int64Max) return Number(exact);
    return this.mismatch(next, 'int64', `${exact} overflows Go's int64`);
  }

  private time(tag: number): string | undefined {
    const { value, found } = this.apart(() => (tag === 0 ? this.text() : this.seconds()));
    if (found !== undefined) return this.note(found);
    const time = timeOfTag(value as string | number);
    return typeof time === 'string' ? time : this.note(problem(time.error));
  }
}
