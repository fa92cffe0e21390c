// The journal of what this product changed on the host, so that uninstall leaves the host as it was. A change is written (and
// flushed to disk) before it is made; undoHostChanges takes them back, last first.
import { execFile } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { sleep, systemClock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { processStartTicks } from './processes.ts';

export type HostChange =
  | { readonly type: 'sysctl'; readonly name: string; readonly before: string }
  | { readonly type: 'link'; readonly name: string }
  | { readonly type: 'address'; readonly link: string; readonly address: string }
  | { readonly type: 'route'; readonly family: '4' | '6'; readonly route: readonly string[] }
  | { readonly type: 'nft-table'; readonly table: string }
  /** `before`: what the file held; null: there was none. */
  | { readonly type: 'file'; readonly file: string; readonly before: string | null }
  /** A directory (tree) made by the product or by a plugin for it. */
  | { readonly type: 'tree'; readonly path: string }
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
    case 'process':
      return `process ${change.stateFile}`;
  }
};

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

/** Nothing is recorded: tests and simulation. */
export const forgottenHostChanges: HostChanges = { record() {} };

const run = promisify(execFile);

/** Takes every recorded change back, last first, goes on after failures, removes the journal when all went well. Gives what failed. */
export async function undoHostChanges(file: string, logger: Logger): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const change of readHostChanges(file).toReversed()) {
    try {
      await undo(change);
      logger.debug('taken back', { change: identity(change) });
    } catch (error) {
      failures.push(`${identity(change)}: ${messageOf(error)}`);
    }
  }
  if (failures.length === 0) rmSync(file, { force: true });
  return failures;
}

const isGone = (error: unknown): boolean =>
  /Cannot find device|No such process|Cannot assign requested address|No such file or directory|does not exist/.test(
    messageOf(error),
  );

async function undo(change: HostChange): Promise<void> {
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
      return rmSync(change.path, { recursive: true, force: true });
    case 'process':
      return endProcess(change.stateFile);
  }
}

/** Only the very process that was recorded: its start time is compared. */
async function endProcess(stateFile: string): Promise<void> {
  let record: { pid?: number; startTicks?: string };
  try {
    record = JSON.parse(readFileSync(stateFile, 'utf8')) as typeof record;
  } catch {
    return;
  }
  const { pid, startTicks } = record;
  if (pid === undefined || startTicks === undefined) return;
  const isAlive = () => processStartTicks(pid) === startTicks;
  for (const [signal, waits] of [
    ['SIGTERM', 250],
    ['SIGKILL', 50],
  ] as const) {
    if (!isAlive()) break;
    process.kill(pid, signal);
    for (let waited = 0; waited < waits && isAlive(); waited++) await sleep(systemClock, 20);
  }
  rmSync(stateFile, { force: true });
}
