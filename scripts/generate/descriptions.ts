// Descriptions of types and fields for `kubectl explain`, from the doc comments of @kubernetes/client-node's models, which
// are generated from the same release. Read at build time only.
import { existsSync, readFileSync } from 'node:fs';
import type { TypeTable } from './facts.ts';

const modelsUrl = new URL('../../node_modules/@kubernetes/client-node/dist/gen/models/', import.meta.url);
const upperFirst = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Type name -> JSON text of [description, {field: description}]. */
/** `references`: of fields whose value is another type (reference-descriptions.ts). */
export function generateDescriptions(
  table: TypeTable,
  references: Readonly<Record<string, Readonly<Record<string, string>>>>,
): string {
  const result: Record<string, string> = {};
  for (const name of Object.keys(table.types).toSorted()) {
    const text = modelText(name);
    if (text === undefined) continue;
    const fields: Record<string, string> = {};
    const fieldOf = new Map(Object.keys(table.types[name]!.fields).map((field) => [plain(field), field]));
    for (const [property, comment] of propertyComments(text)) {
      const field = fieldOf.get(plain(property));
      if (field !== undefined) fields[field] = comment;
    }
    result[name] = JSON.stringify([classComment(text), { ...fields, ...references[name] }]);
  }
  return `${JSON.stringify(result).replaceAll('","io.', '",\n"io.')}\n`;
}

/** Without what the models put in or leave out: `$ref` is `$ref` or `_ref`, `x-a` is `x_a`. */
const plain = (name: string): string => name.replaceAll(/[^a-zA-Z0-9]/g, '');

/** Models whose name two groups share carry the group as a prefix. */
function modelText(typeName: string): string | undefined {
  const parts = typeName.split('.');
  const [kind = '', version = '', group = ''] = parts.toReversed();
  const versioned = `${upperFirst(version)}${kind}`;
  for (const name of [`${upperFirst(group)}${versioned}`, versioned]) {
    const url = new URL(`${name}.d.ts`, modelsUrl);
    if (existsSync(url)) return readFileSync(url, 'utf8');
  }
  return undefined;
}

/** The text of a doc comment. */
export const clean = (comment: string): string =>
  comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*\s?/, ''))
    .join('\n')
    .trim()
    .replaceAll(/\\(['"`])/g, '$1')
    .replaceAll('*_/', '*/');

function classComment(text: string): string {
  const match = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export declare class /.exec(text);
  return match === null ? '' : clean(match[1]!);
}

function* propertyComments(text: string): Generator<readonly [string, string]> {
  const body = text.slice(text.indexOf('export declare class '));
  for (const match of body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*'([^']+)'\??:/g))
    yield [match[2]!, clean(match[1]!)];
}
