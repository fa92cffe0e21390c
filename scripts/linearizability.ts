// `npm run linearizability -- SEED`: clients of real control planes, while these are hurt, run after run, each from the next seed.
// Times are not repeatable: a seed says what is asked, not when it comes. So what was found is kept, and can be judged again.
// docs/internals/linearizability.md
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '#base/errors.ts';
import { judge } from '../test/linearizability/judge.ts';
import { historyText, parseHistory } from '../test/linearizability/saved-history.ts';
import { scenarios } from '../test/linearizability/scenarios.ts';
import type { TrafficResult } from '../test/linearizability/traffic.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string' },
    runs: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    'phase-ms': { type: 'string' },
    scenario: { type: 'string', default: Object.keys(scenarios).join(',') },
    judge: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run linearizability -- [SEED] [--minutes N | --runs N] [--rounds N] [--phase-ms N] [--scenario NAME,NAME] [--judge FILE]

Scenarios: ${Object.keys(scenarios).join(', ')}

Examples:
  npm run linearizability                                  five runs of each scenario from seed 1
  npm run linearizability -- 7 --runs 1                    one run of each from seed 7
  npm run linearizability -- 100 --minutes 60              run after run for an hour, from seed 100
  npm run linearizability -- 7 --scenario etcd --rounds 10 --phase-ms 2000
  npm run linearizability -- --judge FILE                  once more what a run has kept

It ends with 1 when something was wrong.`);
  process.exit(0);
}

function show(problems: readonly string[]): void {
  for (const problem of problems.slice(0, 10)) console.log(`  ${problem}`);
  if (problems.length > 10) console.log(`  and ${problems.length - 10} more`);
}
if (values.judge !== undefined) {
  const problems = judge(parseHistory(readFileSync(values.judge, 'utf8')));
  console.log(`${problems.length} wrong`);
  show(problems);
  process.exit(problems.length === 0 ? 0 : 1);
}

/** Short phases meet what long ones do not. */
const phaseOf = (seed: number): number => 200 + ((seed * 7) % 10) * 130;

const first = Number(positionals[0] ?? 1);
const names = values.scenario.split(',');
const until = values.minutes === undefined ? Infinity : performance.now() + Number(values.minutes) * 60_000;
const runs = Number(values.runs ?? (values.minutes === undefined ? 5 : Infinity));
const kept = path.join(tmpdir(), 'linearizability');
const totals = { runs: 0, operations: 0, events: 0, wrong: 0 };
for (let seed = first; seed < first + runs && performance.now() < until; seed++)
  for (const name of names) {
    const scenario = Object.entries(scenarios).find(([own]) => own === name)?.[1];
    if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
    totals.runs++;
    let result: TrafficResult;
    try {
      result = await scenario({
        seed,
        phaseMs: Number(values['phase-ms'] ?? phaseOf(seed)),
        rounds: Number(values.rounds),
      });
    } catch (error) {
      totals.wrong++;
      console.log(`${name}, seed ${seed}: it did not get to its end: ${messageOf(error)}`);
      continue;
    }
    const { problems, history, ...counts } = result;
    totals.operations += counts.operations;
    totals.events += counts.events;
    totals.wrong += problems.length;
    const said = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
    console.log(`${name}, seed ${seed}: ${said.join(', ')}; ${problems.length} wrong`);
    if (problems.length === 0) continue;
    show(problems);
    mkdirSync(kept, { recursive: true });
    const file = path.join(kept, `${name}-${seed}.json`);
    writeFileSync(file, historyText(history));
    console.log(`  kept: npm run linearizability -- --judge ${file}`);
  }
console.log(
  Object.entries(totals)
    .map(([what, count]) => `${count} ${what}`)
    .join(', '),
);
process.exitCode = totals.wrong === 0 ? 0 : 1;
