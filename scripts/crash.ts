// `npm run crash -- --seed N --runs N`: records the store at work and crashes it, run after run, each from the next seed. Says
// which seed found what; with that seed it is found again. What is tried: docs/internals/storage.md, "Crashes".
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildRecorder } from '../test/crash/record-run.ts';
import { tryCrashes } from '../test/crash/try-crashes.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '20' },
    images: { type: 'string', default: '2000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run crash -- [SEED] [--runs N] [--images N]

Examples:
  npm run crash                    twenty runs from seed 1
  npm run crash -- 7 --runs 1      one run from seed 7
  npm run crash -- --images 20000  nearly every image of each run`);
  process.exit(0);
}
const first = Number(positionals[0] ?? values.seed);
const scratch = mkdtempSync(path.join(tmpdir(), 'crash-'));
let found = 0;
try {
  const recorder = buildRecorder(scratch);
  for (let seed = first; seed < first + Number(values.runs); seed++) {
    const { changes, judged, problems } = await tryCrashes({
      scratch,
      recorder,
      seed,
      writes: 90 * (1 + (seed % 5)),
      images: Number(values.images),
      secondLives: 4,
    });
    console.log(`seed ${seed}: ${changes} changes, ${judged} images, ${problems.length} wrong`);
    for (const problem of problems.slice(0, 5)) console.log(`  ${problem}`);
    found += problems.length;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = found === 0 ? 0 : 1;
