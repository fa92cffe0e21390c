// `node scripts/generate/exact-descriptions.ts DIRECTORY` writes src/api/facts/exact-descriptions.json: the descriptions that the
// models of @kubernetes/client-node do not have word for word: of fields whose value is another type, of lines and of enumerations.
// DIRECTORY holds the npm packages `kubernetes-models` 5.1.0, `@kubernetes-models/apimachinery` 3.0.2 and `kubernetes-types` 1.30.0
// (which alone describes quantities) as they unpack, under `kubernetes-models`, `apimachinery` and `kubernetes-types`: too many
// dependencies of their own for what is read once a release.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { clientDescriptions } from './descriptions.ts';
import type { Descriptions } from './descriptions.ts';
import type { TypeTable } from './facts.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: exact-descriptions.ts DIRECTORY');
const facts = (name: string): URL => new URL(`../../src/api/facts/${name}`, import.meta.url);
const table = JSON.parse(readFileSync(facts('k8s-types.json'), 'utf8')) as TypeTable;
const models = path.join(directory, 'kubernetes-models');
const groups = readdirSync(models, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? [one.name] : []));

/** `io.k8s.api.networking.v1.Ingress` -> `kubernetes-models/networking.k8s.io/v1/Ingress.d.ts`. */
function modelFile(typeName: string): string | undefined {
  const machinery = 'io.k8s.apimachinery.pkg.';
  const parts = typeName.split('.');
  const [kind = '', version = '', short = ''] = parts.toReversed();
  const group = short === 'core' ? '' : groups.find((one) => one === short || one.startsWith(`${short}.`));
  const file = typeName.startsWith(machinery)
    ? path.join(directory!, 'apimachinery', `${typeName.slice(machinery.length).replaceAll('.', '/')}.d.ts`)
    : group === undefined
      ? undefined
      : path.join(models, group, version, `${kind}.d.ts`);
  return file !== undefined && existsSync(file) ? file : undefined;
}

/** The text of a doc comment, in which only what would end it is escaped. */
const textOf = (comment: string): string =>
  comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*\s?/, ''))
    .filter((line) => line !== '@deprecated')
    .join('\n')
    .trim()
    .replaceAll(/\\([*/])/g, '$1');

const result: Record<string, Descriptions> = {};
/** No version has it any more; a table's column is described by it. */
const formerTypes: TypeTable['types'] = {
  'io.k8s.api.certificates.v1beta1.CertificateSigningRequestSpec': { fields: { signerName: {} } },
};
for (const [name, type] of Object.entries({ ...table.types, ...formerTypes })) {
  const file = modelFile(name);
  if (file === undefined) continue;
  const text = readFileSync(file, 'utf8');
  const known = clientDescriptions(name, type);
  const head = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export (?:interface|type) I/.exec(text);
  const own = head === null ? '' : textOf(head[1]!);
  const start = text.indexOf('export interface I');
  const body = start < 0 ? '' : text.slice(start, text.indexOf('export declare class'));
  const fields: Record<string, string> = {};
  const seen = new Set<string>();
  for (const match of body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*"([^"]+)"\??:/g)) {
    const description = textOf(match[1]!);
    seen.add(match[2]!);
    if (match[2]! in type.fields && description !== known?.[1][match[2]!]) fields[match[2]!] = description;
  }
  // Where a field has none, the client's models have its type's own words. These models have none for the two fields of every kind.
  for (const field of Object.keys(known?.[1] ?? {}))
    if (body !== '' && !seen.has(field) && field !== 'apiVersion' && field !== 'kind') fields[field] = '';
  const isSame = own === '' || own === known?.[0];
  if (!isSame || Object.keys(fields).length > 0) result[name] = [isSame ? '' : own, fields];
}
const flat = (text: string): string => text.replaceAll(/\s/g, ' ');

/**
 * The packages have no models of versions that are off by default: what those say in the words of another version of the type is taken
 * from that, lines and enumerations included.
 */
for (const [name, type] of Object.entries(table.types)) {
  const known = clientDescriptions(name, type);
  if (known === undefined || result[name] !== undefined || modelFile(name) !== undefined) continue;
  const [kind = '', , ...rest] = name.split('.').toReversed();
  const others = ['v1', 'v1beta2', 'v1beta1'].flatMap((version) => {
    const other = [kind, version, ...rest].toReversed().join('.');
    const typeOf = table.types[other];
    const client = typeOf === undefined ? undefined : clientDescriptions(other, typeOf);
    const better = result[other];
    if (client === undefined || better === undefined) return [];
    return [
      { own: better[0] === '' ? client[0] : better[0], fields: { ...client[1], ...better[1] } as Descriptions[1] },
    ];
  });
  const matching = (text: string, candidates: readonly (string | undefined)[]): string | undefined =>
    candidates.find((one) => one !== undefined && flat(one).startsWith(flat(text)));
  const fields: Record<string, string> = {};
  for (const [field, { ref }] of Object.entries(type.fields)) {
    const text = known[1][field];
    const candidates = others.map((one) => one.fields[field]);
    const found = ref === undefined ? (text === undefined ? undefined : matching(text, candidates)) : candidates[0];
    if (found !== undefined && found !== text) fields[field] = found;
    else if (found === undefined && ref !== undefined && text !== undefined) fields[field] = '';
  }
  const own =
    known[0] === ''
      ? ''
      : (matching(
          known[0],
          others.map((one) => one.own),
        ) ?? '');
  if (own !== '' || Object.keys(fields).length > 0) result[name] = [own === known[0] ? '' : own, fields];
}

const quantityText = readFileSync(path.join(directory, 'kubernetes-types/api/resource.d.ts'), 'utf8');
const quantity = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export type Quantity /.exec(quantityText);
result['io.k8s.apimachinery.pkg.api.resource.Quantity'] = [textOf(quantity![1]!), {}];

const lines = Object.entries(result)
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`);
writeFileSync(facts('exact-descriptions.json'), `{\n${lines.join(',\n')}\n}\n`);
