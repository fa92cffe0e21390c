// What a node watches so that it does not run out of memory, disk or processes, and how much of each must be left: upstream's
// eviction signals and the settings that name them. Pure.
import { parseQuantity, quantityToNumber } from '#api/quantity.ts';

export type PressureCondition = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';
/** What is scarce, as events and messages call it. */
export type ScarceResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

interface SignalFacts {
  readonly condition: PressureCondition;
  readonly resource: ScarceResource;
}

export const signals = {
  'memory.available': { condition: 'MemoryPressure', resource: 'memory' },
  'allocatableMemory.available': { condition: 'MemoryPressure', resource: 'memory' },
  'nodefs.available': { condition: 'DiskPressure', resource: 'ephemeral-storage' },
  'nodefs.inodesFree': { condition: 'DiskPressure', resource: 'inodes' },
  'imagefs.available': { condition: 'DiskPressure', resource: 'ephemeral-storage' },
  'imagefs.inodesFree': { condition: 'DiskPressure', resource: 'inodes' },
  'pid.available': { condition: 'PIDPressure', resource: 'pids' },
} as const satisfies Readonly<Record<string, SignalFacts>>;
export type Signal = keyof typeof signals;

/** Those that a configuration may name: what Pods may have in all follows memory.available. */
export const configurableSignals = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'pid.available',
] as const satisfies readonly Signal[];
export type ConfigurableSignal = (typeof configurableSignals)[number];

/** A number of bytes or pieces, or a part of what there is. */
export type ThresholdValue =
  | { readonly amount: number; readonly binary: boolean }
  | { readonly fraction: number; readonly binary: boolean };

export interface Threshold {
  readonly signal: Signal;
  readonly value: ThresholdValue;
  /** 0: a hard one, acted upon at once. */
  readonly graceMs: number;
  /** That much more must be left before it counts as over. */
  readonly minimumReclaim?: ThresholdValue | undefined;
}

export type SignalTexts = Readonly<Partial<Record<ConfigurableSignal, string>>>;

export interface ThresholdTexts {
  readonly hard: SignalTexts;
  readonly soft: SignalTexts;
  readonly softGraceMs: Readonly<Partial<Record<ConfigurableSignal, number>>>;
  readonly minimumReclaim: SignalTexts;
}

export const defaultHardThresholds: SignalTexts = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

/** Undefined: asks for nothing (0 % or 100 %). Throws with what is wrong. */
export function parseThreshold(text: string): ThresholdValue | undefined {
  if (text === '0%' || text === '100%') return undefined;
  if (text.endsWith('%')) {
    const percent = Number(text.slice(0, -1));
    if (!/^\d/.test(text) || !(percent >= 0 && percent <= 100)) throw new Error('must be from 0% to 100%');
    // Upstream counts in single precision, and rounds down afterwards.
    return { fraction: Math.fround(Math.fround(percent) / 100), binary: true };
  }
  const quantity = parseQuantity(text);
  if (quantity.value <= 0n) throw new Error('must be a positive quantity or a percentage');
  return { amount: quantityToNumber(quantity), binary: quantity.format === 'BinarySI' };
}

export function parseThresholds({ hard, soft, softGraceMs, minimumReclaim }: ThresholdTexts): readonly Threshold[] {
  const of = (texts: SignalTexts, graceOf: (signal: ConfigurableSignal) => number): Threshold[] =>
    configurableSignals.flatMap((signal) => {
      const text = texts[signal];
      const value = text === undefined ? undefined : parseThreshold(text);
      if (value === undefined) return [];
      const reclaim = minimumReclaim[signal];
      const least = reclaim === undefined ? undefined : parseThreshold(reclaim);
      return [{ signal, value, graceMs: graceOf(signal), ...(least === undefined ? {} : { minimumReclaim: least }) }];
    });
  const hardOnes = of(hard, () => 0);
  const ofPods = hardOnes
    .filter((one) => one.signal === 'memory.available')
    .map((one): Threshold => ({ ...one, signal: 'allocatableMemory.available' }));
  return [...hardOnes, ...of(soft, (signal) => softGraceMs[signal] ?? 0), ...ofPods];
}

export const amountOfThreshold = (value: ThresholdValue, capacity: number): number =>
  'amount' in value ? value.amount : Math.trunc(capacity * value.fraction);

/** What hard thresholds keep from Pods for good: not to be given away. */
export function keptFromPods(
  thresholds: readonly Threshold[],
  capacity: { readonly memoryBytes: number; readonly storageBytes: number },
): { readonly memoryBytes: number; readonly storageBytes: number } {
  const kept = (signal: Signal, of: number): number => {
    const found = thresholds.find((one) => one.signal === signal && one.graceMs === 0);
    return found === undefined ? 0 : amountOfThreshold(found.value, of);
  };
  return {
    memoryBytes: kept('memory.available', capacity.memoryBytes),
    storageBytes: kept('nodefs.available', capacity.storageBytes),
  };
}
