// The status of an autoscaler while it is looked at.
import type {
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricStatus,
} from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';

export class StatusDraft {
  readonly #nowMs: number;
  current: HorizontalPodAutoscalerStatus;

  constructor(before: HorizontalPodAutoscalerStatus | undefined, nowMs: number) {
    this.#nowMs = nowMs;
    this.current = before ?? { desiredReplicas: 0 };
  }

  condition(type: string, isTrue: boolean, reason: string, message: string): void {
    const status = isTrue ? 'True' : 'False';
    const conditions = this.current.conditions ?? [];
    const before = conditions.find((one) => one.type === type);
    const condition: HorizontalPodAutoscalerCondition = {
      type,
      status,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : formatTime(this.#nowMs),
      reason,
      message,
    };
    this.current = {
      ...this.current,
      conditions:
        before === undefined ? [...conditions, condition] : conditions.map((one) => (one === before ? condition : one)),
    };
  }

  removeCondition(type: string): void {
    const { conditions = [] } = this.current;
    if (conditions.some((one) => one.type === type))
      this.current = { ...this.current, conditions: conditions.filter((one) => one.type !== type) };
  }

  set(current: number, desired: number, metrics: readonly MetricStatus[], rescaled: boolean): void {
    const { conditions } = this.current;
    const lastScaleTime = rescaled ? formatTime(this.#nowMs) : this.current.lastScaleTime;
    this.current = {
      ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
      currentReplicas: current,
      desiredReplicas: desired,
      ...(metrics.length === 0 ? {} : { currentMetrics: metrics }),
      ...(conditions === undefined ? {} : { conditions }),
    };
  }
}
