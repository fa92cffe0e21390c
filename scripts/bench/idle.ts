// What an idle cluster costs: its programs' memory, processor time and writes, by the kernel's counters.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { countSyncs } from './fsyncs.ts';
import { processesOf, type Programs } from './subject.ts';

export interface IdleFigures {
  readonly residentMb: number;
  readonly anonymousMb: number;
  readonly cpuPercent: number;
  readonly writtenKbPerSecond: number;
  /** Undefined where the kernel does not let us count. */
  readonly syncsIn30Seconds: number | undefined;
}

interface Sample {
  readonly cpuTicks: number;
  readonly writtenBytes: number;
  readonly residentKb: number;
  readonly anonymousKb: number;
}

const ticksPerSecond = 100;

function sampleOf(pid: number): Sample {
  const read = (name: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'latin1');
    } catch {
      // It has ended: nft does, when it has nothing to do.
      return '';
    }
  };
  const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  const status = read('status');
  // Fields 14 and 15 of proc_pid_stat(5): user and system time.
  const fields = /\) (.*)/.exec(read('stat'))?.[1]?.split(' ') ?? [];
  return {
    cpuTicks: Number(fields[11] ?? 0) + Number(fields[12] ?? 0),
    residentKb: number(status, /VmRSS:\s+(\d+)/),
    anonymousKb: number(status, /RssAnon:\s+(\d+)/),
    writtenBytes: number(read('io'), /^write_bytes: (\d+)/m),
  };
}

const sum = (samples: Iterable<Sample>, read: (sample: Sample) => number): number =>
  [...samples].reduce((total, one) => total + read(one), 0);

async function sample(subject: Programs): Promise<ReadonlyMap<number, Sample>> {
  const pids = await processesOf(subject);
  if (pids.length === 0)
    throw new Error(`None of ${subject.programs.join(', ')} runs on ${subject.machine.options.name}.`);
  return new Map(pids.map((pid) => [pid, sampleOf(pid)]));
}

export async function memoryOf(subject: Programs): Promise<{ residentMb: number; anonymousMb: number }> {
  const samples = (await sample(subject)).values().toArray();
  return {
    residentMb: sum(samples, (one) => one.residentKb) / 1024,
    anonymousMb: sum(samples, (one) => one.anonymousKb) / 1024,
  };
}

/** All in the same seconds: an idle one does not disturb the others. */
export async function idleFigures(subjects: readonly Programs[], seconds: number): Promise<IdleFigures[]> {
  const syncs = await countSyncs();
  try {
    const before = await Promise.all(subjects.map(sample));
    const began = performance.now();
    await sleep(seconds * 1000);
    const elapsedSeconds = (performance.now() - began) / 1000;
    const after = await Promise.all(subjects.map(sample));
    const counted = syncs?.counts(after.map((one) => [...one.keys()]));
    return subjects.map((_, index) => {
      const now = after[index]!;
      // A process that is new counts from nothing, one that has ended no more.
      const grown = (read: (sample: Sample) => number): number =>
        [...now].reduce((total, [pid, one]) => {
          const then = before[index]!.get(pid);
          return total + read(one) - (then === undefined ? 0 : read(then));
        }, 0);
      return {
        residentMb: sum(now.values(), (one) => one.residentKb) / 1024,
        anonymousMb: sum(now.values(), (one) => one.anonymousKb) / 1024,
        cpuPercent: (grown((one) => one.cpuTicks) / ticksPerSecond / elapsedSeconds) * 100,
        writtenKbPerSecond: grown((one) => one.writtenBytes) / 1024 / elapsedSeconds,
        syncsIn30Seconds: counted === undefined ? undefined : (counted[index]! / elapsedSeconds) * 30,
      };
    });
  } finally {
    await syncs?.end();
  }
}
