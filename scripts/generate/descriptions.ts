// Descriptions of types, fields and parameters for `kubectl explain` and the OpenAPI documents, from the doc comments of
// @kubernetes/client-node's models and operations, which are generated from the same release. Read at build time only.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { TypeTable } from './facts.ts';

const generatedUrl = new URL('../../node_modules/@kubernetes/client-node/dist/gen/', import.meta.url);
const upperFirst = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Of a type ('': none) and of its fields. */
export type Descriptions = readonly [type: string, fields: Readonly<Record<string, string>>];

/** Type name -> JSON text of its descriptions. `exact`: what the models do not have word for word (exact-descriptions.ts). */
export function generateDescriptions(table: TypeTable, exact: Readonly<Record<string, Descriptions>>): string {
  const result: Record<string, string> = {};
  for (const [name, type] of Object.entries(table.types).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const found = clientDescriptions(name, type);
    const better = exact[name];
    if (found === undefined && better === undefined) continue;
    const own = better === undefined || better[0] === '' ? (found?.[0] ?? '') : better[0];
    result[name] = JSON.stringify([own, { ...found?.[1], ...better?.[1] }]);
  }
  return `${JSON.stringify(result).replaceAll('","io.', '",\n"io.')}\n`;
}

/** What the models of client-node say of a type. */
export function clientDescriptions(name: string, type: TypeTable['types'][string]): Descriptions | undefined {
  const text = modelText(name);
  if (text === undefined) return undefined;
  const fields: Record<string, string> = {};
  const fieldOf = new Map(Object.keys(type.fields).map((field) => [plain(field), field]));
  for (const [property, comment] of propertyComments(text)) {
    const field = fieldOf.get(plain(property));
    if (field !== undefined) fields[field] = comment;
  }
  return [classComment(text), fields];
}

/** Without what the models put in or leave out: `$ref` is `$ref` or `_ref`, `x-a` is `x_a`. */
const plain = (name: string): string => name.replaceAll(/[^a-zA-Z0-9]/g, '');

/** Models whose name two groups share carry the group as a prefix. */
function modelText(typeName: string): string | undefined {
  const parts = typeName.split('.');
  const [kind = '', version = '', group = ''] = parts.toReversed();
  const versioned = `${upperFirst(version)}${kind}`;
  for (const name of [`${upperFirst(group)}${versioned}`, versioned]) {
    const url = new URL(`models/${name}.d.ts`, generatedUrl);
    if (existsSync(url)) return readFileSync(url, 'utf8');
  }
  return undefined;
}

/** The text of a doc comment. */
const clean = (comment: string): string =>
  comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*\s?/, ''))
    .join('\n')
    .trim()
    .replaceAll(/\\(['"`])/g, '$1')
    .replaceAll('*_/', '*/');

function classComment(text: string): string {
  const match = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export declare class /.exec(text);
  const comment = match === null ? '' : clean(match[1]!);
  return comment.includes('No description provided') ? '' : comment;
}

function* propertyComments(text: string): Generator<readonly [string, string]> {
  const body = text.slice(text.indexOf('export declare class '));
  for (const match of body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*'([^']+)'\??:/g))
    yield [match[2]!, clean(match[1]!)];
}

/**
 * Characters of parameters' descriptions that are line ends upstream: the operations have blanks in their place. The names of shared
 * parameters carry hashes of their descriptions, so that a test sees when one is wrong.
 */
const lineEnds: Readonly<Record<string, readonly number[]>> = {
  continue: [1057, 1058],
  limit: [747, 748],
  resourceVersion: [185, 186],
  resourceVersionMatch: [275, 276],
  sendInitialEvents: [564, 565, 753, 830, 888, 971, 1053, 1126, 1166, 1223, 1252, 1253],
  shardSelector: [
    205, 206, 269, 412, 413, 564, 588, 618, 619, 879, 880, 890, 907, 996, 1086, 1103, 1192, 1281, 1370, 1460, 1461,
  ],
};

/** How the doc comments of operations write some characters. */
const characters: readonly (readonly [string, string])[] = [
  [String.raw`\&#39;`, "'"],
  [String.raw`\&quot;`, '"'],
  ['&#x3D;', '='],
  ['&#x60;', '`'],
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&amp;', '&'],
];
const decoded = (text: string): string =>
  characters.reduce((all, [written, meant]) => all.replaceAll(written, meant), text).trim();

/**
 * Parameter -> description; those of a connection or a patch have its name before theirs: `PodExecOptions.stdin`,
 * `patch.fieldManager`.
 */
export function generateParameterDescriptions(): string {
  const found: Record<string, string> = {};
  const directory = new URL('apis/', generatedUrl);
  for (const file of readdirSync(directory).toSorted()) {
    if (!file.endsWith('.d.ts')) continue;
    const blocks = readFileSync(new URL(file, directory), 'utf8').matchAll(/(?:^ +\* @param \w+ .+\n)+/gm);
    // Those of the custom objects' own client have other words.
    if (file.startsWith('CustomObjects')) continue;
    for (const [block] of blocks) Object.assign(found, parametersOf(block));
  }
  const sorted = Object.entries(found).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 1)}\n`;
}

/** Of one operation. */
function parametersOf(block: string): Record<string, string> {
  const parameters = new Map(
    [...block.matchAll(/@param (\w+) (.+)$/gm)].map(([, name = '', text = '']) => [
      name.replace(/^_/, ''),
      decoded(text),
    ]),
  );
  const connected = /^name of the (\w+Options)$/.exec(parameters.get('name') ?? '')?.[1];
  const owner = connected ?? (parameters.has('tailLines') ? 'PodLogOptions' : undefined);
  const isPatch = parameters.has('force');
  const result: Record<string, string> = {};
  for (const [name, text] of parameters) {
    if (name === 'name' || name === 'body' || name === 'param' || text.includes('(optional, default')) continue;
    // The path below a proxy is a parameter, and so is the one in the query.
    const isPath = name === 'path' && parameters.has('path2');
    const isShared = ['namespace', 'pretty'].includes(name) || isPath || (owner === undefined && !isPatch);
    const own = `${owner ?? 'patch'}.${name.replace(/\d$/, '')}`;
    const key = isShared || (isPatch && name !== 'fieldManager') ? name : own;
    result[key] = withLines(name, text);
  }
  return result;
}

const withLines = (name: string, text: string): string =>
  (lineEnds[name] ?? []).reduce((all, index) => `${all.slice(0, index)}\n${all.slice(index + 1)}`, text);
