// What an idle cluster costs: the processes of MicroShift and its router, without containers and the container runtime.
import type { Machine } from '#kit/machine/machine.ts';

export interface IdleFigures {
  readonly residentMb: number;
  readonly anonymousMb: number;
  readonly cpuPercent: number;
  readonly writtenKbPerSecond: number;
}

interface Sample {
  readonly cpuTicks: number;
  readonly writtenBytes: number;
  readonly residentKb: number;
  readonly anonymousKb: number;
  readonly uptimeSeconds: number;
}

const ticksPerSecond = 100;

async function sample(machine: Machine): Promise<Sample> {
  // By their program: the name of a process of Node is its main thread's.
  const text = await machine.shell(
    'cat /proc/uptime; for pid in $(ps -eo pid=); do case "$(readlink /proc/$pid/exe)" in */microshift|*/haproxy|*/nft) ;; *) continue;; esac; echo "== $pid"; cat /proc/$pid/stat; grep -E "^(VmRSS|RssAnon):" /proc/$pid/status; grep ^write_bytes /proc/$pid/io; done',
  );
  const [uptime, ...processes] = text.split(/^== \d+$/m);
  const sum = (pattern: RegExp, read = (match: RegExpExecArray) => Number(match[1])) =>
    processes.reduce((total, process_) => {
      const match = pattern.exec(process_);
      return total + (match === null ? 0 : read(match));
    }, 0);
  if (!/^\d+ \(microshift|^\d+ \(node/m.test(text)) throw new Error(`MicroShift is not among the processes:\n${text}`);
  return {
    uptimeSeconds: Number(uptime!.split(' ')[0]),
    // Fields 14 and 15 of proc_pid_stat(5): user and system time.
    cpuTicks: sum(/\) (.*)/, (match) => {
      const fields = match[1]!.split(' ');
      return Number(fields[11]) + Number(fields[12]);
    }),
    residentKb: sum(/VmRSS:\s+(\d+)/),
    anonymousKb: sum(/RssAnon:\s+(\d+)/),
    writtenBytes: sum(/write_bytes: (\d+)/),
  };
}

export async function idleFigures(machine: Machine, seconds: number): Promise<IdleFigures> {
  const before = await sample(machine);
  await machine.shell(`sleep ${seconds}`, { timeoutSeconds: seconds + 30 });
  const after = await sample(machine);
  const elapsedSeconds = after.uptimeSeconds - before.uptimeSeconds;
  return {
    residentMb: after.residentKb / 1024,
    anonymousMb: after.anonymousKb / 1024,
    cpuPercent: ((after.cpuTicks - before.cpuTicks) / ticksPerSecond / elapsedSeconds) * 100,
    writtenKbPerSecond: (after.writtenBytes - before.writtenBytes) / 1024 / elapsedSeconds,
  };
}
