// Opens what a power failure left, and says what is wrong with it.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { VirtualClock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { finishRotation } from '#storage/sealing/rotation.ts';
import type { KeyRing } from '#storage/sealing/sealing-key.ts';
import type { Sealing } from '#storage/sealing/sealing.ts';
import { openSqliteStore, type SqliteStore } from '#storage/sqlite/store.ts';
import type { Store, StoreEvent } from '#storage/store.ts';
import type { Image } from './disk.ts';
import { openInProcess } from './in-process-file.ts';
import type { Promised, Seen } from './notes.ts';
import { openRing, sealingOf, startMs, textOf } from './subject.ts';

export interface Case {
  readonly image: Image;
  readonly promised: Promised;
  /** Everything that ever became visible, in order, also after the failure. */
  readonly history: readonly Seen[];
  /** Its key file is part of it. */
  readonly hasKeys?: boolean | undefined;
}

export function writeImage(folder: string, image: Image): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, bytes] of image)
    if (name !== 'notes') writeFileSync(path.join(folder, name), bytes, { mode: 0o600 });
}

/** Undefined when all is well. `folder` is emptied first. */
export async function judge(folder: string, { image, promised, history, hasKeys }: Case): Promise<string | undefined> {
  writeImage(folder, image);
  let store: SqliteStore;
  let ring: KeyRing | undefined;
  try {
    ring = hasKeys === true ? await openRing(folder) : undefined;
    store = await openImage(folder, ring ?? sealingOf());
    await ring?.keep();
  } catch (error) {
    return `it does not open: ${messageOf(error)}`;
  }
  try {
    return (
      stateProblem(store, promised, history) ??
      revisionProblem(store, promised) ??
      (await lifeProblem(store, promised)) ??
      (ring === undefined ? undefined : await rotationProblem(folder, store, ring))
    );
  } finally {
    await store.close();
  }
}

const openImage = (folder: string, sealing: Sealing): Promise<SqliteStore> =>
  openSqliteStore({
    path: path.join(folder, 'state.db'),
    clock: new VirtualClock(startMs),
    sealing,
    open: openInProcess,
  });

/** A rotation that was interrupted is finished; then the one key that is left opens everything. */
async function rotationProblem(folder: string, store: SqliteStore, ring: KeyRing): Promise<string | undefined> {
  const all = (of: Store): string =>
    of
      .list('/registry/')
      .items.map((item) => `${item.key} ${item.revision} ${textOf(item)}`)
      .join();
  const reseal: SqliteStore['reseal'] = (prefixes, tell) => store.reseal(prefixes, tell);
  await finishRotation({ ring, reseal, renewCopies: async () => true, onProgress() {} });
  const before = all(store);
  await store.close();
  const kept = await openRing(folder);
  if (kept.facts().length !== 1) return 'older keys are left';
  let again: SqliteStore;
  try {
    again = await openImage(folder, kept);
  } catch (error) {
    return `the one key that is left does not open it: ${messageOf(error)}`;
  }
  const found = all(again);
  await again.close();
  return found === before ? undefined : 'a finished rotation has changed what is there';
}

/** The state must be what it was behind one revision, and that one not before what was promised. */
function stateProblem(store: Store, { durableRevision }: Promised, history: readonly Seen[]): string | undefined {
  const found = new Map(
    store.list('/registry/').items.map((item) => [item.key, `${item.revision} ${textOf(item)}`] as const),
  );
  const wanted = new Map<string, string>();
  const different = new Set(found.keys());
  const compare = (key: string): void => {
    if (wanted.get(key) === found.get(key)) different.delete(key);
    else different.add(key);
  };
  let at = 0;
  const advance = (): void => {
    const { key, revision, text } = history[at++]!;
    if (text === undefined) wanted.delete(key);
    else wanted.set(key, `${revision} ${text}`);
    compare(key);
  };
  while (at < history.length && history[at]!.revision <= durableRevision) advance();
  const atFloor = [...different].slice(0, 3);
  for (;;) {
    if (different.size === 0) return undefined;
    if (at >= history.length) break;
    advance();
  }
  const says = (value: string | undefined): string => value?.slice(0, 30) ?? 'nothing';
  return `it is no state that ever was, at or behind revision ${durableRevision}: ${atFloor
    .map((key) => `${key} has ${says(found.get(key))}`)
    .join(', ')}`;
}

function revisionProblem(store: Store, { seenRevision }: Promised): string | undefined {
  return store.revision < seenRevision
    ? `it goes on at revision ${store.revision}, and ${seenRevision} was given out`
    : undefined;
}

/** It must take writes, and whoever watches from what he saw must hear of them or be told to list again. */
async function lifeProblem(store: Store, { seenRevision }: Promised): Promise<string | undefined> {
  const events: StoreEvent[] = [];
  const isLossless = store.revision === seenRevision;
  const watch = store.watch('/registry/', seenRevision, { onEvents: (more) => events.push(...more), onEnd() {} });
  if (watch !== undefined && !isLossless) return `a watch goes on from revision ${seenRevision} over a gap`;
  if (watch === undefined && isLossless) return `nothing is lost, but no watch goes on from revision ${seenRevision}`;
  const key = '/registry/configmaps/default/afterwards';
  const result = await store.write({
    key,
    expectedRevision: store.get(key)?.revision ?? 0,
    durability: 'durable',
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'afterwards', annotations: { text: '-' } } },
  });
  if (!result.ok) return 'it refuses a write';
  if (result.stored.revision <= seenRevision) return `it gives out revision ${result.stored.revision} again`;
  if (watch !== undefined && (events.length !== 1 || events[0]!.revision !== result.stored.revision))
    return `a watch that goes on sees ${events.length} events of one write`;
  return undefined;
}
