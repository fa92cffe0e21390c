// `microshift simulate --nodes N --pods M`: a large cluster in this process, and what it costs.
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '#base/clock.ts';
import { systemRandom } from '#base/random.ts';
import { runScale, type ScaleReport } from '#simulation/scale/run.ts';
import { exitFailed, UsageError } from './command.ts';

export interface ScaleFlags {
  readonly nodes: string;
  readonly pods?: string;
  readonly podStartMs?: string;
  readonly leaseSeconds?: string;
}

function numberOf(text: string, flag: string, from: number, to: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= from && value <= to) return value;
  throw new UsageError(
    `${flag} ${text} is not a whole number from ${from} to ${to}.`,
    `For example ${flag} ${from + 99}.`,
  );
}

export async function simulateScale(flags: ScaleFlags): Promise<number> {
  const nodes = numberOf(flags.nodes, '--nodes', 1, 20_000);
  const pods = numberOf(flags.pods ?? String(nodes * 20), '--pods', 1, 1_000_000);
  const ended = new AbortController();
  // The product's own timers keep no process alive.
  const alive = delay(2 ** 31 - 1, undefined, { signal: ended.signal }).catch(() => {});
  try {
    const report = await runScale({
      nodes,
      pods,
      podsPerDeployment: 100,
      podStartMs: numberOf(flags.podStartMs ?? '500', '--pod-start-ms', 0, 3_600_000),
      podStopMs: 500,
      leaseSeconds: numberOf(flags.leaseSeconds ?? '10', '--lease-seconds', 1, 3_600),
      clock: systemClock,
      random: systemRandom,
      residentBytes: () => process.memoryUsage.rss(),
      onProgress: (line) => console.log(line),
      signal: ended.signal,
    });
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
    `Nodes registered in ${report.registeredSeconds.toFixed(1)} s. Pods scheduled in ${report.scheduledSeconds.toFixed(1)} s (${report.podsPerSecond.toFixed(0)}/s), running after ${report.runningSeconds.toFixed(1)} s.`,
    `At most ${Math.round(report.residentBytesMax / 1024 ** 2)} MB of memory.`,
    report.broken.length === 0
      ? "Upstream's objectives held: p99 of requests that write and of reads of one object within 1 s, of lists within 30 s; memory within 4 GB."
      : `Not held: ${report.broken.join('; ')}.`,
  ].join('\n');
}
