// Settings of eviction, by the kubelet's names, to what the node agent goes by.
import { messageOf } from '#base/errors.ts';
import type { EvictionSettings } from '#node/eviction/manager.ts';
import {
  type ConfigurableSignal,
  configurableSignals,
  defaultHardThresholds,
  parseThreshold,
  parseThresholds,
} from '#node/eviction/thresholds.ts';
import { durationMs } from './typed.ts';
import type { ConfigurationValues } from './values.ts';

type Texts = Partial<Record<ConfigurableSignal, string>>;

export function checkEviction(values: ConfigurationValues): EvictionSettings {
  const given = (part: string, valid: (text: string) => void, remedy: string): Texts => {
    const texts: Texts = {};
    for (const signal of configurableSignals) {
      const path = `kubelet.${part}.${signal}`;
      const text = values.text(path, '');
      if (text === '') continue;
      try {
        valid(text);
        texts[signal] = text;
      } catch (error) {
        values.wrong(path, `is not valid (${messageOf(error)})`, remedy);
      }
    }
    return texts;
  };
  const amount = 'For example 500Mi or 10%.';
  const configured = given('evictionHard', parseThreshold, amount);
  // As in the original: who names one names all, unless the defaults are asked for beside it.
  const merge = values.boolean('kubelet.mergeDefaultEvictionSettings') || Object.keys(configured).length === 0;
  const hard = merge ? { ...defaultHardThresholds, ...configured } : configured;
  const soft = given('evictionSoft', parseThreshold, amount);
  const graces = given(
    'evictionSoftGracePeriod',
    (text) => {
      if (durationMs(text) === undefined) throw new Error('it must be a duration');
    },
    'For example 1m30s.',
  );
  const minimumReclaim = given('evictionMinimumReclaim', parseThreshold, amount);
  for (const signal of Object.keys(soft) as ConfigurableSignal[])
    if (graces[signal] === undefined)
      values.wrong(
        `kubelet.evictionSoft.${signal}`,
        `needs kubelet.evictionSoftGracePeriod.${signal}`,
        'Say how long the node may be that short before Pods go, for example 1m30s.',
      );
  return {
    thresholds: parseThresholds({
      hard,
      soft,
      minimumReclaim,
      softGraceMs: Object.fromEntries(Object.entries(graces).map(([signal, text]) => [signal, durationMs(text) ?? 0])),
    }),
    transitionMs: values.durationMs('kubelet.evictionPressureTransitionPeriod'),
    podGraceSecondsMax: values.integer('kubelet.evictionMaxPodGracePeriod'),
  };
}
