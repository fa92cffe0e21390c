// One configuration file: YAML to values by key, each with its line and column.
import { addValue, unknownName, wrongType } from './entries.ts';
import { aliasesByPath, configurationKeys, keysByPath, type RawEntry } from './keys.ts';
import { absentKeys } from './keys/absent.ts';
import { keyAliases } from './keys/aliases.ts';
import type { ConfigurationProblem } from './problems.ts';
import { typedValue } from './typed.ts';

export interface FileValues {
  readonly values: ReadonlyMap<string, RawEntry>;
  /** Keys and sections that the file sets to null: what earlier files said of them is forgotten (JSON merge patch). */
  readonly reset: readonly string[];
  readonly problems: readonly ConfigurationProblem[];
  /** What is accepted, and has no effect. */
  readonly warnings: readonly string[];
  /** It is no YAML: nothing of it is in `values`. */
  readonly broken: boolean;
}

/** Far more than all keys with all comments; a larger file is a mistake. */
const fileBytesMax = 1024 * 1024;

const rows = [...configurationKeys, ...keyAliases];
const parentsOf = (path: string): string[] =>
  path
    .split('.')
    .slice(0, -1)
    .map((_, index, parts) => parts.slice(0, index + 1).join('.'));
const sections = new Set(rows.flatMap((row) => parentsOf(row.path)));
/** Sections that say nothing, such as `controlPlane: {}` of the original. */
const emptySections = new Set([
  'controlPlane',
  'ingress.tlsSecurityProfile.old',
  'ingress.tlsSecurityProfile.intermediate',
  'ingress.tlsSecurityProfile.modern',
]);
const absentSections = new Set(absentKeys.flatMap((row) => parentsOf(row.path)));
const knownNames = [...rows.map((row) => row.path), ...sections, ...absentKeys.map((row) => row.path)];

export async function parseConfigurationFile(file: string, text: string): Promise<FileValues> {
  const broken = (source: string, why: string): FileValues => ({
    values: new Map(),
    reset: [],
    warnings: [],
    broken: true,
    problems: [
      {
        key: '',
        source,
        message: `The configuration file ${source} is not valid YAML: ${why}.`,
        remedy: 'Correct that line. `microshift show-config -m default` prints a complete file.',
      },
    ],
  });
  if (text.length > fileBytesMax) return broken(file, `it is larger than ${fileBytesMax} bytes`);
  const { parseDocument, LineCounter, isMap, isAlias, isScalar, isNode } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: true, lineCounter: lines });
  const at = (offset: number | undefined): string => {
    const { line, col } = lines.linePos(offset ?? 0);
    return `${file}:${line}:${col}`;
  };
  const [error] = document.errors;
  if (error !== undefined) return broken(at(error.pos[0]), error.message.split('\n')[0]?.replace(/[.:]$/, '') ?? '');

  const values = new Map<string, RawEntry>();
  const reset: string[] = [];
  const problems: ConfigurationProblem[] = [];
  const warnings: string[] = [];
  const plain = (node: unknown): unknown => (isNode(node) ? (node.toJS(document) as unknown) : node);
  const notASection = (path: string, source: string, value: unknown) =>
    problems.push({
      key: path,
      source,
      message:
        path === ''
          ? `The configuration file ${file} must hold keys with values, such as "nodeName: edge-1".`
          : `${path} (from ${source}) must hold keys of its own, and holds ${JSON.stringify(value)}.`,
      remedy: '`microshift show-config -m default` prints a complete file.',
    });

  const walk = (parent: string, given: unknown, source: string): void => {
    const map = isAlias(given) ? given.resolve(document) : given;
    if (!isMap(map)) {
      notASection(parent, source, plain(map));
      return;
    }
    for (const pair of map.items) {
      const name = String(isScalar(pair.key) ? pair.key.value : plain(pair.key));
      const path = parent === '' ? name : `${parent}.${name}`;
      const where = at(isNode(pair.key) ? pair.key.range?.[0] : undefined);
      const value = plain(pair.value);
      const row = keysByPath.get(path) ?? aliasesByPath.get(path);
      if (row !== undefined) {
        if (value === null || value === undefined) reset.push(aliasesByPath.get(path)?.of ?? path);
        else addTyped(path, row, value, where);
      } else if (sections.has(path)) {
        if (value === null || value === undefined) {
          reset.push(path);
          for (const alias of keyAliases) if (alias.path.startsWith(`${path}.`)) reset.push(alias.of);
        } else walk(path, pair.value, where);
      } else addOther(path, pair.value, value, where);
    }
  };
  const addTyped = (path: string, row: Parameters<typeof typedValue>[0], value: unknown, where: string): void => {
    const typed = typedValue(row, value);
    if ('says' in typed) {
      problems.push(wrongType(path, where, typed.says, typed.remedy));
      return;
    }
    const key = aliasesByPath.get(path)?.of ?? path;
    const before = values.get(key);
    addValue(values, problems, path, typed.value, where);
    const now = values.get(key);
    if (before !== undefined && now !== undefined && JSON.stringify(before.value) !== JSON.stringify(now.value))
      problems.push({
        key: path,
        source: where,
        message: `${path} (from ${where}) and ${before.name} (from ${before.source}) are two names of one key, and say different things.`,
        remedy: `Keep one of them.`,
      });
  };
  const addOther = (path: string, node: unknown, value: unknown, where: string): void => {
    if (emptySections.has(path) && saysNothing(value)) return;
    const row = absentKeys.find((one) => path === one.path || path.startsWith(`${one.path}.`));
    if (row === undefined) {
      if (absentSections.has(path) && typeof value === 'object') {
        if (value !== null) walk(path, node, where);
      } else problems.push(unknownName(path, where, value, knownNames));
      return;
    }
    // Deeper rows of the same section decide for themselves.
    if (absentSections.has(path) && typeof value === 'object' && value !== null && !Array.isArray(value)) {
      walk(path, node, where);
      return;
    }
    const isOneOf = (list: readonly unknown[] = []) =>
      list.some((one) => JSON.stringify(one) === JSON.stringify(value));
    if (isOneOf(row.tolerated)) {
      warnings.push(`${path} (from ${where}) has no effect: ${row.instead}`);
      return;
    }
    const empty = row.strict === true ? value === null || value === undefined : saysNothing(value);
    if (isOneOf(row.harmless) || empty || row.unlessTurnedOnBy !== undefined) return;
    problems.push({
      key: path,
      source: where,
      message: `${path} (from ${where}) is a key of MicroShift whose feature is not in this version.`,
      remedy: `${row.instead} Remove the key.`,
    });
  };
  try {
    const root = document.contents;
    if (root !== null && plain(root) !== null) walk('', root, at(root.range?.[0]));
  } catch (cause) {
    return broken(file, cause instanceof Error ? cause.message : String(cause));
  }
  return { values, reset, problems, warnings, broken: false };
}

/** Nothing is asked for: empty all the way down. */
function saysNothing(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(saysNothing);
  return value === null || value === undefined || value === '' || value === 0 || value === false;
}
