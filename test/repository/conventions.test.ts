// House rules that a machine can check. Every message says what to do instead.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const root = path.resolve(import.meta.dirname, '../..');
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n')
  .filter((file) => existsSync(path.join(root, file)));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const typescript = tracked.filter((file) => file.endsWith('.ts') && !file.startsWith('src/api/generated/'));
const product = typescript.filter((file) => file.startsWith('src/') && !/\.test\.ts$|\/conformance\.ts$/.test(file));

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly allowed: (file: string) => boolean;
}

const bans: readonly Ban[] = [
  {
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bsetTimeout\(|\bsetInterval\(|\bperformance\.now\b/,
    instead: 'take a Clock as a parameter (base/clock.ts)',
    // gRPC counts deadlines by the wall clock; the library lives in other programs.
    allowed: (file) => /^src\/(host|cli|library)\/|^src\/(base\/clock|wire\/grpc)\.ts$/.test(file),
  },
  {
    pattern: /\bMath\.random\b|\brandomUUID\b/,
    instead: 'take a Random as a parameter (base/random.ts)',
    allowed: (file) => file === 'src/base/random.ts',
  },
  {
    pattern: /\bprocess\.(env|exit)\b/,
    instead: 'read the environment and end the process in cli/, main.ts and the library only',
    allowed: (file) => /^src\/(cli|host|library)\/|^src\/main\.ts$/.test(file),
  },
  {
    pattern: /\bconsole\./,
    instead: 'use the Logger parameter',
    allowed: (file) => /^src\/cli\/|^src\/main\.ts$/.test(file),
  },
  {
    pattern: /\bexecSync\b.*from 'node:child_process'|shell: true/,
    instead: 'pass an argument list; no shell',
    allowed: () => false,
  },
  {
    pattern: /\b(FIXME|XXX)\b|\btest\.only\b/,
    instead: 'finish it, or list it in docs/STATUS.md',
    allowed: () => false,
  },
];

test('banned calls have their replacement', () => {
  const found = product.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) => {
        const code = line.replace(/^\s*(\/\/|\*|\/\*).*$/, '');
        return bans
          .filter((ban) => ban.pattern.test(code) && !ban.allowed(file))
          .map((ban) => `${file}:${index + 1}: ${ban.instead}`);
      }),
  );
  assert.deepEqual(found, []);
});

test('files are named for what is in them', () => {
  const drawers = tracked.filter((file) => /(^|\/)(utils?|helpers?|common|misc|shared|lib)(\/|\.ts$)/.test(file));
  assert.deepEqual(drawers, [], 'name the file for the one thing in it');
});

const linesMax = 400;

test('files stay small: split by noun', () => {
  const long = product.flatMap((file) => {
    const lines = read(file).split('\n').length;
    return lines > linesMax ? [`${file}: ${lines} lines`] : [];
  });
  assert.deepEqual(long, []);
});

test('every source file says first what it is', () => {
  const silent = product.filter((file) => !/^(#!.*\n)?\/[/*]/.test(read(file)));
  assert.deepEqual(silent, [], 'begin the file with one to four lines on what it is');
});

test('links between documents lead somewhere', () => {
  const broken = tracked
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...read(file).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
        .map((match) => match[1]!)
        .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(path.resolve(root, path.dirname(file), target)))
        .map((target) => `${file}: ${target}`),
    );
  assert.deepEqual(broken, []);
});

test('every how-to page is found from the README, or CONTRIBUTING.md, and names the tests that show it', () => {
  const index = read('README.md') + read('CONTRIBUTING.md');
  const wrong = tracked
    .filter((file) => file.startsWith('docs/how-to/'))
    .flatMap((file) => {
      const tests = [...read(file).matchAll(/`((?:test|src)\/[^`\s]+)`/g)].map((match) => match[1]!);
      const isOne = (name: string): boolean => /\.test\.ts$|^test\//.test(name);
      return [
        ...(index.includes(`](${file})`) ? [] : [`${file}: no link leads to it`]),
        ...(tests.some(isOne) ? [] : [`${file}: which test shows it?`]),
        ...tests.filter((name) => globSync(name, { cwd: root }).length === 0).map((name) => `${file}: no ${name}`),
      ];
    });
  assert.deepEqual(wrong, []);
});

test('decisions have numbers of their own, and STYLE.md stays short', () => {
  const numbers = tracked
    .filter((file) => file.startsWith('docs/decisions/'))
    .map((file) => path.basename(file).slice(0, 4));
  assert.equal(new Set(numbers).size, numbers.length, numbers.join(' '));
  assert.ok(read('STYLE.md').split('\n').length < 100);
});

test('every dependency has its row in docs/dependencies.md', () => {
  const manifest = JSON.parse(read('package.json')) as Record<
    'dependencies' | 'devDependencies' | 'optionalDependencies',
    Record<string, string>
  >;
  const page = read('docs/dependencies.md');
  const missing = Object.keys({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  }).filter((name) => !page.includes(`\`${name}\``));
  assert.deepEqual(missing, []);
});
