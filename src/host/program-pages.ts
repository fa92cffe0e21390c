// Pages of the program itself that start-up has touched and an idle process does not need: V8's compiler, the start snapshot, the
// code cache, tables. They are clean copies of the file. Left alone they count as this process's until the machine runs short.
import { readFile } from 'node:fs/promises';
import { releaseMapped } from './linux/system-calls.ts';

export interface MappedRange {
  readonly start: bigint;
  readonly bytes: bigint;
}

/** Less is not worth a system call. */
const bytesMin = 256n * 1024n;

/** Of the text of /proc/self/smaps (proc_pid_smaps(5)): where `program` is mapped read-only and no page differs from the file. */
export function cleanRanges(smaps: string, program: string): readonly MappedRange[] {
  const ranges: MappedRange[] = [];
  for (const part of smaps.split(/^(?=[\da-f]+-[\da-f]+ )/m)) {
    const head = /^([\da-f]+)-([\da-f]+) (\S+) \S+ \S+ \d+ +(.*)$/m.exec(part);
    if (head === null || head[4] !== program || head[3]!.includes('w')) continue;
    const anonymous = /^Anonymous: +(\d+) kB$/m.exec(part);
    // A page that was written to, as relocation does, would lose what was written.
    if (anonymous === null || anonymous[1] !== '0') continue;
    const start = BigInt(`0x${head[1]}`);
    const bytes = BigInt(`0x${head[2]}`) - start;
    if (bytes >= bytesMin) ranges.push({ start, bytes });
  }
  return ranges;
}

/** They come back one by one, mostly without reading the disk, when they are needed. Does nothing where the kernel does not tell. */
export async function releaseProgramPages(): Promise<void> {
  const smaps = await readFile('/proc/self/smaps', 'latin1').catch(() => '');
  for (const range of cleanRanges(smaps, process.execPath)) releaseMapped(range.start, range.bytes);
}
