// Writes src/api/generated/ from the fact tables in src/api/facts/, and the tables of docs/how-to/configure.md from the table
// of configuration keys. Run by `npm run generate`;
// test/repository/generated.test.ts checks that the committed files are what this writes.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { configurationPage } from './generate/configuration-page.ts';
import { generateColumnDescriptions } from './generate/column-descriptions.ts';
import { generateDescriptions, generateParameterDescriptions } from './generate/descriptions.ts';
import { generateFeatureGates } from './generate/feature-gates.ts';
import { generateOpenApiHashes } from './generate/openapi-hashes.ts';
import { generateKindReferences } from './generate/kind-references.ts';
import { generateKindRows } from './generate/kind-rows.ts';
import { generateDefaultRules, generateProtobufNumbers, generateTypeTable } from './generate/type-table.ts';
import { generateTypes } from './generate/types.ts';

const readFacts = (name: string) =>
  JSON.parse(readFileSync(new URL(`../src/api/facts/${name}`, import.meta.url), 'utf8'));

/** Of documents that the product makes of its tables: those must have been written before. */
export const generateHashes = async (): Promise<[name: string, content: string]> => [
  'openapi-hashes.json',
  await generateOpenApiHashes(),
];

/** File name below src/api/generated -> content. */
export function generateAll(): Map<string, string> {
  const types = readFacts('k8s-types.json');
  const resources = readFacts('k8s-resources.json');
  const openshift = readFacts('openshift-resources.json');
  const defaults = readFacts('defaults.json');
  const gates = readFacts('feature-gates.json');
  const exact = readFacts('exact-descriptions.json');
  const descriptions = generateDescriptions(types, exact);
  return new Map([
    [
      'column-descriptions.json',
      generateColumnDescriptions(readFacts('column-descriptions.json'), JSON.parse(descriptions), exact),
    ],
    ['type-table.json', generateTypeTable(types, openshift)],
    ['protobuf-numbers.json', generateProtobufNumbers(types, openshift)],
    ['default-rules.json', generateDefaultRules(defaults, openshift.defaults, gates)],
    ['descriptions.json', descriptions],
    ['parameter-descriptions.json', generateParameterDescriptions()],
    ['feature-gates.ts', generateFeatureGates(gates)],
    ['types.ts', generateTypes(types, openshift)],
    ['kind-references.ts', generateKindReferences(types, resources, openshift)],
    ['kind-rows.json', generateKindRows(types, resources, openshift)],
  ]);
}

/** The page as it is, and as it should be. */
export function generatePage(): { readonly url: URL; readonly now: string; readonly wanted: string } {
  const url = new URL('../docs/how-to/configure.md', import.meta.url);
  const now = readFileSync(url, 'utf8');
  return { url, now, wanted: configurationPage(now) };
}

if (import.meta.main) {
  const directory = new URL('../src/api/generated/', import.meta.url);
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of generateAll()) writeFileSync(new URL(name, directory), content);
  const [name, content] = await generateHashes();
  writeFileSync(new URL(name, directory), content);
  const { url, wanted } = generatePage();
  writeFileSync(url, wanted);
}
