// `microshift simulate --nodes N --pods M`: a large cluster in this process, and what it costs.
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, systemClock } from '#base/clock.ts';
import { systemRandom } from '#base/random.ts';
import { runScale, type ScaleReport } from '#simulation/scale/run.ts';
import { onVirtualTime } from '#simulation/scale/virtual-time.ts';
import { exitFailed, UsageError } from './command.ts';

export interface ScaleFlags {
  readonly nodes: string;
  readonly pods?: string;
  readonly podStartMs?: string;
  readonly leaseSeconds?: string;
  readonly time?: string;
}

function numberOf(text: string, flag: string, from: number, to: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= from && value <= to) return value;
  throw new UsageError(
    `${flag} ${text} is not a whole number from ${from} to ${to}.`,
    `For example ${flag} ${from + 99}.`,
  );
}

function isVirtual(time: string): boolean {
  if (time === 'real' || time === 'virtual') return time === 'virtual';
  throw new UsageError(`--time ${time} is neither real nor virtual.`, 'For example --time virtual.');
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export async function simulateScale(flags: ScaleFlags): Promise<number> {
  const nodes = numberOf(flags.nodes, '--nodes', 1, 20_000);
  const pods = numberOf(flags.pods ?? String(nodes * 20), '--pods', 1, 1_000_000);
  const podStartMs = numberOf(flags.podStartMs ?? '500', '--pod-start-ms', 0, 3_600_000);
  const leaseSeconds = numberOf(flags.leaseSeconds ?? '10', '--lease-seconds', 1, 3_600);
  const virtual = isVirtual(flags.time ?? 'real');
  const ended = new AbortController();
  // The product's own timers keep no process alive.
  const alive = delay(2 ** 31 - 1, undefined, { signal: ended.signal }).catch(() => {});
  try {
    const run = (clock: Clock) =>
      runScale({
        nodes,
        pods,
        podsPerDeployment: 100,
        podStartMs,
        podStopMs: 500,
        leaseSeconds,
        clock,
        realClock: systemClock,
        random: systemRandom,
        residentBytes: () => process.memoryUsage.rss(),
        processorSeconds,
        onProgress: (line) => console.log(line),
        signal: ended.signal,
      });
    const report = await (virtual ? onVirtualTime(systemClock.now(), run) : run(systemClock));
    console.log(reportText(report));
    return report.broken.length === 0 ? 0 : exitFailed;
  } finally {
    ended.abort();
    await alive;
  }
}

const columns = ['verb', 'resource', 'requests', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms'];

export function reportText(report: ScaleReport): string {
  const rows = report.latencies.map((row) => [
    row.verb,
    row.resource,
    String(row.count),
    ...[row.p50Ms, row.p90Ms, row.p99Ms, row.maxMs].map((ms) => ms.toFixed(1)),
  ]);
  const widths = columns.map((name, index) => Math.max(name.length, ...rows.map((row) => row[index]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => (index < 2 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!)))
      .join('  ')
      .trimEnd();
  return [
    '',
    line(columns),
    ...rows.map(line),
    '',
    `Nodes registered in ${report.registeredSeconds.toFixed(1)} s. Pods scheduled in ${report.scheduledSeconds.toFixed(1)} s (${report.podsPerSecond.toFixed(0)}/s; ${report.podsPerProcessorSecond.toFixed(0)} for each second of the processor), running after ${report.runningSeconds.toFixed(1)} s.`,
    `In the cluster ${report.clusterSeconds.toFixed(1)} s passed.`,
    `At most ${Math.round(report.residentBytesMax / 1024 ** 2)} MB of memory.`,
    report.broken.length === 0
      ? "Upstream's objectives held: p99 of requests that write and of reads of one object within 1 s, of lists within 30 s; memory within 4 GB."
      : `Not held: ${report.broken.join('; ')}.`,
  ].join('\n');
}
