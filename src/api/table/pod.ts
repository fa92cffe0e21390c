// The row of a Pod: what `kubectl get pods` says of it, STATUS above all.
import type { ContainerStatus, Pod, PodStatus } from '../generated/types.ts';
import { conditionIsTrue } from '../meta/conditions.ts';
import { humanDuration, parseTime } from '../meta/time.ts';
import { age, none, type CellsOf } from './format.ts';

const latest = (times: readonly (number | undefined)[]): number | undefined =>
  times.reduce((last, time) => (time !== undefined && (last === undefined || time > last) ? time : last), undefined);
const lastEnd = (status: ContainerStatus) => parseTime(status.lastState?.terminated?.finishedAt);

function endText(end: {
  readonly reason?: string | undefined;
  readonly signal?: number | undefined;
  readonly exitCode: number;
}): string {
  if ((end.reason ?? '') !== '') return end.reason!;
  return (end.signal ?? 0) !== 0 ? `Signal:${end.signal}` : `ExitCode:${end.exitCode}`;
}

interface Summary {
  reason: string;
  ready: number;
  restarts: number;
  lastRestart: number | undefined;
}

/** Until initialised, the first init container that is not done says the reason. */
function initSummary(
  pod: Pod,
  summary: Summary,
): { initializing: boolean; sidecars: Pick<Summary, 'restarts' | 'lastRestart'> } {
  const initContainers = pod.spec.initContainers ?? [];
  const sidecarNames = new Set(initContainers.filter((one) => one.restartPolicy === 'Always').map((one) => one.name));
  const sidecars: Pick<Summary, 'restarts' | 'lastRestart'> = { restarts: 0, lastRestart: undefined };
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    summary.restarts += status.restartCount;
    summary.lastRestart = latest([summary.lastRestart, lastEnd(status)]);
    const isSidecar = sidecarNames.has(status.name);
    if (isSidecar) {
      sidecars.restarts += status.restartCount;
      sidecars.lastRestart = latest([sidecars.lastRestart, lastEnd(status)]);
    }
    const { terminated, waiting } = status.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (isSidecar && status.started === true) {
      if (status.ready) summary.ready++;
      continue;
    }
    const waits = waiting?.reason ?? '';
    if (terminated !== undefined) summary.reason = `Init:${endText(terminated)}`;
    else if (waits !== '' && waits !== 'PodInitializing') summary.reason = `Init:${waits}`;
    else summary.reason = `Init:${index}/${initContainers.length}`;
    return { initializing: true, sidecars };
  }
  return { initializing: false, sidecars };
}

function containerSummary(status: PodStatus, summary: Summary): void {
  let hasRunning = false;
  let errorReason = '';
  for (const one of (status.containerStatuses ?? []).toReversed()) {
    summary.restarts += one.restartCount;
    summary.lastRestart = latest([summary.lastRestart, lastEnd(one)]);
    const { waiting, terminated, running } = one.state ?? {};
    if ((waiting?.reason ?? '') !== '') summary.reason = waiting!.reason!;
    else if (terminated !== undefined) {
      summary.reason = endText(terminated);
      if (terminated.exitCode !== 0) errorReason = summary.reason;
    } else if (one.ready && running !== undefined) {
      hasRunning = true;
      summary.ready++;
    }
  }
  if (summary.reason !== 'Completed') return;
  if (hasRunning && conditionIsTrue(status.conditions, 'Ready')) summary.reason = 'Running';
  else if (errorReason !== '') summary.reason = errorReason;
  else if (hasRunning) summary.reason = 'NotReady';
}

export const podCells: CellsOf<Pod> = (pod, now) => {
  const { spec, metadata } = pod;
  const status = pod.status ?? {};
  const phase = status.phase ?? '';
  const gated = status.conditions?.some((one) => one.type === 'PodScheduled' && one.reason === 'SchedulingGated');
  const summary: Summary = {
    reason: gated === true ? 'SchedulingGated' : (status.reason ?? '') === '' ? phase : status.reason!,
    ready: 0,
    restarts: 0,
    lastRestart: undefined,
  };
  const { initializing, sidecars } = initSummary(pod, summary);
  if (!initializing || conditionIsTrue(status.conditions, 'Initialized')) {
    Object.assign(summary, sidecars);
    containerSummary(status, summary);
  }
  if (metadata.deletionTimestamp !== undefined) {
    if (status.reason === 'NodeLost') summary.reason = 'Unknown';
    else if (phase !== 'Failed' && phase !== 'Succeeded') summary.reason = 'Terminating';
  }
  const { restarts, lastRestart } = summary;
  const total =
    (spec.containers ?? []).length + (spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always').length;
  const gates = spec.readinessGates ?? [];
  const open = gates.filter(({ conditionType }) => conditionIsTrue(status.conditions, conditionType)).length;
  return [
    metadata.name,
    `${summary.ready}/${total}`,
    summary.reason,
    restarts !== 0 && lastRestart !== undefined
      ? `${restarts} (${humanDuration(now - lastRestart)} ago)`
      : String(restarts),
    age(pod, now),
    status.podIPs?.[0]?.ip ?? none,
    (spec.nodeName ?? '') === '' ? none : spec.nodeName,
    (status.nominatedNodeName ?? '') === '' ? none : status.nominatedNodeName,
    gates.length === 0 ? none : `${open}/${gates.length}`,
  ];
};
