// `node scripts/generate/reference-descriptions.ts DIRECTORY` writes src/api/facts/reference-descriptions.json: what fields mean whose
// value is another type. The models that descriptions.ts reads have the type's own words there. DIRECTORY is the unpacked npm
// package `kubernetes-models` (`npm pack kubernetes-models@5.1.0`): too many dependencies of its own for what is read once a release.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { clean } from './descriptions.ts';
import type { TypeTable } from './facts.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: reference-descriptions.ts DIRECTORY');
const facts = (name: string): URL => new URL(`../../src/api/facts/${name}`, import.meta.url);
const table = JSON.parse(readFileSync(facts('k8s-types.json'), 'utf8')) as TypeTable;
const groups = readdirSync(directory, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? [one.name] : []));

/** `io.k8s.api.networking.v1.Ingress` -> `networking.k8s.io/v1/Ingress.d.ts`. */
function modelFile(typeName: string): string | undefined {
  const parts = typeName.split('.');
  const [kind = '', version = '', short = ''] = parts.toReversed();
  const group = short === 'core' ? '' : groups.find((one) => one === short || one.startsWith(`${short}.`));
  if (group === undefined) return undefined;
  const file = path.join(directory!, group, version, `${kind}.d.ts`);
  return existsSync(file) ? file : undefined;
}

const result: Record<string, Record<string, string>> = {};
for (const [name, type] of Object.entries(table.types)) {
  const file = modelFile(name);
  if (file === undefined) continue;
  const text = readFileSync(file, 'utf8');
  const body = text.slice(text.indexOf('export interface I'), text.indexOf('export declare class'));
  const fields: Record<string, string> = {};
  for (const match of body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*"([^"]+)"\??:/g))
    if (type.fields[match[2]!]?.ref !== undefined) fields[match[2]!] = clean(match[1]!);
  if (Object.keys(fields).length > 0) result[name] = fields;
}
const lines = Object.entries(result)
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, fields]) => `${JSON.stringify(name)}:${JSON.stringify(fields)}`);
writeFileSync(facts('reference-descriptions.json'), `{\n${lines.join(',\n')}\n}\n`);
