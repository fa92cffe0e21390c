// Every moment at which the power may fail, in every way in which what was not synced may be lost.
import { fraction, type Random } from '#base/random.ts';
import { Disk, losses, type Image, type Loss } from './disk.ts';
import type { Case } from './judge.ts';
import type { Run } from './record-run.ts';

export interface CrashPoint extends Case {
  /** For a person: where and how. */
  readonly name: string;
}

/** `share`: of all of them, how many are taken, by chance. */
export function* crashPoints(run: Run, start: Image | undefined, share: number, random: Random): Generator<CrashPoint> {
  const disk = new Disk(start);
  let wasSettled = false;
  for (const [index, change] of run.changes.entries()) {
    disk.apply(change);
    // Between two changes that leave nothing to lose, all images are alike.
    const isSettled = disk.isSettled;
    const ways: readonly Loss[] = !isSettled ? losses : wasSettled ? [] : ['all'];
    wasSettled = isSettled;
    for (const loss of ways) {
      if (fraction(random) >= share) continue;
      const { history } = run;
      const name = `behind change ${index} (${change.kind}), unsynced: ${loss}`;
      yield { name, image: disk.image(loss, random), promised: run.promisedUntil(index), history };
    }
  }
}
