// Started by record-run.ts below the recorder: uses a store as clusters do, several lives of it, and notes in the file `notes`
// of the recorded folder what was promised to whom. node workload.ts FOLDER SEED WRITES [large|rotating]; large: objects of 100 KiB, all of
// which are removed at the end of each life, until the file has shrunk; rotating: the encryption key is changed again and again
import { openSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { VirtualClock } from '#base/clock.ts';
import { fraction, seededRandom } from '#base/random.ts';
import { rotateKey } from '#storage/sealing/rotation.ts';
import { openSqliteStore } from '#storage/sqlite/store.ts';
import type { Store, StoredObject } from '#storage/store.ts';
import { below } from './disk.ts';
import type { Note } from './notes.ts';
import { openRing, sealingOf, startMs, textOf } from './subject.ts';

const [folder = '', seed = '0', writes = '0', kind = ''] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const notes = openSync(path.join(folder, 'notes'), 'a');
const note = (entry: Note): void => void writeSync(notes, `${JSON.stringify(entry)}\n`);

const keys = Array.from({ length: 24 }, (_, index) =>
  index % 6 === 5 ? `/registry/secrets/default/s${index}` : `/registry/configmaps/default/c${index}`,
);
let count = 0;

async function writeOne(store: Store): Promise<void> {
  const key = keys[below(random, keys.length)]!;
  const current: StoredObject | undefined = store.get(key);
  const durability = fraction(random) < 0.3 ? 'lazy' : 'durable';
  const isRemoval = current !== undefined && fraction(random) < 0.2;
  const size = kind === 'large' ? 100_000 : fraction(random) < 0.1 ? 20_000 : below(random, 3_000);
  const text = `${count++}-${Buffer.from(random.bytes(size / 2)).toString('hex')}`;
  const result = await store.write({
    key,
    expectedRevision: current?.revision ?? 0,
    durability,
    object: isRemoval
      ? undefined
      : {
          apiVersion: 'v1',
          kind: key.includes('secrets') ? 'Secret' : 'ConfigMap',
          metadata: { name: path.basename(key), namespace: 'default', annotations: { text } },
        },
  });
  // A conflict is an answer as well: somebody else wrote first.
  if (result.ok) note({ type: 'acknowledged', durability, revision: result.stored.revision });
}

async function empty(store: Store): Promise<void> {
  const file = path.join(folder, 'state.db');
  for (const { key, revision } of store.list('/registry/').items) {
    const result = await store.write({ key, expectedRevision: revision, durability: 'durable', object: undefined });
    if (result.ok) note({ type: 'acknowledged', durability: 'durable', revision: result.stored.revision });
  }
  for (let turn = 0; statSync(file).size > 600_000; turn++) {
    if (turn > 500) throw new Error('the file does not shrink');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What an earlier recording left: it was on the disk. */
function notePresent(store: Store): void {
  const items = store.list('/registry/').items.toSorted((a, b) => a.revision - b.revision);
  for (const item of items) note({ type: 'seen', revision: item.revision, key: item.key, text: textOf(item) });
  const last = items.at(-1);
  if (last !== undefined) note({ type: 'acknowledged', durability: 'durable', revision: last.revision });
}

async function live(share: number): Promise<void> {
  const clock = new VirtualClock(startMs);
  const ring = kind === 'rotating' ? await openRing(folder) : undefined;
  const store = await openSqliteStore({ path: path.join(folder, 'state.db'), clock, sealing: ring ?? sealingOf() });
  await ring?.keep();
  if (count === 0) notePresent(store);
  note({ type: 'opened', revision: store.revision });
  store.watch('/registry/', store.revision, {
    onEvents(events) {
      for (const { type, revision, stored } of events)
        note({ type: 'seen', revision, key: stored.key, text: type === 'delete' ? undefined : textOf(stored) });
    },
    onEnd() {},
  });
  const until = count + share;
  let isOver = false;
  const rotate = async (): Promise<void> => {
    for (let turn = 0; ring !== undefined && (turn < 3 || !isOver); turn++)
      await rotateKey({
        ring,
        reseal: (prefixes, tell) => store.reseal(prefixes, tell),
        renewCopies: async () => true,
        onProgress() {},
      });
  };
  const rotating = rotate();
  while (count < until) {
    await Promise.all(Array.from({ length: 1 + below(random, 4) }, () => writeOne(store)));
    if (fraction(random) < 0.05) clock.advance(60_000);
  }
  isOver = true;
  await rotating;
  if (kind === 'large') await empty(store);
  await store.close();
  note({ type: 'closed' });
}

const lives = 3;
for (let life = 0; life < lives; life++) await live(Number(writes) / lives);
