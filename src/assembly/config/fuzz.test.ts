// Whatever is in a file or the environment: a configuration, or mistakes that say key, source and remedy. Nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#kit/fuzz-seed.ts';
import { checkConfiguration } from './check.ts';
import { configurationKeys } from './keys.ts';
import { keyAliases } from './keys/aliases.ts';
import { absentKeys } from './keys/absent.ts';
import { ConfigurationError } from './problems.ts';
import { readConfiguration } from './read.ts';

const file = '/etc/microshift/config.yaml';

async function load(text: string, environment: Readonly<Record<string, string>> = {}) {
  const { raw, problems, incomplete } = await readConfiguration({
    flags: {},
    environment,
    homeDirectory: '/root',
    readText: (one) => Promise.resolve(one === file ? text : undefined),
    listNames: () => Promise.resolve([]),
  });
  if (incomplete) throw new ConfigurationError(problems);
  const host = {
    hostname: 'edge',
    isRoot: true,
    homeDirectory: '/root',
    homeDataExists: false,
    nodeAddress: () => '192.168.1.10',
  };
  return checkConfiguration(raw, host, problems);
}

/** Holds, or says what is wrong. */
async function holdsOrSays(text: string, environment?: Readonly<Record<string, string>>): Promise<void> {
  try {
    const { values } = await load(text, environment);
    // What is shown means the same when it is read again: it is what holds.
    const again = await load(JSON.stringify(tree([...values].map(([path, one]) => [path, one.value]))));
    for (const [path, one] of values) assert.deepEqual(again.values.get(path)?.value, one.value, path);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    assert(error.problems.length > 0);
    for (const { source, message, remedy } of error.problems) {
      assert(source !== '' && message !== '' && remedy !== '', message);
      assert(message.length < 2_000, 'a message is for a person');
    }
  }
}

function tree(entries: readonly (readonly [path: string, value: unknown])[]): object {
  const root = new Map<string, unknown>();
  for (const [path, value] of entries) {
    let section = root;
    const parts = path.split('.');
    for (const part of parts.slice(0, -1)) {
      const next = section.get(part);
      if (next instanceof Map) section = next as Map<string, unknown>;
      else {
        const made = new Map<string, unknown>();
        section.set(part, made);
        section = made;
      }
    }
    section.set(parts.at(-1)!, value);
  }
  const plain = (map: Map<string, unknown>): object =>
    Object.fromEntries([...map].map(([name, value]) => [name, value instanceof Map ? plain(value as never) : value]));
  return plain(root);
}

const paths = [...configurationKeys, ...keyAliases, ...absentKeys].map((one) => one.path);
const path = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...paths) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('__proto__', 'constructor.x', 'cluster', 'ingress.ports.http.deep', 'kubelet'),
  },
  { weight: 1, arbitrary: fc.string() },
);
const likely = fc.constantFrom<unknown>(
  '',
  '10.42.0.0/16',
  '10.0.0.0/8',
  '0.0.0.0/0',
  '1s',
  '-1s',
  '/x',
  '30000-29999',
  'Enabled',
  'Strict',
  'https://[::1]:0',
  0,
  -1,
  65536,
  2 ** 53,
  [],
  ['a'],
  [{ certPath: '/a', keyPath: '/b', names: ['x', ''] }],
  [{ name: 'Host', maxLength: 0 }],
  [null],
  {},
  null,
  true,
);
const value = fc.oneof({ weight: 3, arbitrary: likely }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) });

test('any values of any keys in a file', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(path, value), { maxLength: 6 }), (entries) =>
      holdsOrSays(JSON.stringify(tree(entries))),
    ),
    { numRuns: 200 },
  );
});

test('any text as a file', async () => {
  const yaml = fc.array(
    fc.constantFrom(
      'cluster',
      ': ',
      '\n',
      '  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '<<',
      '!!str ',
      '"',
      '|',
      '#',
      'x',
      '0',
      '\t',
      '%',
      '---\n',
      '\0',
    ),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        yaml.map((parts) => parts.join('')),
        fc.string({ unit: 'binary' }),
      ),
      (text) => holdsOrSays(text),
    ),
    { numRuns: 200 },
  );
});

test('any text in the environment', async () => {
  const variable = fc.constantFrom(...[...configurationKeys, ...keyAliases].map((one) => one.variable));
  const text = fc.oneof(
    likely.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(variable, text, { maxKeys: 4 }), (environment) => holdsOrSays('', environment)),
    { numRuns: 200 },
  );
});

test('a file that grows when its aliases are followed is refused', async () => {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (let i = 0; i < 12; i++)
    lines.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i === 0 ? '' : i - 1}`).join(', ')}]`);
  await assert.rejects(load(lines.join('\n')), ConfigurationError);
});
