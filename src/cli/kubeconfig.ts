// `microshift kubeconfig merge` and `remove`: the context `microshift` in a file that belongs to somebody else.
import { existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Document } from 'yaml';
import { adminKubeconfigPath } from '#assembly/status.ts';
import { OperatorError } from '#base/errors.ts';
import { hostChangesFile, openHostChanges, recordMissingParents } from '#host/changes.ts';
import { systemFiles } from '#host/files.ts';
import { dataDirectoryHere } from './configuration.ts';
import type { StatusFlags } from './command.ts';

const contextName = 'microshift';
/** In other people's files our user needs a name that is ours. */
const userName = 'microshift-admin';

export async function mergeCommand(flags: StatusFlags & { readonly into: string }): Promise<void> {
  const dataDirectory = await dataDirectoryHere(flags);
  const source = adminKubeconfigPath(dataDirectory);
  const ours = await systemFiles.readText(source).catch((cause: unknown) => {
    throw new OperatorError(
      `The kubeconfig ${source} cannot be read.`,
      'Use the user that runs MicroShift: sudo microshift kubeconfig merge ...',
      { cause },
    );
  });
  if (ours === undefined)
    throw new OperatorError(
      `There is no kubeconfig at ${source}: MicroShift has not run with this data directory yet.`,
      'Start it first, or name its data directory with --data-dir.',
    );
  const into = resolved(flags.into);
  const theirs = await systemFiles.readText(into);
  // A directory that is made here is taken back by cleanup, when nothing else is in it then.
  recordMissingParents(openHostChanges(hostChangesFile(dataDirectory)), into);
  const merged = await mergeKubeconfig(theirs, ours, into);
  await replace(into, theirs, merged);
  console.log(`The context ${contextName} is in ${into}: kubectl --context ${contextName} get all -A`);
}

export async function removeCommand(from: string): Promise<void> {
  const file = resolved(from);
  const theirs = await systemFiles.readText(file);
  if (theirs === undefined) return;
  const without = await removeFromKubeconfig(theirs, file);
  if (without === theirs) return;
  const copy = copyOf(file);
  const before = await systemFiles.readText(copy);
  if (before !== undefined && (await isSameConfiguration(before, without, theirs))) {
    await systemFiles.writeAtomic(file, before, modeOf(copy));
    await systemFiles.remove(copy);
    return;
  }
  if (before !== undefined)
    console.log(
      `${file} was changed since the context ${contextName} came into it; as it was before, it is in ${copy}.`,
    );
  if (without === undefined) await systemFiles.remove(file);
  else await systemFiles.writeAtomic(file, without, modeOf(before === undefined ? file : copy));
}

/** Through a symbolic link to the file itself, which stays where it is. */
const resolved = (file: string): string => (existsSync(file) ? realpathSync(file) : path.resolve(file));
const modeOf = (file: string): number => (existsSync(file) ? statSync(file).mode & 0o777 : 0o600);

const copyOf = (file: string): string => `${file}.orig`;

async function replace(file: string, before: string | undefined, after: string): Promise<void> {
  if (before === after) return;
  // The first copy is the one from before MicroShift: it is never overwritten. It remembers the mode, too.
  if (before !== undefined && !existsSync(copyOf(file)))
    await systemFiles.writeAtomic(copyOf(file), before, modeOf(file));
  await systemFiles.writeAtomic(file, after, modeOf(file) & 0o700);
}

const sections = [
  ['clusters', contextName],
  ['contexts', contextName],
  ['users', userName],
] as const;

async function parse(text: string, file: string): Promise<Document> {
  const { parseDocument, isMap } = await import('yaml');
  const document = parseDocument(text);
  if (document.errors.length > 0 || (document.contents !== null && !isMap(document.contents)))
    throw new OperatorError(
      `${file} is not a kubeconfig that can be read: ${document.errors[0]?.message ?? 'it holds no keys'}.`,
      'Correct it, or give another file; it was not changed.',
    );
  return document;
}

/** The text of the file with our cluster, context and user in it; all else, comments included, as it was. */
export async function mergeKubeconfig(theirs: string | undefined, ours: string, file = 'the file'): Promise<string> {
  const { isSeq } = await import('yaml');
  const own = (await parse(ours, 'our kubeconfig')).toJS() as Record<
    'clusters' | 'contexts' | 'users',
    Record<string, unknown>[]
  >;
  const entries: Readonly<Record<string, unknown>> = {
    clusters: { name: contextName, cluster: own.clusters[0]!['cluster'] },
    contexts: { name: contextName, context: { cluster: contextName, namespace: 'default', user: userName } },
    users: { name: userName, user: own.users[0]!['user'] },
  };
  const document = await parse(
    theirs === undefined || theirs.trim() === '' ? 'apiVersion: v1\nkind: Config\n' : theirs,
    file,
  );
  for (const [section, name] of sections) {
    if (!isSeq(document.get(section))) document.set(section, document.createNode([]));
    const list = document.get(section);
    if (!isSeq(list)) continue;
    list.flow = false;
    const at = indexOfName(list.toJSON(), name);
    const node = document.createNode(entries[section]);
    if (at >= 0) list.set(at, node);
    else list.add(node);
  }
  const current: unknown = document.get('current-context');
  if (typeof current !== 'string' || current === '') document.set('current-context', contextName);
  return document.toString({ lineWidth: 0 });
}

/** Undefined: nothing but ours was in it. */
export async function removeFromKubeconfig(theirs: string, file = 'the file'): Promise<string | undefined> {
  const { isSeq } = await import('yaml');
  const document = await parse(theirs, file);
  let removed = false;
  let left = 0;
  for (const [section, name] of sections) {
    const list = document.get(section);
    if (!isSeq(list)) continue;
    const at = indexOfName(list.toJSON(), name);
    if (at >= 0) {
      list.delete(at);
      removed = true;
    }
    left += list.items.length;
  }
  if (document.get('current-context') === contextName) {
    document.delete('current-context');
    removed = true;
  }
  if (!removed) return theirs;
  return left === 0 ? undefined : document.toString({ lineWidth: 0 });
}

const indexOfName = (list: unknown, name: string): number =>
  Array.isArray(list)
    ? list.findIndex((one: unknown) => typeof one === 'object' && one !== null && 'name' in one && one.name === name)
    : -1;

/**
 * Whether `without` (undefined: nothing left) says the same as `before` did: other order, comments and empty lists do not count,
 * nor does which context is current when that was ours in `merged`.
 */
export async function isSameConfiguration(
  before: string,
  without: string | undefined,
  merged: string,
): Promise<boolean> {
  const { parse: parseYaml } = await import('yaml');
  const read = (text: string): Record<string, unknown> => {
    const value: unknown = parseYaml(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  };
  const shape = (text: string): unknown => {
    const all = read(text);
    delete all['current-context'];
    for (const [key, value] of Object.entries(all)) {
      if (Array.isArray(value))
        all[key] = (value as { readonly name?: unknown }[]).toSorted((a, b) =>
          String(a.name).localeCompare(String(b.name)),
        );
      if (value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0))
        delete all[key];
    }
    return { apiVersion: 'v1', kind: 'Config', ...all };
  };
  const current = (text: string): unknown => read(text)['current-context'] ?? '';
  const wasOurs = current(merged) === contextName;
  return (
    isDeepStrictEqual(shape(before), shape(without ?? '')) && (wasOurs || current(before) === current(without ?? ''))
  );
}
