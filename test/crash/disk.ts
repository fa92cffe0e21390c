// A disk that may lose power: what was synced is there; of the rest, each change may be there, missing, or there in part.
//
// Changes of one file's content are lost one by one (that covers every order in which a disk may write them). Changes of names
// are lost from the end, as with file systems that keep a journal of them. A new name whose content was not synced stands for
// whatever part of the content is there. A write is torn at sectors: SQLite counts on neighbours of a write staying as they are.
import { fraction, type Random } from '#base/random.ts';
import type { Change } from './recording.ts';

const sectorBytes = 512;

type ContentChange = Extract<Change, { kind: 'write' | 'truncate' }>;
type NameChange = { readonly set: ReadonlyMap<string, Content | undefined> };

interface Content {
  synced: Buffer;
  unsynced: ContentChange[];
}

/** How much of what was not synced is on the disk. */
export type Loss = 'all' | 'nothing' | 'some' | 'torn' | 'garbage' | 'last-only' | 'last-missing';
export const losses: readonly Loss[] = ['all', 'nothing', 'some', 'torn', 'garbage', 'last-only', 'last-missing'];

export type Image = ReadonlyMap<string, Uint8Array>;

export class Disk {
  readonly #syncedNames = new Map<string, Content>();
  readonly #names = new Map<string, Content>();
  #unsyncedNames: NameChange[] = [];
  readonly #open = new Map<number, { readonly name: string; content: Content | undefined }>();

  constructor(image: Image = new Map()) {
    for (const [name, bytes] of image) {
      const content = { synced: Buffer.from(bytes), unsynced: [] };
      this.#syncedNames.set(name, content);
      this.#names.set(name, content);
    }
  }
  /** Whether something would be lost now. */
  get isSettled(): boolean {
    return this.#unsyncedNames.length === 0 && [...this.#names.values()].every(({ unsynced }) => unsynced.length === 0);
  }
  apply(change: Change): void {
    switch (change.kind) {
      case 'name':
        this.#open.set(change.file, { name: change.name, content: this.#names.get(change.name) });
        return;
      case 'create': {
        const open = this.#open.get(change.file)!;
        open.content = { synced: Buffer.alloc(0), unsynced: [] };
        this.#setNames([[open.name, open.content]]);
        return;
      }
      case 'write':
      case 'truncate':
        this.#contentOf(change.file).unsynced.push(change);
        return;
      case 'sync': {
        const content = this.#contentOf(change.file);
        content.synced = contentAfter(content.synced, content.unsynced);
        content.unsynced = [];
        return;
      }
      case 'sync-folder':
        this.#unsyncedNames = [];
        this.#syncedNames.clear();
        for (const [name, content] of this.#names) this.#syncedNames.set(name, content);
        return;
      case 'unlink':
        this.#setNames([[change.name, undefined]]);
        return;
      case 'rename':
        this.#setNames([
          [change.to, this.#names.get(change.from)],
          [change.from, undefined],
        ]);
    }
  }
  /** What is on the disk when the power fails now. */
  image(loss: Loss, random: Random): Image {
    const names = new Map(this.#syncedNames);
    const kept = loss === 'all' ? Infinity : loss === 'nothing' ? 0 : below(random, this.#unsyncedNames.length + 1);
    for (const { set } of this.#unsyncedNames.slice(0, kept)) changeNames(names, set);
    return new Map(
      [...names].map(([name, { synced, unsynced }]) => [name, afterLoss(synced, unsynced, loss, random)] as const),
    );
  }
  #contentOf(file: number): Content {
    const content = this.#open.get(file)?.content;
    if (content === undefined) throw new Error(`a change of file ${file}, which nobody opened`);
    return content;
  }
  #setNames(changed: readonly (readonly [string, Content | undefined])[]): void {
    const set = new Map(changed);
    changeNames(this.#names, set);
    this.#unsyncedNames.push({ set });
  }
}

function changeNames(names: Map<string, Content>, set: ReadonlyMap<string, Content | undefined>): void {
  for (const [name, content] of set)
    if (content === undefined) names.delete(name);
    else names.set(name, content);
}

export const below = (random: Random, count: number): number => Math.floor(fraction(random) * count);

function contentAfter(synced: Buffer, changes: readonly ContentChange[]): Buffer {
  let length = synced.length;
  let room = length;
  for (const change of changes) {
    length = change.kind === 'truncate' ? change.length : Math.max(length, change.offset + change.bytes.length);
    room = Math.max(room, length);
  }
  const content = Buffer.alloc(room);
  synced.copy(content);
  length = synced.length;
  for (const change of changes)
    if (change.kind === 'truncate') {
      if (change.length < length) content.fill(0, change.length, length);
      length = change.length;
    } else {
      content.set(change.bytes, change.offset);
      length = Math.max(length, change.offset + change.bytes.length);
    }
  return content.subarray(0, length);
}

function afterLoss(synced: Buffer, unsynced: readonly ContentChange[], loss: Loss, random: Random): Buffer {
  const last = unsynced.length - 1;
  switch (loss) {
    case 'all':
      return contentAfter(synced, unsynced);
    case 'nothing':
      return Buffer.from(synced);
    case 'last-only':
      return contentAfter(synced, unsynced.slice(last));
    case 'last-missing':
      return contentAfter(synced, unsynced.slice(0, -1));
    case 'some':
      return contentAfter(synced, someOf(unsynced, random));
    case 'torn':
      return contentAfter(
        synced,
        someOf(unsynced, random).flatMap((change) => torn(change, random)),
      );
    case 'garbage':
      return contentAfter(
        synced,
        unsynced.map((change) => garbled(change, synced.length, random)),
      );
  }
}

function someOf<T>(all: readonly T[], random: Random): T[] {
  const chance = fraction(random);
  return all.filter(() => fraction(random) < chance);
}

/** Some sectors of a write, each as it should be. */
function torn(change: ContentChange, random: Random): ContentChange[] {
  if (change.kind === 'truncate' || fraction(random) < 0.5) return [change];
  const pieces: ContentChange[] = [];
  for (let at = 0; at < change.bytes.length;) {
    const end = Math.min(change.bytes.length, at + sectorBytes - ((change.offset + at) % sectorBytes));
    if (fraction(random) < 0.5)
      pieces.push({ ...change, offset: change.offset + at, bytes: change.bytes.subarray(at, end) });
    at = end;
  }
  return pieces;
}

/** The file has grown, but what was written there is not: whatever the disk held before is. */
function garbled(change: ContentChange, syncedLength: number, random: Random): ContentChange {
  if (change.kind === 'truncate' || change.offset < syncedLength || fraction(random) < 0.5) return change;
  return { ...change, bytes: Buffer.from(random.bytes(change.bytes.length)) };
}
