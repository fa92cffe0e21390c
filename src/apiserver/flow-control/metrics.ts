// The metrics of priority and fairness, made when they are asked for. Names, labels and buckets are upstream's.
import { familyText, type Line } from '#base/metrics/families.ts';
import type { FlowControl } from './flow-control.ts';
import { waitBuckets } from './statistics.ts';

const family = (name: string, type: 'gauge' | 'counter' | 'histogram', help: string, lines: readonly Line[]): string =>
  familyText(`apiserver_flowcontrol_${name}`, type, help, lines);

export function flowControlMetrics(flowControl: FlowControl): string {
  const levels = flowControl.levels();
  const counters = [...flowControl.statistics.all()];
  const byLevel = (value: (level: (typeof levels)[number]) => number) =>
    levels.map((one) => ['', { priority_level: one.name }, value(one)] as const);
  const byFlow = (value: (one: (typeof counters)[number]) => number) =>
    counters.map((one) => ['', { flow_schema: one.schema, priority_level: one.level }, value(one)] as const);
  const seats = (count: number): number => (Number.isFinite(count) ? count : 0);
  return [
    family(
      'nominal_limit_seats',
      'gauge',
      'Configured seats of a priority level.',
      byLevel((one) => one.limits.nominal),
    ),
    family(
      'lower_limit_seats',
      'gauge',
      'Seats that others never borrow.',
      byLevel((one) => one.limits.lower),
    ),
    family(
      'upper_limit_seats',
      'gauge',
      'Seats with all that may be borrowed.',
      byLevel((one) => one.limits.upper),
    ),
    family(
      'current_limit_seats',
      'gauge',
      'Seats of the moment.',
      byLevel((one) => seats(one.queue.seatsMax)),
    ),
    family(
      'demand_seats_smoothed',
      'gauge',
      'Smoothed demand for seats.',
      byLevel((one) => one.smoothed),
    ),
    family(
      'current_executing_requests',
      'gauge',
      'Requests in work.',
      byFlow((one) => one.inWork),
    ),
    family(
      'current_executing_seats',
      'gauge',
      'Seats of requests in work.',
      byFlow((one) => one.seatsInWork),
    ),
    family(
      'current_inqueue_requests',
      'gauge',
      'Requests that wait.',
      byFlow((one) => one.waiting),
    ),
    family(
      'dispatched_requests_total',
      'counter',
      'Requests that were served.',
      byFlow((one) => one.dispatched),
    ),
    family(
      'rejected_requests_total',
      'counter',
      'Requests that were refused.',
      counters.flatMap((one) =>
        [...one.refused].map(
          ([reason, count]) => ['', { flow_schema: one.schema, priority_level: one.level, reason }, count] as const,
        ),
      ),
    ),
    family(
      'request_wait_duration_seconds',
      'histogram',
      'How long served requests waited.',
      counters.flatMap((one) => {
        const labels = { execute: 'true', flow_schema: one.schema, priority_level: one.level };
        let sum = 0;
        return [
          ...[...waitBuckets, '+Inf'].map((bound, index) => {
            sum += one.waits[index]!;
            return ['_bucket', { ...labels, le: String(bound) }, sum] as const;
          }),
          ['_sum', labels, one.waitedSeconds] as const,
          ['_count', labels, sum] as const,
        ];
      }),
    ),
  ].join('');
}
