// One object at one revision. Its bytes are the truth; the decoded object is made when somebody asks and shared as long as
// somebody holds it (informers do). The collector takes it back when nobody does: bytes are several times smaller.
import type { KubernetesObject } from '#api/kind.ts';
import type { EncodedObject } from './encode.ts';
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

  constructor(
    key: string,
    revision: Revision,
    createRevision: Revision,
    encoded: EncodedObject,
    expiresAt: number,
    freeze: boolean,
  ) {
    this.key = key;
    this.revision = revision;
    this.createRevision = createRevision;
    this.bytes = encoded.bytes;
    this.versionOffset = encoded.versionOffset;
    this.expiresAt = expiresAt;
    this.#freeze = freeze;
  }
  get isDecoded(): boolean {
    return this.#decoded?.deref() !== undefined;
  }
  object(): KubernetesObject {
    const shared = this.#decoded?.deref();
    if (shared !== undefined) return shared;
    const { buffer, byteOffset, byteLength } = this.bytes;
    const text = Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
    // Written by encodeObject, and checked by its checksum when it came from a disk.
    const object = JSON.parse(text) as KubernetesObject & { metadata: { resourceVersion?: string } };
    object.metadata.resourceVersion = String(this.revision);
    if (this.#freeze) deepFreeze(object);
    this.#decoded = new WeakRef<KubernetesObject>(object);
    return object;
  }
  /** The last state of a key that is removed at `revision`. */
  removedAt(revision: Revision): StoredValue {
    return new StoredValue(this.key, revision, this.createRevision, this, 0, this.#freeze);
  }
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
}
