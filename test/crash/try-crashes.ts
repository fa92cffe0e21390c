// One recording, its crash points judged; then, from some of the images, recordings of what follows a crash, judged likewise.
import { fraction, seededRandom } from '#base/random.ts';
import { crashPoints } from './crash-points.ts';
import type { Image } from './disk.ts';
import { judge } from './judge.ts';
import { recordRun } from './record-run.ts';

export interface Trial {
  readonly scratch: string;
  readonly recorder: string;
  readonly seed: number;
  readonly writes: number;
  /** How many images are judged, about. */
  readonly images: number;
  /** How many of them are lived on from, and crashed again. */
  readonly secondLives: number;
}

export interface TrialResult {
  readonly changes: number;
  readonly judged: number;
  readonly problems: readonly string[];
}

export async function tryCrashes(trial: Trial, onImage: (judged: number) => void = () => {}): Promise<TrialResult> {
  const { scratch, recorder, seed, writes, images, secondLives } = trial;
  const random = seededRandom(seed);
  const problems: string[] = [];
  let changes = 0;
  let judged = 0;
  const judgeAll = async (runSeed: number, start: Image | undefined, count: number, onCase: (image: Image) => void) => {
    const run = recordRun(scratch, recorder, {
      seed: runSeed,
      writes: start === undefined ? writes : 30,
      image: start,
    });
    changes += run.changes.length;
    // Most changes leave something unsynced: so many images would there be.
    const share = count / (run.changes.length * 6);
    for (const point of crashPoints(run, start, share, random)) {
      const problem = await judge(`${scratch}/judged`, point);
      onImage(++judged);
      if (problem !== undefined)
        problems.push(`seed ${seed}, ${start === undefined ? '' : 'second life, '}${point.name}: ${problem}`);
      onCase(point.image);
    }
  };
  const again: Image[] = [];
  await judgeAll(seed, undefined, images, (image) => {
    if (again.length < secondLives && fraction(random) < (secondLives * 3) / images) again.push(image);
  });
  for (const [index, image] of again.entries()) await judgeAll(seed + 1_000 + index, image, images / 10, () => {});
  return { changes, judged, problems };
}
