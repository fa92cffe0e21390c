// Writes src/api/generated/ from the fact tables in src/api/facts/. Run by `npm run generate`;
// test/repository/generated.test.ts checks that the committed files are what this writes.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { generateKindReferences } from './generate/kind-references.ts';
import { generateKindRows } from './generate/kind-rows.ts';
import { generateTypes } from './generate/types.ts';

const readFacts = (name: string) =>
  JSON.parse(readFileSync(new URL(`../src/api/facts/${name}`, import.meta.url), 'utf8'));

/** File name below src/api/generated -> content. */
export function generateAll(): Map<string, string> {
  const types = readFacts('k8s-types.json');
  const resources = readFacts('k8s-resources.json');
  const openshift = readFacts('openshift-resources.json');
  return new Map([
    ['types.ts', generateTypes(types, openshift)],
    ['kind-references.ts', generateKindReferences(types, resources, openshift)],
    ['kind-rows.json', generateKindRows(types, resources, openshift)],
  ]);
}

if (import.meta.main) {
  const directory = new URL('../src/api/generated/', import.meta.url);
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of generateAll()) writeFileSync(new URL(name, directory), content);
}
