// The journal of what this product changed on the host, so that uninstall leaves the host as it was. A change is written (and
// flushed to disk) before it is made; undoHostChanges takes them back, last first.
import { execFile } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { linuxMounts } from './linux/mounts.ts';
import { endRecordedProcess } from './recorded-process.ts';

export type HostChange =
  | { readonly type: 'sysctl'; readonly name: string; readonly before: string }
  | { readonly type: 'link'; readonly name: string }
  | { readonly type: 'address'; readonly link: string; readonly address: string }
  | { readonly type: 'route'; readonly family: '4' | '6'; readonly route: readonly string[] }
  | { readonly type: 'nft-table'; readonly table: string }
  /** `before`: what the file held; null: there was none. */
  | { readonly type: 'file'; readonly file: string; readonly before: string | null }
  /** A directory made by the product or by a plugin for it, with all that is in it. */
  | { readonly type: 'tree'; readonly path: string }
  /** A directory made on the way to one of ours: it goes when nothing is left in it. */
  | { readonly type: 'directory'; readonly path: string }
  /** A directory that was there before, and holds what is ours beside what is not: `before` stays. */
  | { readonly type: 'entries'; readonly path: string; readonly before: readonly string[] }
  /** A supervised process that outlives this one (processes.ts). */
  | { readonly type: 'process'; readonly stateFile: string };

export interface HostChanges {
  /** Notes a change that is about to be made. The first note of a thing is kept: it knows how it was. */
  record(change: HostChange): void;
}

const identity = (change: HostChange): string => {
  switch (change.type) {
    case 'sysctl':
      return `sysctl ${change.name}`;
    case 'link':
      return `link ${change.name}`;
    case 'address':
      return `address ${change.link} ${change.address}`;
    case 'route':
      return `route ${change.family} ${change.route.join(' ')}`;
    case 'nft-table':
      return `nft ${change.table}`;
    case 'file':
      return `file ${change.file}`;
    case 'tree':
      return `tree ${change.path}`;
    case 'directory':
      return `directory ${change.path}`;
    case 'entries':
      // The first note says whether the directory was there before us.
      return `tree ${change.path}`;
    case 'process':
      return `process ${change.stateFile}`;
  }
};

/** One line for a person. */
export const describeHostChange = (change: HostChange): string =>
  change.type === 'sysctl'
    ? `kernel setting ${change.name.replaceAll('/', '.')} back to ${change.before}`
    : change.type === 'entries'
      ? `what is ours in ${change.path}`
      : identity(change);

export const hostChangesFile = (dataDirectory: string): string => path.join(dataDirectory, 'host-changes.jsonl');

export function readHostChanges(file: string): readonly HostChange[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as HostChange];
    } catch {
      return []; // The last line of a write that a power loss cut: its change was not made.
    }
  });
}

export function openHostChanges(file: string): HostChanges {
  const known = new Set(readHostChanges(file).map(identity));
  return {
    record(change) {
      const id = identity(change);
      if (known.has(id)) return;
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      const handle = openSync(file, 'a', 0o600);
      try {
        writeSync(handle, `\n${JSON.stringify(change)}`);
        fdatasyncSync(handle);
      } finally {
        closeSync(handle);
      }
      known.add(id);
    },
  };
}

/** Notes the directories on the way to `target` that are not there yet, so that they go with it. */
export function recordMissingParents(changes: HostChanges, target: string): void {
  const missing: string[] = [];
  for (let one = path.dirname(target); one !== '/' && !existsSync(one); one = path.dirname(one)) missing.push(one);
  for (const one of missing.toReversed()) changes.record({ type: 'directory', path: one });
}

/** Notes a directory that others fill and empty again: it goes, with those on its way, when nothing is left in it. */
export function recordEmptyDirectory(changes: HostChanges, directory: string): void {
  recordMissingParents(changes, path.join(directory, 'any'));
}

/** What to note of a directory before it is made and filled: a tree of ours, or what it held when it was there already. */
export function lookAtOwnDirectory(directory: string): HostChange {
  try {
    return { type: 'entries', path: directory, before: readdirSync(directory) };
  } catch (error) {
    // What is there and cannot be read, or is no directory, is refused by whoever makes it.
    return codeOf(error) === 'ENOENT'
      ? { type: 'tree', path: directory }
      : { type: 'entries', path: directory, before: [] };
  }
}

/** Notes a directory that is about to be made and filled, and those on the way to it. */
export function recordOwnDirectory(changes: HostChanges, directory: string): void {
  const change = lookAtOwnDirectory(directory);
  recordMissingParents(changes, directory);
  changes.record(change);
}

/** Whether the directory was made by the product: all that is in it is ours. */
export const isOwnTree = (journal: string, directory: string): boolean =>
  readHostChanges(journal).find((one) => (one.type === 'tree' || one.type === 'entries') && one.path === directory)
    ?.type === 'tree';

const run = promisify(execFile);
const endGraceMs = 5_000;

/** Takes every recorded change back, last first, goes on after failures, removes the journal when all went well. Gives what failed. */
export async function undoHostChanges(file: string, logger: Logger): Promise<readonly string[]> {
  const failures: string[] = [];
  const isTreeOfOurs = isOwnTree(file, path.dirname(file));
  for (const change of readHostChanges(file).toReversed()) {
    try {
      if (failures.length > 0 && holdsJournal(change, file)) throw new Error('it stays for another try');
      await undo(change, file);
      logger.debug('taken back', { change: identity(change) });
    } catch (error) {
      failures.push(`${identity(change)}: ${messageOf(error)}`);
    }
  }
  if (failures.length === 0) {
    rmSync(file, { force: true });
    // It stayed only for the journal.
    const own = path.dirname(file);
    if (isTreeOfOurs && existsSync(own)) rmdirSync(own);
  }
  return failures;
}

const isGone = (error: unknown): boolean =>
  /Cannot find device|No such process|Cannot assign requested address|No such file or directory|does not exist/.test(
    messageOf(error),
  );

const holdsJournal = (change: HostChange, file: string): boolean =>
  (change.type === 'tree' || change.type === 'entries') && file.startsWith(`${change.path}/`);

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** What is still mounted there would lose its content, which may be somebody else's: then the tree stays. */
function removeTree(tree: string): void {
  const mounted = linuxMounts.list().find((one) => one === tree || one.startsWith(`${tree}/`));
  if (mounted !== undefined) throw new Error(`it stays: ${mounted} is still mounted`);
  rmSync(tree, { recursive: true, force: true });
}

function removeEntries(directory: string, stay: ReadonlySet<string>): void {
  for (const name of existsSync(directory) ? readdirSync(directory) : [])
    if (!stay.has(name)) removeTree(path.join(directory, name));
}

async function undo(change: HostChange, journal: string): Promise<void> {
  const quietly = async (command: string, ...args: string[]) => {
    try {
      await run(command, args);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  };
  switch (change.type) {
    case 'sysctl':
      return writeFileSync(`/proc/sys/${change.name}`, change.before);
    case 'link':
      return quietly('ip', 'link', 'delete', 'dev', change.name);
    case 'address':
      return quietly('ip', 'address', 'delete', change.address, 'dev', change.link);
    case 'route':
      return quietly('ip', change.family === '4' ? '-4' : '-6', 'route', 'delete', ...change.route);
    case 'nft-table':
      return quietly('nft', 'delete', 'table', ...change.table.split(' '));
    case 'file':
      if (change.before === null) rmSync(change.file, { force: true });
      else writeFileSync(change.file, change.before);
      return undefined;
    case 'tree':
      // The journal goes last: what fails here is tried again with its help.
      if (path.dirname(journal) === change.path) return removeEntries(change.path, new Set([path.basename(journal)]));
      return removeTree(change.path);
    case 'directory':
      try {
        return rmdirSync(change.path);
      } catch (error) {
        if (['ENOENT', 'ENOTEMPTY'].includes(codeOf(error))) return undefined;
        throw error;
      }
    case 'entries':
      return removeEntries(change.path, new Set([...change.before, path.basename(journal)]));
    case 'process':
      return endRecordedProcess(change.stateFile, systemClock, endGraceMs);
  }
}
