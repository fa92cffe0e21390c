// What is the same for the workload and for who judges what is left of it.
import path from 'node:path';
import { VirtualClock } from '#base/clock.ts';
import { seededRandom, systemRandom } from '#base/random.ts';
import { systemFiles } from '#host/files.ts';
import { type KeyRing, openSealing } from '#storage/sealing/sealing-key.ts';
import { createSealing, type Sealing } from '#storage/sealing/sealing.ts';
import type { StoredObject } from '#storage/store.ts';

export const startMs = Date.UTC(2026, 0, 1);

export const sealingOf = (): Sealing =>
  createSealing({
    prefixes: ['/registry/secrets/'],
    keys: [{ id: 1, secret: seededRandom(7).bytes(32) }],
    random: seededRandom(8),
  });

/** The keys as the product keeps them, in a file beside the data: for workloads that rotate them. */
export const openRing = (folder: string): Promise<KeyRing> =>
  openSealing({
    file: path.join(folder, 'secrets.key'),
    files: systemFiles,
    random: systemRandom,
    clock: new VirtualClock(startMs),
  });

export const textOf = (stored: StoredObject): string => stored.object().metadata.annotations!['text']!;
