// What is the same for the workload and for who judges what is left of it.
import { seededRandom } from '#base/random.ts';
import { createSealing, type Sealing } from '#storage/sealing/sealing.ts';
import type { StoredObject } from '#storage/store.ts';

export const startMs = Date.UTC(2026, 0, 1);

export const sealingOf = (): Sealing =>
  createSealing({
    prefixes: ['/registry/secrets/'],
    keys: [{ id: 1, secret: seededRandom(7).bytes(32) }],
    random: seededRandom(8),
  });

export const textOf = (stored: StoredObject): string => stored.object().metadata.annotations!['text']!;
