// Keys of eviction and of the collection of images, by the kubelet's names: a key for each part and signal.
import { configurableSignals } from '#node/eviction/thresholds.ts';
import { verificationPolicies } from '#node/images/verification.ts';
import { boolean, choice, list, duration, integer, text, type ConfigurationKey } from './key.ts';

const of = (part: string, defaultText: string, meaning: string): readonly ConfigurationKey[] =>
  configurableSignals.map((signal) =>
    text(`kubelet.${part}.${signal}`, undefined, 'restart', meaning, { defaultText }),
  );

const hardDefaults = '100Mi of memory, 10% and 5% of nodefs, 15% and 5% of imagefs where no evictionHard is given';

export const evictionKeys: readonly ConfigurationKey[] = [
  ...of('evictionHard', hardDefaults, 'with less left, Pods go at once: an amount or a percentage; 0%: never'),
  boolean(
    'kubelet.mergeDefaultEvictionSettings',
    false,
    'restart',
    'evictionHard that is not given has its default even where another is',
  ),
  ...of('evictionSoft', 'none', 'with less left for evictionSoftGracePeriod, Pods go within their grace'),
  ...of('evictionSoftGracePeriod', 'none', 'how long, for evictionSoft'),
  ...of('evictionMinimumReclaim', 'none', 'so much more must be left before the shortage is over'),
  duration(
    'kubelet.evictionPressureTransitionPeriod',
    '5m',
    'restart',
    'how long the condition of the node stays after a shortage',
    {
      zeroIsDefault: true,
    },
  ),
  integer(
    'kubelet.evictionMaxPodGracePeriod',
    0,
    'restart',
    'seconds of grace that a Pod has at most when it goes for evictionSoft',
    {
      least: 0,
      most: 86_400,
    },
  ),
  choice(
    'kubelet.imagePullCredentialsVerificationPolicy',
    verificationPolicies,
    'restart',
    'of which images that are there a Pod must show credentials; by default of those that were pulled with some',
  ),
  list(
    'kubelet.preloadedImagesVerificationAllowlist',
    [],
    'restart',
    'images of which not, for NeverVerifyAllowlistedImages; NAME or BEGINNING/*',
  ),
  duration('kubelet.imageMinimumGCAge', '2m', 'live', 'younger images are not removed', { zeroIsDefault: true }),
  duration('kubelet.imageMaximumGCAge', '0s', 'live', 'images that were not used for so long are removed; 0: none'),
];
