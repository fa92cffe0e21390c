// What clients saw: each operation with its begin and end, and each watch. All clients are in one process, so begins, ends and
// arrivals are counted by one counter, and "before" is exact.

export interface Version {
  readonly revision: number;
  readonly uid: string;
  /** Each write brings a value of its own: who reads it knows which write it was. */
  readonly value: string;
}

export type Action =
  | { readonly type: 'create'; readonly value: string }
  /** `revision`: the one that the object must have. */
  | { readonly type: 'update'; readonly value: string; readonly revision?: number | undefined }
  | { readonly type: 'patch'; readonly value: string }
  | { readonly type: 'delete'; readonly revision?: number | undefined }
  | { readonly type: 'get' };

export type Outcome =
  | { readonly type: 'version'; readonly version: Version }
  | { readonly type: 'removed'; readonly uid: string }
  | { readonly type: 'missing' }
  | { readonly type: 'exists' }
  | { readonly type: 'conflict' }
  /** Nobody said: it is done, will be done later, or never. */
  | { readonly type: 'unknown' };

export interface Operation {
  /** `RESOURCE/NAME`. */
  readonly key: string;
  readonly action: Action;
  readonly outcome: Outcome;
  readonly call: number;
  /** Infinity: not known. */
  readonly end: number;
}

/** Each object has a label that says in which half its value is: selectors ask for one of them. */
export type Half = 'even' | 'odd';
export const halfOf = (value: string): Half => ((value.at(-1) ?? '').charCodeAt(0) % 2 === 0 ? 'even' : 'odd');

export interface List {
  readonly resource: string;
  /** Only these were asked for. */
  readonly selects?: Half | undefined;
  readonly revision: number;
  readonly items: ReadonlyMap<string, Version>;
  /** False: the client took an older state. */
  readonly isConsistent: boolean;
  readonly call: number;
  /** Of the first page, which says the revision of all. */
  readonly end: number;
}

export type WatchEvent =
  | {
      readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
      readonly key: string;
      /** Of a deletion: the last state, with the revision of the deletion. */
      readonly version: Version;
      readonly at: number;
    }
  | { readonly type: 'BOOKMARK'; readonly revision: number; readonly at: number };

/** One connection. Sessions of one watcher follow each other: each goes on behind the last, or begins with a new list. */
export interface WatchSession {
  readonly watcher: number;
  readonly resource: string;
  /** Only these are told of: one that leaves is DELETED, in its last state, at the revision at which it left. */
  readonly selects?: Half | undefined;
  readonly from: number;
  /** What the watcher had listed at `from`; absent: it goes on from what it had seen. */
  readonly listed?: ReadonlyMap<string, Version> | undefined;
  readonly events: readonly WatchEvent[];
}

export interface History {
  readonly operations: readonly Operation[];
  readonly lists: readonly List[];
  readonly sessions: readonly WatchSession[];
}

export const resourceOf = (key: string): string => key.slice(0, key.indexOf('/'));
/** Whether whoever selects `half` sees an object of this value. */
export const isSelected = (half: Half | undefined, value: string): boolean =>
  half === undefined || halfOf(value) === half;
