// What Linux knows of this process, under the names that Prometheus' clients use; and what the engine knows of its heap. Read when
// somebody asks: nothing measures in between.
import { readFileSync, readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Family } from '#base/metrics/families.ts';
import { familyText } from '#base/metrics/families.ts';
import { eventLoopDelayFamily } from './event-loop-delay.ts';

const ticksPerSecond = 100;

const read = (file: string): string => {
  try {
    return readFileSync(`/proc/self/${file}`, 'utf8');
  } catch {
    // Not there (another system, or a sandbox): what it would say is not told.
    return '';
  }
};
const countOf = (folder: string): number | undefined => {
  try {
    return readdirSync(`/proc/self/${folder}`).length;
  } catch {
    return undefined;
  }
};

interface Amount {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly value: () => number | undefined;
}
const counter = (help: string, value: Amount['value']): Amount => ({ type: 'counter', help, value });
const gauge = (help: string, value: Amount['value']): Amount => ({ type: 'gauge', help, value });

/** Behind the name, which may hold anything: the third field of stat is the first. */
const statField = (number: number): number | undefined => {
  const text = read('stat');
  const value = text.slice(text.lastIndexOf(')') + 2).split(' ')[number - 3];
  return value === undefined || value === '' ? undefined : Number(value);
};
const limitOf = (name: string): number | undefined => {
  const soft = read('limits')
    .split('\n')
    .find((line) => line.startsWith(name))
    ?.slice(26)
    .trim()
    .split(/\s+/)[0];
  // Upstream tells no limit as the largest number.
  return soft === undefined ? undefined : soft === 'unlimited' ? 1.844_674_407_370_955_2e19 : Number(soft);
};
/** Of all interfaces but the loopback: bytes received (column 0) or sent (column 8). */
const networkBytes = (column: 0 | 8): number | undefined => {
  const lines = read('net/dev').split('\n').slice(2);
  if (lines.length === 0) return undefined;
  return lines.reduce((sum, line) => {
    const [name, values] = line.split(':');
    return values === undefined || name!.trim() === 'lo' ? sum : sum + Number(values.trim().split(/\s+/)[column]);
  }, 0);
};
const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
/** Seconds since 1970 at which the machine started. */
const bootSeconds = (): number | undefined => {
  try {
    return Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
};
const startSeconds = (): number | undefined => {
  const boot = bootSeconds();
  const ticks = statField(22);
  return boot === undefined || ticks === undefined ? undefined : boot + ticks / ticksPerSecond;
};

const amounts: Readonly<Record<string, Amount>> = {
  process_cpu_seconds_total: counter('Processor time in seconds.', cpuSeconds),
  process_max_fds: gauge('Files that may be open.', () => limitOf('Max open files')),
  process_network_receive_bytes_total: counter('Bytes that its network received.', () => networkBytes(0)),
  process_network_transmit_bytes_total: counter('Bytes that its network sent.', () => networkBytes(8)),
  process_open_fds: gauge('Open files.', () => countOf('fd')),
  process_resident_memory_bytes: gauge('Memory that is held.', () => process.memoryUsage.rss()),
  process_start_time_seconds: gauge('When it started, in seconds since 1970.', startSeconds),
  process_virtual_memory_bytes: gauge('Address space that is used.', () => statField(23)),
  process_virtual_memory_max_bytes: gauge('Address space that may be used.', () => limitOf('Max address space')),
  nodejs_eventloop_utilization: gauge(
    'Part of the time since the start in which the event loop worked.',
    () => performance.eventLoopUtilization().utilization,
  ),
  nodejs_external_memory_bytes: gauge('Memory outside the heap.', () => process.memoryUsage().external),
  nodejs_heap_size_limit_bytes: gauge('What the heap may grow to.', () => getHeapStatistics().heap_size_limit),
  nodejs_heap_size_total_bytes: gauge('Size of the heap.', () => process.memoryUsage().heapTotal),
  nodejs_heap_size_used_bytes: gauge('What of the heap is in use.', () => process.memoryUsage().heapUsed),
};

export const processFamilies = (): readonly Family[] => [
  ...Object.entries(amounts).map(([name, { type, help, value }]) => ({
    name,
    text() {
      const number = value();
      return number === undefined || Number.isNaN(number) ? '' : familyText(name, type, help, [['', {}, number]]);
    },
  })),
  eventLoopDelayFamily,
  {
    name: 'nodejs_version_info',
    text: () => familyText('nodejs_version_info', 'gauge', 'The engine.', [['', { version: process.version }, 1]]),
  },
];
