// `npm run fuzz -- [--seed N] [--seconds S] [--only KIND,KIND]`: generated objects of every kind against every codec and every
// write. What fails is printed with its seed, made as small as it can be. The same run is short in `npm run check`.
import { parseArgs } from 'node:util';
import { fuzz } from '../test/fuzz/run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    only: { type: 'string' },
  },
});
const { objects, rounds, failures } = await fuzz({
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  only: values.only?.split(','),
});
for (const { seed, round, kind, check, problem, object } of failures)
  console.log(`${kind}: ${check} (seed ${seed}, round ${round})\n  ${problem}\n  object ${JSON.stringify(object)}\n`);
console.log(`${objects} objects in ${rounds} rounds from seed ${values.seed}: ${failures.length} failures`);
process.exitCode = failures.length === 0 ? 0 : 1;
