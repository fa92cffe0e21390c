// How often programs wait for the disk: the kernel's own count (fsync, fdatasync, sync_file_range, msync), without slowing anybody down.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '#kit/machine/command.ts';

const calls = ['fsync', 'fdatasync', 'sync_file_range', 'msync'];

/** Thread ids of the trace's lines ("  comm-1234 [001] ..... 12.3: sys_fdatasync(fd: 5)"): a name may hold dashes and spaces. */
export function threadsOfTrace(trace: string): number[] {
  return trace.split('\n').flatMap((line) => {
    const found = /^.{0,16}-(\d+)\s+\[\d+\]/.exec(line);
    return found === null ? [] : [Number(found[1])];
  });
}

const threadsOf = (pids: readonly number[]): number[] =>
  pids.flatMap((pid) => (existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`).map(Number) : []));

export interface SyncCount {
  /** Since it began, of each group of processes. */
  counts(groups: readonly (readonly number[])[]): number[];
  end(): Promise<void>;
}

/** Undefined: this kernel lets nobody count. */
export async function countSyncs(): Promise<SyncCount | undefined> {
  const mounted = mkdtempSync(path.join(tmpdir(), 'bench-tracing-'));
  if ((await run(['mount', '-t', 'tracefs', 'tracefs', mounted])).code !== 0) {
    rmdirSync(mounted);
    return undefined;
  }
  // A buffer of its own: others may be tracing.
  const instance = path.join(mounted, 'instances', `bench-${process.pid}`);
  const end = async (): Promise<void> => {
    if (existsSync(instance)) {
      writeFileSync(path.join(instance, 'tracing_on'), '0');
      writeFileSync(path.join(instance, 'events/enable'), '0');
      rmdirSync(instance);
    }
    await run(['umount', mounted]);
    // Not with what is in it: should it still be mounted, that is the kernel's.
    rmdirSync(mounted);
  };
  try {
    mkdirSync(instance);
    for (const call of calls) {
      const file = path.join(instance, `events/syscalls/sys_enter_${call}/enable`);
      if (existsSync(file)) writeFileSync(file, '1');
    }
  } catch {
    await end();
    return undefined;
  }
  return {
    counts(groups) {
      const threads = threadsOfTrace(readFileSync(path.join(instance, 'trace'), 'latin1'));
      return groups.map((pids) => {
        const own = new Set(threadsOf(pids));
        return threads.filter((thread) => own.has(thread)).length;
      });
    },
    end,
  };
}
