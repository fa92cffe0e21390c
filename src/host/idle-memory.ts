// Gives memory back that start-up and bursts of work have left. V8 collects when it needs room, so a process that goes idle
// after a burst keeps the garbage of the burst for ever; the C library keeps what was freed to it; and pages of the program
// that only the start needed stay.
import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from '#base/clock.ts';
import { returnFreedMemory } from './linux/system-calls.ts';
import { releaseProgramPages } from './program-pages.ts';

/** What start-up leaves is collected this long after it. */
const firstLookMs = 10_000;
const lookMs = 60_000;
/** While there is work: what it leaves is collected soon after it. */
const busyLookMs = 5_000;
/** V8 keeps pages that it has emptied for about 8 s. */
const settleMs = 10_000;
/** A collection stops the event loop for some 20 ms at 20 MB: only where it is idle, and where there is something to win. */
const idleUtilizationMax = 0.1;
const worthBytes = 3 * 1024 * 1024;

export interface ProcessMemory {
  /** Bytes that V8 has taken from the system. */
  heapBytes(): number;
  /** Milliseconds that the event loop was at work, in all. */
  activeMs(): number;
  collect(): void;
  returnFreed(): void;
}

export function processMemory(): ProcessMemory {
  let collect: (() => void) | undefined;
  return {
    heapBytes: () => getHeapStatistics().total_heap_size,
    activeMs: () => performance.eventLoopUtilization().active,
    collect() {
      if (collect === undefined) {
        // Not as an option of the executable: other options than those of the build make V8 refuse its code cache.
        setFlagsFromString('--expose-gc');
        collect = runInNewContext('gc') as () => void;
      }
      collect();
    },
    returnFreed() {
      returnFreedMemory();
      // Nobody has to know where the kernel refuses.
      releaseProgramPages().catch(() => {});
    },
  };
}

/** Until it is disposed of. */
export function trimMemoryWhenIdle(clock: Clock, memory: ProcessMemory = processMemory()): Disposable {
  let heapAfterBytes = 0;
  let timer: Timer;
  let lookedAtMs = clock.monotonicMs();
  let activeThenMs = memory.activeMs();
  /** Since the last call. */
  const wasIdle = (): boolean => {
    const [nowMs, activeMs] = [clock.monotonicMs(), memory.activeMs()];
    const isIdle = activeMs - activeThenMs <= idleUtilizationMax * (nowMs - lookedAtMs);
    lookedAtMs = nowMs;
    activeThenMs = activeMs;
    return isIdle;
  };
  // The heap of a pause between two bursts is no measure for what the second one leaves.
  let hasWorked = false;
  const look = (): void => {
    const isIdle = wasIdle();
    hasWorked ||= !isIdle;
    if (!isIdle || (!hasWorked && memory.heapBytes() < heapAfterBytes + worthBytes)) {
      timer = clock.schedule(isIdle ? lookMs : busyLookMs, look);
      return;
    }
    hasWorked = false;
    memory.collect();
    timer = clock.schedule(settleMs, () => {
      memory.returnFreed();
      heapAfterBytes = memory.heapBytes();
      timer = clock.schedule(lookMs, look);
    });
  };
  timer = clock.schedule(firstLookMs, look);
  return { [Symbol.dispose]: () => timer.cancel() };
}
