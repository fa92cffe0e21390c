// Ends a supervised child of an earlier process by its state file (processes.ts writes it). Only the very process that is
// recorded: the start time tells it from another one with the same id.
import { readFileSync, rmSync } from 'node:fs';
import { sleep, type Clock } from '#base/clock.ts';
import { processStartTicks } from './processes.ts';

const lookMs = 20;
const killMs = 2_000;

/** The process id when the recorded process runs. */
export function recordedProcess(stateFile: string): number | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(stateFile, 'utf8'));
    if (typeof record !== 'object' || record === null || !('pid' in record) || !('startTicks' in record))
      return undefined;
    const { pid, startTicks } = record;
    return typeof pid === 'number' && processStartTicks(pid) === startTicks ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** SIGTERM, and SIGKILL after `graceMs`. */
export async function endRecordedProcess(stateFile: string, clock: Clock, graceMs: number): Promise<void> {
  const pid = recordedProcess(stateFile);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    const until = clock.monotonicMs() + graceMs;
    while (recordedProcess(stateFile) === pid && clock.monotonicMs() < until) await sleep(clock, lookMs);
    if (recordedProcess(stateFile) === pid) process.kill(pid, 'SIGKILL');
    // The kernel ends it soon; its listening sockets and mounts are gone only then.
    while (recordedProcess(stateFile) === pid && clock.monotonicMs() < until + killMs) await sleep(clock, lookMs);
  }
  rmSync(stateFile, { force: true });
}
