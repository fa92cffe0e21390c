// What holds where nothing is configured: upstream's defaults.
import type { EvictionSettings } from './manager.ts';
import { defaultHardThresholds, parseThresholds } from './thresholds.ts';

export const defaultEviction: EvictionSettings = {
  thresholds: parseThresholds({ hard: defaultHardThresholds, soft: {}, softGraceMs: {}, minimumReclaim: {} }),
  transitionMs: 5 * 60_000,
  podGraceSecondsMax: 0,
};
