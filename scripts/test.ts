// `npm test`: the fast tests (unit, behaviour, repository). `npm test -- PATTERN`: those whose path contains PATTERN,
// end-to-end tests included.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const patterns = process.argv.slice(2);
const all = globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).toSorted();
const files =
  patterns.length === 0
    ? all.filter((file) => !file.startsWith('test/e2e/'))
    : all.filter((file) => patterns.some((pattern) => file.includes(pattern)));
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(' ')}`);
  process.exit(1);
}
const result = spawnSync(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', '--test', '--test-timeout=120000', ...files],
  { stdio: 'inherit' },
);
process.exit(result.status ?? 1);
