// `npm test`: the fast tests (unit, behaviour, repository). `npm test -- PATTERN`: those whose path contains PATTERN,
// end-to-end tests included.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const patterns = process.argv.slice(2);
const all = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'scripts/**/*.test.ts']).toSorted();
const files =
  patterns.length === 0
    ? all.filter((file) => !file.startsWith('test/e2e/'))
    : all.filter((file) => patterns.some((pattern) => file.includes(pattern)));
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(' ')}`);
  process.exit(1);
}
// The node agent's tests run in a network namespace that their own runner makes.
const own = files.filter((file) => file.startsWith('test/e2e/node/'));
// Many clusters take longer than any other test may.
const simulated = files.filter((file) => file.startsWith('test/simulation/'));
const others = files.filter((file) => !own.includes(file) && !simulated.includes(file));
const run = (args: readonly string[]): number =>
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], { stdio: 'inherit' }).status ?? 1;
// Preparing a machine takes a minute or two; a test that is cut off there would leave it behind.
const timeoutMs = others.some((file) => file.startsWith('test/e2e/')) ? 900_000 : 120_000;
const codes = [
  ...(others.length === 0 ? [] : [run(['--test', `--test-timeout=${timeoutMs}`, ...others])]),
  ...(simulated.length === 0 ? [] : [run(['--test', '--test-concurrency=1', '--test-timeout=600000', ...simulated])]),
  ...(own.length === 0
    ? []
    : [run(['test/e2e/node/run.ts', ...own.map((file) => file.slice('test/e2e/node/'.length))])]),
];
process.exit(Math.max(...codes));
