// `npm run check`: every stage in order, each with its time; stops at the first that fails. Of the end-to-end
// tests, a file or two that fail run once more, alone, and are named at the end when they pass. Prints the sum of all test runs last.
// `npm run check -- STAGE [STAGE ...]` runs only those. A test that is skipped fails the stage, unless test-results.ts lists it.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { TestResults } from './test-results.ts';

interface Stage {
  readonly name: string;
  readonly commands: () => readonly (readonly string[])[];
  /** A command that runs these files alone, where what the machine does beside a test may fail it. */
  readonly again?: (files: readonly string[]) => readonly string[];
}

/** More files than these that fail are no accident. */
const filesToTryAgain = 2;

const node = process.execPath;
const tests = (patterns: readonly string[], options: readonly string[] = []): string[] => [
  node,
  '--disable-warning=ExperimentalWarning',
  '--test',
  ...options,
  ...globSync([...patterns]).toSorted(),
];

const nodeTests = 'test/e2e/node/';

const stages: readonly Stage[] = [
  { name: 'types', commands: () => [['node_modules/.bin/tsc', '--noEmit']] },
  {
    name: 'lint',
    commands: () => [
      ['npm', 'run', '--silent', 'lint'],
      ['shellcheck', ...globSync(['*.sh', 'scripts/*.sh', '.ci/run', 'packaging/microshift-supervise'])],
    ],
  },
  { name: 'format', commands: () => [['npm', 'run', '--silent', 'format:check']] },
  {
    name: 'unit',
    commands: () => [
      tests(
        ['src/**/*.test.ts', 'test/!(e2e|simulation)/**/*.test.ts', 'scripts/**/*.test.ts'],
        ['--test-timeout=120000'],
      ),
    ],
  },
  // Whole clusters in memory, each from a seed: uses every processor by itself.
  {
    name: 'simulation',
    commands: () => [tests(['test/simulation/*.test.ts'], ['--test-concurrency=1', '--test-timeout=600000'])],
  },
  { name: 'build', commands: () => [['npm', 'run', '--silent', 'build']] },
  // Real containers, kernel networking and whole machines: one file at a time, they share two processors. Those of the node
  // agent run in a network namespace that their own runner makes.
  {
    name: 'e2e',
    commands: () => [
      tests(
        ['test/e2e/*.test.ts', 'test/e2e/assembly/*.test.ts', 'test/e2e/network/*.test.ts'],
        ['--test-concurrency=1', '--test-timeout=900000'],
      ),
      [node, 'test/e2e/node/run.ts'],
    ],
    again: (files) =>
      files.every((file) => file.startsWith(nodeTests))
        ? [node, 'test/e2e/node/run.ts', ...files.map((file) => file.slice(nodeTests.length))]
        : tests(files, ['--test-concurrency=1', '--test-timeout=900000']),
  },
];

const results = new TestResults();
/** Files that failed among others and passed alone: told at the end, for somebody to find the reason. */
const unsteady: string[] = [];

/** Runs a command, its output shown and, for a test run, counted. */
function run(command: readonly string[], results: TestResults): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk);
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!.slice(-1_000);
      // The names of what was skipped and the summary of Node's test runner; the failures follow it.
      for (const line of lines) results.read(line);
    });
    child.on('close', (code) => resolve(code ?? 1));
    child.on('error', (error) => {
      console.error(`${command[0]}: ${error.message}`);
      resolve(1);
    });
  });
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !stages.some((stage) => stage.name === name));
if (unknown.length > 0) {
  console.error(`no stage ${unknown.join(', ')}; there are: ${stages.map((stage) => stage.name).join(', ')}`);
  process.exit(2);
}

/** Runs a command of a stage; a file or two of it that failed get one more try, alone. */
async function attempt(stage: Stage, command: readonly string[]): Promise<boolean> {
  const first = new TestResults();
  const succeeded = (await run(command, first)) === 0;
  results.add(first);
  if (succeeded || stage.again === undefined) return succeeded;
  const files = [...first.failedIn];
  if (files.length === 0 || files.length > filesToTryAgain || !files.every((file) => file.endsWith('.test.ts')))
    return false;
  console.log(`\n== ${stage.name}: ${files.join(', ')} again, alone`);
  if ((await run(stage.again(files), new TestResults())) !== 0) return false;
  results.counts.passed += first.counts.failed;
  results.counts.failed -= first.counts.failed;
  unsteady.push(...files);
  return true;
}

let failedStage: string | undefined;
for (const stage of stages) {
  if (wanted.length > 0 && !wanted.includes(stage.name)) continue;
  console.log(`\n== ${stage.name}`);
  const began = performance.now();
  for (const command of stage.commands()) {
    if (!(await attempt(stage, command))) {
      failedStage = stage.name;
      break;
    }
  }
  const complaints = results.complaints();
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length > 0) failedStage ??= stage.name;
  console.log(
    `== ${stage.name}: ${failedStage === undefined ? 'ok' : 'FAILED'} in ${((performance.now() - began) / 1000).toFixed(1)} s`,
  );
  if (failedStage !== undefined) break;
}
console.log(failedStage === undefined ? '\nAll stages are green.' : `\nStage ${failedStage} failed.`);
for (const file of unsteady) console.log(`Unsteady: ${file} failed among the others and passed alone. Find out why.`);
const { passed, failed, skipped } = results.counts;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failedStage === undefined ? 0 : 1;
