// The layers: a folder imports only from itself and the layers above it in this list; features never import each other.
// Also: no import cycles, and the machine is reached only where this file says.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const sourceRoot = path.resolve(import.meta.dirname, '../../src');

/** Lowest first. Folders of one row are siblings and must not import each other. */
const layers: readonly (readonly string[])[] = [
  ['base'],
  ['wire'],
  ['api'],
  ['rules'],
  ['kustomize'],
  ['host'],
  ['storage'],
  ['client'],
  ['pki'],
  ['apiserver', 'controllers', 'scheduler', 'node', 'network', 'console'],
  ['assembly'],
  ['simulation'],
  ['cli'],
  ['library'],
  ['main.ts'],
];

/** Node modules that reach the machine; allowed in host/, and in these files for the reason given. */
const machineModules = new Set([
  'fs',
  'fs/promises',
  'net',
  'dgram',
  'http',
  'https',
  'http2',
  'tls',
  'child_process',
  'os',
  'sqlite',
  'worker_threads',
  'ffi',
  'dns',
  'dns/promises',
  'readline',
  'cluster',
]);
const machineExceptions: Readonly<Record<string, string>> = {
  'wire/grpc.ts': 'compares the address of the other side with its certificate',
  'main.ts': 'the process itself',
};
const machineFolders: Readonly<Record<string, string>> = {
  host: 'the layer that is the machine',
  cli: 'reads and prints for a person',
  library: "runs in other programs' processes, and starts ours",
};

function* sourceFiles(directory: string): Generator<string> {
  for (const entry of readdirSync(directory).toSorted()) {
    const full = path.join(directory, entry);
    if (statSync(full).isDirectory()) yield* sourceFiles(full);
    else if (entry.endsWith('.ts')) yield full;
  }
}

const importPattern = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)/g;
const importsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(importPattern)].map((match) => match[1] ?? match[2]!);
const relative = (file: string) => path.relative(sourceRoot, file);
const folderOf = (file: string) => relative(file).split(path.sep)[0]!;
const rankOf = (folder: string) => layers.findIndex((row) => row.includes(folder));
const resolveImport = (file: string, specifier: string): string | undefined =>
  specifier.startsWith('#')
    ? path.join(sourceRoot, specifier.slice(1))
    : specifier.startsWith('.')
      ? path.resolve(path.dirname(file), specifier)
      : undefined;

const files = [...sourceFiles(sourceRoot)];

test('every folder of src is in the list of layers', () => {
  const unknown = files.filter((file) => rankOf(folderOf(file)) < 0).map(relative);
  assert.deepEqual(unknown, [], 'add the folder to the layers in this file, at its place');
});

test('imports go down the layers only', () => {
  const wrong: string[] = [];
  for (const file of files) {
    for (const specifier of importsOf(file)) {
      const target = resolveImport(file, specifier);
      if (target === undefined || !target.startsWith(sourceRoot)) continue;
      const [from, to] = [folderOf(file), folderOf(target)];
      if (from === to) continue;
      if (rankOf(to) >= rankOf(from))
        wrong.push(
          `${relative(file)}: ${from} must not import ${to} (${specifier}); move what both need to a lower layer`,
        );
    }
  }
  assert.deepEqual(wrong, []);
});

test('product code does not import tests', () => {
  const wrong = files.filter(
    (file) =>
      !file.endsWith('.test.ts') && importsOf(file).some((one) => one.startsWith('#kit/') || one.endsWith('.test.ts')),
  );
  assert.deepEqual(wrong.map(relative), []);
});

test('only host/ and the listed files touch the machine', () => {
  const wrong: string[] = [];
  for (const file of files) {
    if (file.endsWith('.test.ts') || folderOf(file) in machineFolders || relative(file) in machineExceptions) continue;
    for (const specifier of importsOf(file)) {
      const name = specifier.replace(/^node:/, '');
      if (machineModules.has(name))
        wrong.push(`${relative(file)}: ${specifier} belongs in host/, or this file needs a row with its reason here`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('there are no import cycles', () => {
  const graph = new Map(files.map((file) => [file, importsOf(file).flatMap((one) => resolveImport(file, one) ?? [])]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    if (done.has(file)) return;
    const seen = trail.indexOf(file);
    if (seen >= 0) {
      cycles.push([...trail.slice(seen), file].map(relative).join(' -> '));
      return;
    }
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(cycles, []);
});
