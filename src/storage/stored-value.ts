// One object at one revision. Its bytes are the truth; the decoded object is made when somebody asks and shared as long as
// somebody holds it (informers do). The collector takes it back when nobody does: bytes are several times smaller.
// Who is told of a write needs it decoded at once: that is the writer's own object, where it is what decoding would give.
import { assert } from '#base/errors.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { type EncodedObject, isInOrder } from './encode.ts';
import type { Revision, StoredObject } from './store.ts';

export class StoredValue implements StoredObject {
  readonly key: string;
  readonly revision: Revision;
  readonly createRevision: Revision;
  readonly bytes: Uint8Array;
  readonly versionOffset: number;
  /** Wall clock milliseconds at which the store removes it; 0: never. */
  readonly expiresAt: number;
  readonly #freeze: boolean;
  #decoded: WeakRef<KubernetesObject> | undefined;
  /** What the bytes were made of, until everybody has been told of the write. */
  #given: KubernetesObject | undefined;

  constructor(
    key: string,
    revision: Revision,
    createRevision: Revision,
    encoded: EncodedObject,
    expiresAt: number,
    freeze: boolean,
    given?: KubernetesObject,
  ) {
    this.key = key;
    this.revision = revision;
    this.createRevision = createRevision;
    this.bytes = encoded.bytes;
    this.versionOffset = encoded.versionOffset;
    this.expiresAt = expiresAt;
    this.#freeze = freeze;
    this.#given = given;
  }
  get isDecoded(): boolean {
    return this.#decoded?.deref() !== undefined;
  }
  object(): KubernetesObject {
    const shared = this.#decoded?.deref();
    if (shared !== undefined) return shared;
    const object = this.#takeGiven() ?? this.#decode();
    if (this.#freeze) deepFreeze(object);
    this.#decoded = new WeakRef<KubernetesObject>(object);
    return object;
  }
  /** Everybody has been told. */
  forgetGiven(): void {
    this.#given = undefined;
  }
  #takeGiven(): KubernetesObject | undefined {
    const given = this.#given;
    if (given === undefined) return undefined;
    this.#given = undefined;
    const object = asDecoded(given, this.revision);
    if (this.#freeze && object !== undefined)
      assert(JSON.stringify(object) === JSON.stringify(this.#decode()), `${this.key} was changed while it was written`);
    return object;
  }
  #decode(): KubernetesObject {
    const { buffer, byteOffset, byteLength } = this.bytes;
    const text = Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
    // Written by encodeObject, and checked by its checksum when it came from a disk.
    const object = JSON.parse(text) as KubernetesObject & { metadata: { resourceVersion?: string } };
    object.metadata.resourceVersion = String(this.revision);
    return object;
  }
  /** The last state of a key that is removed at `revision`. */
  removedAt(revision: Revision): StoredValue {
    return new StoredValue(this.key, revision, this.createRevision, this, 0, this.#freeze);
  }
}

/** What decoding gives; undefined: the bytes of this object say less, or in another order. */
function asDecoded(given: KubernetesObject, revision: Revision): KubernetesObject | undefined {
  if (!isInOrder(given) || !isJson(given)) return undefined;
  const resourceVersion = String(revision);
  // Decoding puts it behind all others.
  if (!('resourceVersion' in given.metadata)) return { ...given, metadata: { ...given.metadata, resourceVersion } };
  const { resourceVersion: _, ...kept } = given.metadata;
  return { ...given, metadata: { ...kept, resourceVersion } };
}

/** Whether it is, member for member, what its JSON text is parsed to. */
function isJson(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object': {
      if (value === null) return true;
      if (Array.isArray(value)) {
        for (let index = 0; index < value.length; index++) if (!isJson(value[index])) return false;
        return true;
      }
      if (Object.getPrototypeOf(value) !== Object.prototype) return false;
      for (const key in value) if (!isJson((value as Readonly<Record<string, unknown>>)[key])) return false;
      return true;
    }
    default:
      return false;
  }
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
}
