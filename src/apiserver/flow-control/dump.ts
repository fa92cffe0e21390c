// /debug/api_priority_and_fairness: what the priority levels do right now, in upstream's tables.
import type { ApiResponse } from '#api/request.ts';
import type { RequestContext } from '../context.ts';
import { respondPlain, respondText } from '../responses.ts';
import type { PriorityLevel } from './flow-control.ts';

type Row = readonly (string | number | boolean)[];

/** Columns as wide as their longest cell, each with a comma. */
function table(header: readonly string[], rows: readonly Row[]): string {
  const lines = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)) + 2);
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === line.length - 1 ? cell : `${cell},`.padEnd(widths[column]!)))
        .join('')
        .concat('\n'),
    )
    .join('');
}

const byName = (levels: readonly PriorityLevel[]): PriorityLevel[] =>
  levels.toSorted((a, b) => (a.name < b.name ? -1 : 1));

const priorityLevels = (levels: readonly PriorityLevel[]): string =>
  table(
    [
      'PriorityLevelName',
      'ActiveQueues',
      'IsIdle',
      'IsQuiescing',
      'WaitingRequests',
      'ExecutingRequests',
      'DispatchedRequests',
      'RejectedRequests',
      'TimedoutRequests',
      'CancelledRequests',
    ],
    levels.map(({ name, queue, isLeaving }) => [
      name,
      queue.activeQueues,
      queue.isIdle,
      isLeaving,
      queue.waitingCount,
      queue.inWork,
      queue.dispatched,
      queue.refused['concurrency-limit'] + queue.refused['queue-full'],
      queue.refused['time-out'],
      queue.refused.cancelled,
    ]),
  );

const queues = (levels: readonly PriorityLevel[]): string =>
  table(
    ['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR'],
    levels.flatMap(({ name, queue }) =>
      [...queue.queues()].map((one, index) => [
        name,
        index,
        one.waiting.length,
        one.inWork,
        one.inWork,
        `${(one.nextMs / 1000).toFixed(8)}ss`,
      ]),
    ),
  );

const requests = (levels: readonly PriorityLevel[], now: number, monotonicMs: number): string =>
  table(
    [
      'PriorityLevelName',
      'FlowSchemaName',
      'QueueIndex',
      'RequestIndexInQueue',
      'FlowDistingsher',
      'ArriveTime',
      'InitialSeats',
      'FinalSeats',
      'AdditionalLatency',
    ],
    levels.flatMap(({ name, queue }) =>
      [...queue.waiting()].map((one) => [
        name,
        one.schema,
        one.index,
        one.queue.waiting.indexOf(one),
        one.flow,
        new Date(now - (monotonicMs - one.sinceMs)).toISOString(),
        one.work.seats,
        one.work.finalSeats,
        `${one.work.finalMs}ms`,
      ]),
    ),
  );

export function respondDump({ info, server }: RequestContext): ApiResponse {
  const levels = byName(server.flowControl.levels());
  const { clock } = server.options;
  switch (info.path) {
    case '/debug/api_priority_and_fairness/dump_priority_levels':
      return respondPlain(priorityLevels(levels));
    case '/debug/api_priority_and_fairness/dump_queues':
      return respondPlain(queues(levels));
    case '/debug/api_priority_and_fairness/dump_requests':
      return respondPlain(requests(levels, clock.now(), clock.monotonicMs()));
    default:
      return respondText('404 page not found\n', 404);
  }
}
