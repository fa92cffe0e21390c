// Whether the data file may grow: below its quota, and while its disk has room for what must go on (removals, heartbeats, the
// log). Past either, writes that take more space are refused, with what upstream's API server says when etcd's quota is reached;
// others go on. It ends by itself, a little below where it begins.
import { lazyGrowthBytesMax, removalGrowthBytesMax } from '#base/limits.ts';
import type { FileUsage } from '#host/row-file.ts';
import type { StoredObject, WriteRequest } from '../store.ts';

export interface RoomLimits {
  /** Of the data, without what is free in the file. */
  readonly quotaBytes: number;
  /** Free space of the disk that the data leaves. */
  readonly diskReserveBytes: number;
}

export const unlimitedRoom: RoomLimits = { quotaBytes: Infinity, diskReserveBytes: 0 };

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1024 / 1024)} MB`;

export class Room {
  readonly #limits: () => RoomLimits;
  #usage: FileUsage | undefined;
  #isOverQuota = false;
  #isDiskShort = false;

  /** Asked anew each time: limits may change. */
  constructor(limits: () => RoomLimits) {
    this.#limits = limits;
  }
  get isShort(): boolean {
    return this.#isOverQuota || this.#isDiskShort;
  }
  get usage(): FileUsage | undefined {
    return this.#usage;
  }
  /** True when there is room now and was none, or the other way round. */
  update(usage: FileUsage): boolean {
    const { quotaBytes, diskReserveBytes } = this.#limits();
    const before = this.isShort;
    this.#usage = usage;
    this.#isOverQuota = usage.usedBytes >= quotaBytes * (this.#isOverQuota ? 0.95 : 1);
    this.#isDiskShort = usage.diskFreeBytes < diskReserveBytes * (this.#isDiskShort ? 1.25 : 1);
    return this.isShort !== before;
  }
  problems(): readonly string[] {
    if (this.#usage === undefined) return [];
    const { quotaBytes, diskReserveBytes } = this.#limits();
    const { usedBytes, diskFreeBytes } = this.#usage;
    const consequence = 'nothing can be created and nothing can grow until there is room';
    return [
      ...(this.#isOverQuota
        ? [
            `the data takes ${megabytes(usedBytes)} of the ${megabytes(quotaBytes)} of datastore.quotaMB: ${consequence}; remove objects, or raise it`,
          ]
        : []),
      ...(this.#isDiskShort
        ? [
            `the disk of the data file has ${megabytes(diskFreeBytes)} left, less than the ${megabytes(diskReserveBytes)} of datastore.diskReserveMB: ${consequence}; make room on that disk`,
          ]
        : []),
    ];
  }
  /** Whether there is no room for this. What removes, or goes on without taking more, is never refused; nor is marking for removal. */
  refuses(
    current: StoredObject | undefined,
    bytes: Uint8Array | undefined,
    { isLazy, isRemoved }: { readonly isLazy: boolean; readonly isRemoved: boolean },
  ): boolean {
    if (!this.isShort || bytes === undefined) return false;
    if (current === undefined) return true;
    const growth = bytes.length - current.bytes.length;
    return growth > (isRemoved ? removalGrowthBytesMax : isLazy ? lazyGrowthBytesMax : 0);
  }
}

/** Somebody has asked for its removal, and others have yet to agree. */
export const isBeingRemoved = (object: WriteRequest['object']): boolean =>
  object?.metadata.deletionTimestamp !== undefined;
