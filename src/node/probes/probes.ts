// Startup, liveness and readiness probes of running containers: one worker a probe, as upstream's prober.
import { type Clock, type Timer } from '#base/clock.ts';
import { fraction, type Random } from '#base/random.ts';
import type { Scope } from '#base/scope.ts';
import type { Container, Pod, Probe } from '#api/generated/types.ts';
import type { AgentMetrics, ProbeLabels } from '../metrics/agent-metrics.ts';
import { type HandlerContext, type ProbeOutcome, runProbe } from '../pod/handlers.ts';
import type { RuntimeContainer } from '../pod/runtime-status.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

const kindText: Readonly<Record<ProbeKind, string>> = {
  startup: 'Startup',
  liveness: 'Liveness',
  readiness: 'Readiness',
};

const resultLabels = { success: 'successful', failure: 'failed', unknown: 'unknown' } as const;

export interface ProbesOptions {
  readonly handlers: HandlerContext;
  readonly clock: Clock;
  readonly random: Random;
  readonly scope: Scope;
  readonly metrics: Pick<AgentMetrics, 'probed' | 'probesEnded'>;
  /** A verdict of a container of this Pod changed. */
  readonly onChange: (podUid: string) => void;
  readonly emit: (pod: Pod, container: Container, reason: string, message: string) => void;
}

/** True, false, or not known yet. */
type Verdict = boolean | undefined;

interface ContainerProbes {
  readonly podUid: string;
  readonly verdicts: Record<ProbeKind, Verdict>;
  readonly has: Readonly<Record<ProbeKind, boolean>>;
  readonly timers: Set<Timer>;
  readonly counted: ProbeLabels[];
  stopped: boolean;
}

export class Probes {
  readonly #options: ProbesOptions;
  readonly #containers = new Map<string, ContainerProbes>();

  constructor(options: ProbesOptions) {
    this.#options = options;
    options.scope.onClose(() => {
      for (const id of this.#containers.keys()) this.remove(id);
    });
  }

  started(containerId: string): boolean {
    const one = this.#containers.get(containerId);
    return one === undefined ? false : !one.has.startup || one.verdicts.startup === true;
  }
  ready(containerId: string): boolean {
    const one = this.#containers.get(containerId);
    return one === undefined ? false : !one.has.readiness || one.verdicts.readiness === true;
  }
  livenessFailed(containerId: string): boolean {
    return this.#containers.get(containerId)?.verdicts.liveness === false;
  }
  startupFailed(containerId: string): boolean {
    return this.#containers.get(containerId)?.verdicts.startup === false;
  }

  /** Begins probing a running container; nothing when it is probed already. */
  add(pod: Pod, container: Container, running: RuntimeContainer, podIp: string): void {
    if (this.#containers.has(running.id)) return;
    const probes: readonly [ProbeKind, Probe | undefined][] = [
      ['startup', container.startupProbe],
      ['liveness', container.livenessProbe],
      ['readiness', container.readinessProbe],
    ];
    // A container that ran before this process did keeps what it had: no flap at a restart of the node agent.
    const before = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
      (one) => one.containerID?.endsWith(`://${running.id}`) === true,
    );
    const state: ContainerProbes = {
      podUid: pod.metadata.uid ?? '',
      has: {
        startup: container.startupProbe !== undefined,
        liveness: container.livenessProbe !== undefined,
        readiness: container.readinessProbe !== undefined,
      },
      verdicts: {
        startup: before?.started === true ? true : undefined,
        liveness: undefined,
        readiness: before?.ready === true ? true : undefined,
      },
      timers: new Set(),
      counted: [],
      stopped: false,
    };
    this.#containers.set(running.id, state);
    for (const [kind, probe] of probes)
      if (probe !== undefined) this.#run(state, kind, probe, pod, container, running, podIp);
  }

  remove(containerId: string): void {
    const state = this.#containers.get(containerId);
    if (state === undefined) return;
    state.stopped = true;
    for (const timer of state.timers) timer.cancel();
    for (const labels of state.counted) this.#options.metrics.probesEnded(labels);
    this.#containers.delete(containerId);
  }

  /** The Pod ends: readiness counts on, liveness and startup no longer kill. */
  removePod(podUid: string): void {
    for (const [id, state] of this.#containers) if (state.podUid === podUid) this.remove(id);
  }

  #run(
    state: ContainerProbes,
    kind: ProbeKind,
    probe: Probe,
    pod: Pod,
    container: Container,
    running: RuntimeContainer,
    podIp: string,
  ): void {
    const { clock, random, handlers, onChange, emit, scope, metrics } = this.#options;
    const labels: ProbeLabels = {
      probe_type: kindText[kind],
      container: container.name,
      pod: pod.metadata.name ?? '',
      namespace: pod.metadata.namespace ?? '',
      pod_uid: state.podUid,
    };
    state.counted.push(labels);
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const failureThreshold = probe.failureThreshold ?? 3;
    const successThreshold = probe.successThreshold ?? 1;
    let last: ProbeOutcome['result'] | undefined;
    let inRow = 0;
    const next = (delayMs: number) => {
      if (state.stopped || scope.closed) return;
      const timer = clock.schedule(delayMs, () => {
        state.timers.delete(timer);
        scope.spawn(`${kind} probe of ${container.name}`, tick);
      });
      state.timers.add(timer);
    };
    const tick = async (): Promise<void> => {
      if (state.stopped) return;
      if (kind !== 'startup' && state.has.startup && state.verdicts.startup !== true)
        return next(Math.min(periodMs, 1000));
      if (kind === 'startup' && state.verdicts.startup === true) return;
      const target = { container, containerId: running.id, podIp };
      const startedMs = clock.monotonicMs();
      const outcome = await runProbe(handlers, probe, target);
      if (state.stopped) return;
      metrics.probed(labels, resultLabels[outcome.result], clock.monotonicMs() - startedMs);
      if (outcome.result === 'unknown')
        emit(
          pod,
          container,
          'Unhealthy',
          `${kindText[kind]} probe errored and resulted in unknown state: ${outcome.output}`,
        );
      else if (outcome.result === 'failure')
        emit(pod, container, 'Unhealthy', `${kindText[kind]} probe failed: ${outcome.output}`);
      if (outcome.result === 'unknown') return next(periodMs);
      inRow = outcome.result === last ? inRow + 1 : 1;
      last = outcome.result;
      const failed = outcome.result === 'failure';
      if (inRow >= (failed ? failureThreshold : successThreshold)) {
        const verdict = !failed;
        const changed = state.verdicts[kind] !== verdict;
        state.verdicts[kind] = verdict;
        if (changed) onChange(state.podUid);
        // The container is about to be restarted: probing it further says nothing.
        if (failed && kind !== 'readiness') return;
      }
      next(periodMs);
    };
    const age = clock.now() - running.startedAtMs;
    const initialMs = Math.max(0, (probe.initialDelaySeconds ?? 0) * 1000 - Math.max(0, age));
    // Spread out only when many containers start probing at once, as after a start of the node agent.
    const jitterMs = age > 10_000 ? fraction(random) * periodMs : 0;
    next(initialMs + jitterMs);
  }
}
