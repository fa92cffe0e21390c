// JSON documents with a long list at their end, made part by part as they go out.
import type { Pieces, ResponseBody } from '#api/request.ts';

/** Characters of a part: what a connection takes at once, and some 2 ms of work where rows of tables are made. */
const partLength = 64 * 1024;

/** `head`, then the texts with commas between them, then `tail`. Texts are taken from their source as parts are asked for. */
export const textPieces = (head: string, texts: Iterable<string>, tail: string): Pieces => ({
  length: undefined,
  parts: () => partsOf(head, texts, tail),
});

function* partsOf(head: string, texts: Iterable<string>, tail: string): Generator<Uint8Array> {
  let part = head;
  let separator = '';
  for (const text of texts) {
    part += separator + text;
    separator = ',';
    if (part.length < partLength) continue;
    yield Buffer.from(part);
    part = '';
  }
  yield Buffer.from(part + tail);
}

/** A class: an accessor in an object literal makes a new hidden class each time (docs/internals/memory.md). */
class TextBody {
  readonly type = 'object';
  readonly #head: object;
  readonly #member: string;
  readonly #items: () => IteratorObject<unknown>;
  constructor(head: object, member: string, items: () => IteratorObject<unknown>) {
    this.#head = head;
    this.#member = member;
    this.#items = items;
  }
  get object(): unknown {
    return { ...this.#head, [this.#member]: [...this.#items()] };
  }
  bytes(): readonly Uint8Array[] {
    return [...this.pieces().parts()];
  }
  pieces(): Pieces {
    const head = `${JSON.stringify(this.#head).slice(0, -1)},${JSON.stringify(this.#member)}:[`;
    return textPieces(
      head,
      this.#items().map((item) => JSON.stringify(item)),
      ']}\n',
    );
  }
}

/** An object whose last member is a list, with something before it. */
export const textBody = (head: object, member: string, items: () => IteratorObject<unknown>): ResponseBody =>
  new TextBody(head, member, items);
