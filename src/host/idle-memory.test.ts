import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { processMemory, trimMemoryWhenIdle } from './idle-memory.ts';

const megabyte = 1024 * 1024;

function machineMemory(clock: VirtualClock) {
  const trace: string[] = [];
  const state = { heapMb: 34, liveMb: 20, utilization: 0.01 };
  let [activeMs, lastMs] = [0, 0];
  return {
    trace,
    state,
    memory: {
      heapBytes: () => state.heapMb * megabyte,
      activeMs() {
        activeMs += state.utilization * (clock.monotonicMs() - lastMs);
        lastMs = clock.monotonicMs();
        return activeMs;
      },
      collect() {
        trace.push('collect');
        state.heapMb = state.liveMb;
      },
      returnFreed: () => void trace.push('return'),
    },
  };
}

test('what start-up left is collected once, and again only when the heap has grown', () => {
  const clock = new VirtualClock(0);
  const { memory, state, trace } = machineMemory(clock);
  using _trim = trimMemoryWhenIdle(clock, memory);
  clock.advance(9_000);
  assert.deepEqual(trace, []);
  clock.advance(15_000);
  assert.deepEqual(trace, ['collect', 'return']);
  clock.advance(600_000);
  assert.deepEqual(trace, ['collect', 'return']);
  state.heapMb = 60;
  clock.advance(80_000);
  assert.deepEqual(trace, ['collect', 'return', 'collect', 'return']);
});

test('nothing is collected while there is work', () => {
  const clock = new VirtualClock(0);
  const { memory, state, trace } = machineMemory(clock);
  state.utilization = 0.4;
  const trim = trimMemoryWhenIdle(clock, memory);
  clock.advance(600_000);
  assert.deepEqual(trace, []);
  state.utilization = 0;
  clock.advance(5_000);
  assert.deepEqual(trace, ['collect'], 'soon after the work');
  clock.advance(10_000);
  assert.deepEqual(trace, ['collect', 'return']);
  trim[Symbol.dispose]();
  clock.advance(600_000);
  assert.deepEqual(trace, ['collect', 'return']);
});

test('what a burst leaves is collected although the heap was as large in a pause before', () => {
  const clock = new VirtualClock(0);
  const { memory, state, trace } = machineMemory(clock);
  using _trim = trimMemoryWhenIdle(clock, memory);
  clock.advance(10_000);
  assert.deepEqual(trace, ['collect']);
  // The burst has begun before the heap is measured.
  Object.assign(state, { heapMb: 300, utilization: 0.9 });
  clock.advance(80_000);
  assert.deepEqual(trace, ['collect', 'return']);
  Object.assign(state, { heapMb: 290, utilization: 0.01 });
  clock.advance(20_000);
  assert.deepEqual(trace, ['collect', 'return', 'collect', 'return']);
  assert.equal(state.heapMb, 20);
});

test('the process itself gives garbage back', () => {
  const memory = processMemory();
  let garbage: unknown[] | undefined = Array.from({ length: 200_000 }, (_, index) => ({ index, text: `row ${index}` }));
  memory.collect();
  const before = memory.heapBytes();
  assert.equal(garbage.length, 200_000);
  garbage = undefined;
  memory.collect();
  memory.returnFreed();
  assert(memory.heapBytes() < before, `${memory.heapBytes()} of ${before}`);
});
