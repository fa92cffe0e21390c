// Settings of the kubelet to their slice of the configuration.
import { parseQuantity } from '#api/quantity.ts';
import type { KubeletConfiguration } from './configuration.ts';
import type { ConfigurationValues } from './values.ts';

/** Smaller files would be put aside all the time. */
const logBytesMin = 16 * 1024;

export function checkKubelet(values: ConfigurationValues): KubeletConfiguration {
  const logBytesMax = amount(values, 'kubelet.containerLogMaxSize', '10Mi');
  if (logBytesMax < logBytesMin)
    values.wrong('kubelet.containerLogMaxSize', 'must be at least 16Ki', 'For example 10Mi.');
  const high = values.integer('kubelet.imageGCHighThresholdPercent');
  const low = values.integer('kubelet.imageGCLowThresholdPercent');
  if (low >= high)
    values.wrong(
      'kubelet.imageGCLowThresholdPercent',
      `must be less than kubelet.imageGCHighThresholdPercent (${high})`,
      'The defaults are 80 and 85.',
      low,
    );
  const reserved = (resource: 'cpu' | 'memory', example: string): number =>
    ['systemReserved', 'kubeReserved'].reduce(
      (sum, part) => sum + amount(values, `kubelet.${part}.${resource}`, example),
      0,
    );
  return {
    podsMax: values.integer('kubelet.maxPods'),
    streamIdleMs: values.durationMs('kubelet.streamingConnectionIdleTimeout'),
    logBytesMax,
    logFilesMax: values.integer('kubelet.containerLogMaxFiles'),
    imageHighFraction: high / 100,
    imageLowFraction: low / 100,
    reserved: { cpu: reserved('cpu', '500m'), memory: reserved('memory', '512Mi') },
  };
}

/** A quantity in units; 0 where it is none, which is noted. */
function amount(values: ConfigurationValues, path: string, example: string): number {
  const text = values.text(path);
  try {
    const { value, scale } = parseQuantity(text);
    if (value >= 0n) return Number(value) * 10 ** scale;
  } catch {
    // Said below.
  }
  values.wrong(path, 'must be a quantity that is not negative', `For example ${example}.`);
  return 0;
}
