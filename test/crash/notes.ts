// What the workload noted: the whole history, and what was promised when.

export type Note =
  /** The store is open; whatever is seen now was there before. */
  | { readonly type: 'opened'; readonly revision: number }
  /** A watcher saw it: somebody may rely on the revision, not on the content. */
  | { readonly type: 'seen'; readonly revision: number; readonly key: string; readonly text?: string | undefined }
  | { readonly type: 'acknowledged'; readonly durability: 'durable' | 'lazy'; readonly revision: number }
  /** Closed in order: everything is on the disk. */
  | { readonly type: 'closed' };

export type Seen = Extract<Note, { type: 'seen' }>;

/** What had been promised when the power failed. */
export interface Promised {
  /** Everything up to here must be there. */
  readonly durableRevision: number;
  /** Nothing up to here may be given out again. */
  readonly seenRevision: number;
}

export function promisedBy(notes: readonly Note[]): Promised {
  let durableRevision = 0;
  let seenRevision = 0;
  for (const note of notes) {
    if (note.type !== 'closed') seenRevision = Math.max(seenRevision, note.revision);
    if (note.type === 'closed') durableRevision = seenRevision;
    else if (note.type === 'acknowledged' && note.durability === 'durable')
      durableRevision = Math.max(durableRevision, note.revision);
  }
  return { durableRevision, seenRevision };
}

export const parseNotes = (text: string): Note[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Note);
