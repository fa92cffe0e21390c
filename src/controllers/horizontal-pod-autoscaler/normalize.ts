// From how many replicas the metrics ask for to how many there will be: stabilised over time, at the pace that the behaviour allows,
// between minimum and maximum. Upstream's rules, reasons and messages. Its memory is what it was given before.
import type { HPAScalingRules } from '#api/generated/types.ts';

interface Recommendation {
  replicas: number;
  atMs: number;
}
interface ScaleEvent {
  change: number;
  atMs: number;
}

/** What is remembered of one autoscaler from look to look. */
export interface ScalingHistory {
  recommendations: Recommendation[];
  ups: ScaleEvent[];
  downs: ScaleEvent[];
}
export const newHistory = (replicas: number, nowMs: number): ScalingHistory => ({
  recommendations: [{ replicas, atMs: nowMs }],
  ups: [],
  downs: [],
});

export const downscaleStabilizationSeconds = 300;
const scaleUpFactor = 2;
const scaleUpMinimum = 4;

export interface Limits {
  readonly currentReplicas: number;
  readonly desiredReplicas: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
}

export interface Normalized {
  readonly replicas: number;
  /** Of the conditions AbleToScale and ScalingLimited. */
  readonly able: { readonly reason: string; readonly message: string };
  readonly limited: { readonly isLimited: boolean; readonly reason: string; readonly message: string };
}

const ready = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
const downStabilized = {
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
};
const upStabilized = {
  reason: 'ScaleUpStabilized',
  message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
};
const withinRange = {
  reason: 'DesiredWithinRange',
  message: 'the desired count is within the acceptable range',
};
const limit = {
  scaleUp: {
    reason: 'ScaleUpLimit',
    message: 'the desired replica count is increasing faster than the maximum scale rate',
  },
  scaleDown: {
    reason: 'ScaleDownLimit',
    message: 'the desired replica count is decreasing faster than the maximum scale rate',
  },
  most: { reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' },
  fewest: { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' },
};

/** Writes the recommendation down, in the place of one that no window reaches any more. */
function record(history: ScalingHistory, replicas: number, nowMs: number, isOld: (atMs: number) => boolean): void {
  const old = history.recommendations.findLast((one) => isOld(one.atMs));
  if (old === undefined) history.recommendations.push({ replicas, atMs: nowMs });
  else Object.assign(old, { replicas, atMs: nowMs });
}

export function normalize(history: ScalingHistory, limits: Limits, nowMs: number): Normalized {
  const { currentReplicas, desiredReplicas, minReplicas, maxReplicas } = limits;
  const cutoffMs = nowMs - downscaleStabilizationSeconds * 1000;
  let stabilized = desiredReplicas;
  for (const { replicas, atMs } of history.recommendations)
    if (atMs >= cutoffMs) stabilized = Math.max(stabilized, replicas);
  record(history, desiredReplicas, nowMs, (atMs) => atMs < cutoffMs);
  const upLimit = Math.max(scaleUpFactor * currentReplicas, scaleUpMinimum);
  const most = Math.min(maxReplicas, upLimit);
  const able = stabilized === desiredReplicas ? ready : downStabilized;
  if (stabilized < minReplicas) return limitedTo(minReplicas, stabilized, able, limit.fewest);
  if (stabilized > most) return limitedTo(most, stabilized, able, maxReplicas > upLimit ? limit.scaleUp : limit.most);
  return limitedTo(stabilized, stabilized, able, withinRange);
}

const limitedTo = (
  replicas: number,
  stabilized: number,
  able: Normalized['able'],
  words: { readonly reason: string; readonly message: string },
): Normalized => ({ replicas, able, limited: { isLimited: replicas !== stabilized, ...words } });

export interface Behavior {
  readonly scaleUp: HPAScalingRules;
  readonly scaleDown: HPAScalingRules;
}

export function normalizeWithBehavior(
  history: ScalingHistory,
  limits: Limits,
  behavior: Behavior,
  nowMs: number,
): Normalized {
  const { currentReplicas, desiredReplicas } = limits;
  const cutoff = (rules: HPAScalingRules, seconds: number) =>
    nowMs - (rules.stabilizationWindowSeconds ?? seconds) * 1000;
  const upCutoffMs = cutoff(behavior.scaleUp, 0);
  const downCutoffMs = cutoff(behavior.scaleDown, downscaleStabilizationSeconds);
  let [lowest, highest] = [desiredReplicas, desiredReplicas];
  for (const { replicas, atMs } of history.recommendations) {
    if (atMs > upCutoffMs) lowest = Math.min(lowest, replicas);
    if (atMs > downCutoffMs) highest = Math.max(highest, replicas);
  }
  const stabilized = Math.min(Math.max(currentReplicas, lowest), highest);
  record(history, desiredReplicas, nowMs, (atMs) => atMs < upCutoffMs && atMs < downCutoffMs);
  const words = desiredReplicas >= currentReplicas ? upStabilized : downStabilized;
  const able = stabilized === desiredReplicas ? ready : words;
  return atAllowedPace(history, { ...limits, desiredReplicas: stabilized }, behavior, able, nowMs);
}

function atAllowedPace(
  history: ScalingHistory,
  { currentReplicas, desiredReplicas, minReplicas, maxReplicas }: Limits,
  behavior: Behavior,
  able: Normalized['able'],
  nowMs: number,
): Normalized {
  if (desiredReplicas > currentReplicas) {
    const pace = Math.max(currentReplicas, paceLimit(history, currentReplicas, behavior.scaleUp, 'up', nowMs));
    const most = Math.min(maxReplicas, pace);
    if (desiredReplicas > most)
      return limitedTo(most, desiredReplicas, able, maxReplicas > pace ? limit.scaleUp : limit.most);
  } else if (desiredReplicas < currentReplicas) {
    const pace = Math.min(currentReplicas, paceLimit(history, currentReplicas, behavior.scaleDown, 'down', nowMs));
    const fewest = Math.max(minReplicas, pace);
    if (desiredReplicas < fewest)
      return limitedTo(fewest, desiredReplicas, able, minReplicas < pace ? limit.scaleDown : limit.fewest);
  }
  return limitedTo(desiredReplicas, desiredReplicas, able, withinRange);
}

/** The most, or fewest, replicas that the policies allow by now. */
function paceLimit(
  history: ScalingHistory,
  currentReplicas: number,
  { selectPolicy, policies = [] }: HPAScalingRules,
  direction: 'up' | 'down',
  nowMs: number,
): number {
  if (selectPolicy === 'Disabled') return currentReplicas;
  const within = (events: readonly ScaleEvent[], seconds: number) =>
    events.reduce((sum, { change, atMs }) => (atMs > nowMs - seconds * 1000 ? sum + change : sum), 0);
  const proposals = policies.map(({ type, value, periodSeconds }) => {
    const atStart = currentReplicas - within(history.ups, periodSeconds) + within(history.downs, periodSeconds);
    if (direction === 'up')
      // Rounded up: a part of a Pod would never become one.
      return type === 'Pods' ? atStart + value : Math.ceil(atStart * (1 + value / 100));
    return type === 'Pods' ? atStart - value : Math.trunc(atStart * (1 - value / 100));
  });
  const takesHighest = (selectPolicy === 'Min') === (direction === 'down');
  return takesHighest ? Math.max(-2_147_483_648, ...proposals) : Math.min(2_147_483_647, ...proposals);
}

/** Only where there is a behaviour is the past of changes asked for. */
export function noteChange(
  history: ScalingHistory,
  behavior: Behavior | undefined,
  from: number,
  to: number,
  nowMs: number,
): void {
  if (behavior === undefined) return;
  const [events, rules] = to > from ? [history.ups, behavior.scaleUp] : [history.downs, behavior.scaleDown];
  const longestMs = Math.max(0, ...(rules.policies ?? []).map((one) => one.periodSeconds)) * 1000;
  const old = events.findLast((one) => one.atMs < nowMs - longestMs);
  const event = { change: Math.abs(to - from), atMs: nowMs };
  if (old === undefined) events.push(event);
  else Object.assign(old, event);
}
