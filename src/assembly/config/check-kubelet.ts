// Settings of the kubelet to their slice of the configuration.
import { parseQuantity } from '#api/quantity.ts';
import { type Verification, type VerificationPolicy, wrongPattern } from '#node/images/verification.ts';
import { checkEviction } from './check-eviction.ts';
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
  const [shutdown, critical] = ['', 'CriticalPods'].map(
    (part) => values.durationMs(`kubelet.shutdownGracePeriod${part}`) / 1000,
  ) as [number, number];
  if (critical > shutdown)
    values.wrong(
      'kubelet.shutdownGracePeriodCriticalPods',
      'must not be longer than kubelet.shutdownGracePeriod, of which it is a part',
      'For example 30s and 10s.',
    );
  const podProcesses = values.integer('kubelet.podPidsLimit');
  const unused = values.durationMs('kubelet.imageMaximumGCAge');
  if (unused > 0 && unused <= values.durationMs('kubelet.imageMinimumGCAge'))
    values.wrong('kubelet.imageMaximumGCAge', 'must be longer than kubelet.imageMinimumGCAge', 'For example 168h.');
  return {
    podsMax: values.integer('kubelet.maxPods'),
    podProcessesMax: podProcesses <= 0 ? undefined : podProcesses,
    shutdown: shutdown === 0 ? undefined : { totalSeconds: shutdown, criticalSeconds: critical },
    streamIdleMs: values.durationMs('kubelet.streamingConnectionIdleTimeout'),
    logBytesMax,
    logFilesMax: values.integer('kubelet.containerLogMaxFiles'),
    imageHighFraction: high / 100,
    imageLowFraction: low / 100,
    imageVerification: verification(values),
    imageYoungMs: values.durationMs('kubelet.imageMinimumGCAge'),
    imageUnusedMs: unused,
    eviction: checkEviction(values),
    reserved: { cpu: reserved('cpu', '500m'), memory: reserved('memory', '512Mi') },
  };
}

function verification(values: ConfigurationValues): Verification {
  const path = 'kubelet.preloadedImagesVerificationAllowlist';
  // The table of keys has let no other through.
  const policy = values.text('kubelet.imagePullCredentialsVerificationPolicy') as VerificationPolicy;
  const allowed = values.list(path);
  if (allowed.length > 0 && policy !== 'NeverVerifyAllowlistedImages')
    values.wrong(
      path,
      'is for the policy NeverVerifyAllowlistedImages',
      'Set kubelet.imagePullCredentialsVerificationPolicy, or remove the list.',
    );
  for (const one of allowed) {
    const why = wrongPattern(one);
    if (why !== undefined) values.wrong(path, why, 'For example registry.example/team/* or registry.example/app.', one);
  }
  return { policy, allowed };
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
