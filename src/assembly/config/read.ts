// Collects raw values: default < file < environment < flags. Knows keys and types, not meanings (check.ts does).
import { OperatorError, messageOf } from '#base/errors.ts';
import { configurationKeys, type ConfigurationKey, type RawConfiguration, type RawValue } from './keys.ts';

export interface ConfigurationFlags {
  readonly config?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly auditLogDir?: string | undefined;
  readonly roles?: string | undefined;
  readonly verbosity?: string | undefined;
}

export interface ConfigurationSources {
  readonly flags: ConfigurationFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
  /** Undefined when there is no such file. */
  readonly readText: (file: string) => Promise<string | undefined>;
}

type Values = Map<string, { readonly value: RawValue; readonly source: string }>;

const keysByPath = new Map(configurationKeys.map((key) => [key.path, key]));
/** Sections that may be empty, such as `controlPlane: {}` of the original. */
const sections = new Set(
  configurationKeys.flatMap((key) => {
    const parts = key.path.split('.');
    return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('.'));
  }),
);
sections.add('controlPlane');

export async function readConfiguration(sources: ConfigurationSources): Promise<RawConfiguration> {
  const values: Values = new Map();
  await addFile(values, sources);
  addEnvironment(values, sources.environment);
  addFlags(values, sources.flags);
  return values;
}

async function addFile(values: Values, sources: ConfigurationSources): Promise<void> {
  const named = sources.flags.config ?? sources.environment['MICROSHIFT_CONFIGFILE'];
  const candidates =
    named === undefined || named === ''
      ? [`${sources.homeDirectory}/.microshift/config.yaml`, '/etc/microshift/config.yaml']
      : [named];
  for (const file of candidates) {
    let text: string | undefined;
    try {
      text = await sources.readText(file);
    } catch (error) {
      throw new OperatorError(
        `The configuration file ${file} cannot be read: ${messageOf(error)}.`,
        'Make it readable for this user, or name another file with --config.',
        { cause: error },
      );
    }
    if (text === undefined) {
      if (named !== undefined && named !== '')
        throw new OperatorError(
          `The configuration file ${file} does not exist.`,
          'Name an existing file with --config, or leave it out: every key has a default.',
        );
      continue;
    }
    await parseFile(values, file, text);
    return;
  }
}

async function parseFile(values: Values, file: string, text: string): Promise<void> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined)
    throw new OperatorError(
      `The configuration file ${file} is not valid YAML: ${problem.message.split('\n')[0]?.replace(/:$/, '') ?? ''}.`,
      'Correct that line. `microshift show-config -m default` prints a complete file.',
    );
  const tree: unknown = document.toJS();
  if (tree === null || tree === undefined) return;
  addTree(values, file, '', tree);
}

function addTree(values: Values, file: string, path: string, tree: unknown): void {
  if (path !== '' && (tree === null || tree === undefined)) return;
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree))
    throw new OperatorError(
      path === ''
        ? `The configuration file ${file} must hold keys with values, such as "nodeName: edge-1".`
        : `${path} in ${file} must hold keys of its own, and holds ${JSON.stringify(tree)}.`,
      '`microshift show-config -m default` prints a complete file.',
    );
  for (const [name, value] of Object.entries(tree)) {
    const full = path === '' ? name : `${path}.${name}`;
    const key = keysByPath.get(full);
    if (key !== undefined) {
      if (value !== null) values.set(full, { value: typed(key, value, `${file}`), source: file });
    } else if (sections.has(full)) addTree(values, file, full, value);
    else throw unknownKey(full, file, [...keysByPath.keys(), ...sections]);
  }
}

function addEnvironment(values: Values, environment: ConfigurationSources['environment']): void {
  const byVariable = new Map(configurationKeys.map((key) => [key.variable, key]));
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('MICROSHIFT_') || text === undefined || text === '') continue;
    if (variable === 'MICROSHIFT_CONFIGFILE') continue;
    const key = byVariable.get(variable);
    if (key === undefined) throw unknownKey(variable, 'the environment', [...byVariable.keys()]);
    values.set(key.path, { value: fromText(key, text, variable), source: variable });
  }
}

function addFlags(values: Values, flags: ConfigurationFlags): void {
  const add = (path: string, flag: string, text: string | undefined) => {
    if (text !== undefined) values.set(path, { value: fromText(keysByPath.get(path)!, text, flag), source: flag });
  };
  add('dataDir', '--data-dir', flags.dataDir);
  add('auditLogDir', '--audit-log-dir', flags.auditLogDir);
  add('roles', '--roles', flags.roles);
  add('logVLevel', '-v', flags.verbosity);
}

const integerPattern = /^-?\d{1,15}$/;

function fromText(key: ConfigurationKey, text: string, source: string): RawValue {
  if (key.type === 'list')
    return text
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '');
  if (key.type === 'integer') {
    if (!integerPattern.test(text)) throw wrongType(key, text, source);
    return Number(text);
  }
  return text;
}

function typed(key: ConfigurationKey, value: unknown, source: string): RawValue {
  switch (key.type) {
    case 'string':
      if (typeof value === 'string') return value;
      break;
    case 'integer':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
      break;
    case 'list':
      if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
      break;
  }
  throw wrongType(key, value, source);
}

const typeNames = { string: 'a text', integer: 'a whole number', list: 'a list of texts' } as const;

const wrongType = (key: ConfigurationKey, value: unknown, source: string) =>
  new OperatorError(
    `${key.path} in ${source} must be ${typeNames[key.type]}, and is ${JSON.stringify(value)}.`,
    `It says: ${key.meaning}. Correct the value, or remove it to get the default.`,
  );

function unknownKey(name: string, source: string, known: readonly string[]): OperatorError {
  const nearest = known
    .map((one) => ({ one, distance: editDistance(one.toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  const hint = nearest !== undefined && nearest.distance <= 3 ? `Did you mean ${nearest.one}? ` : '';
  return new OperatorError(
    `${name} in ${source} is not known.`,
    `${hint}\`microshift show-config -m default\` lists all keys.`,
  );
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
