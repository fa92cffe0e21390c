// What to do for one Pod now: a pure function of its spec, what the runtime has and what the probes say.
// Follows upstream's computePodActions (kuberuntime_manager.go): one step a call, level-triggered.
import type { Container, ContainerRestartRule, EphemeralContainer, Pod } from '#api/generated/types.ts';
import { type ContainerAmounts, containerAmounts } from './allocation.ts';
import { isEmptyPlan, newResizePlan, planResize, type ResizePlan } from './resize-plan.ts';
import { containerHash, newestContainer, type PodRuntimeStatus, type RuntimeContainer } from './runtime-status.ts';

export interface ProbeVerdicts {
  /** False until the startup probe has succeeded (true at once without one). */
  started(containerId: string): boolean;
  livenessFailed(containerId: string): boolean;
  startupFailed(containerId: string): boolean;
}

export interface DecideInput {
  readonly pod: Pod;
  readonly runtime: PodRuntimeStatus;
  /** The Pod is to end: deleted, past its deadline, or in a final phase. */
  readonly terminating: boolean;
  readonly probes: ProbeVerdicts;
  /** Undefined: nothing of it can change while it runs. */
  readonly resources?: ActuatedResources | undefined;
}

export interface ActuatedResources {
  /** By container; absent: as allocated. */
  readonly actuated: Readonly<Record<string, ContainerAmounts>>;
  readonly podCgroupIsCurrent: boolean;
  /** Ids of containers that were stopped to start anew. */
  readonly restarting: readonly string[];
}

export interface KillContainer {
  readonly container: RuntimeContainer;
  readonly message: string;
  readonly reason: 'terminating' | 'liveness' | 'startup' | 'changed' | 'resize' | 'unknown';
}

export type PodActions =
  /** Stop every container, then the sandboxes. `recreate`: a new sandbox follows. */
  | { readonly type: 'stop-pod'; readonly recreate: boolean }
  | { readonly type: 'create-sandbox'; readonly attempt: number }
  | {
      readonly type: 'containers';
      readonly sandboxId: string;
      readonly kill: readonly KillContainer[];
      /** In order; init containers (at most one regular one) before the others. */
      readonly start: readonly Container[];
      /** Those that `kubectl debug` adds; never started again. */
      readonly startEphemeral: readonly EphemeralContainer[];
      /** Before regular containers are started. */
      readonly resize?: ResizePlan;
    }
  /** Stop and remove every container of the Pod, then begin again with the first init container. */
  | { readonly type: 'restart-all' }
  | { readonly type: 'nothing' };

export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

function matchesRule(rule: ContainerRestartRule, exitCode: number): boolean {
  const values = rule.exitCodes?.values ?? [];
  const operator = rule.exitCodes?.operator;
  return operator === 'In' ? values.includes(exitCode) : operator === 'NotIn' && !values.includes(exitCode);
}

/** A container whose end asks for all containers to start anew (KEP-5532); until they are removed. */
export function restartAllTrigger(pod: Pod, runtime: PodRuntimeStatus): RuntimeContainer | undefined {
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    const last = newestContainer(runtime, container.name);
    if (last?.state !== 'exited') continue;
    const rule = (container.restartPolicyRules ?? []).find((one) => matchesRule(one, last.exitCode));
    if (rule?.action === 'RestartAllContainers') return last;
  }
  return undefined;
}

/** Whether a container that ended with `exitCode` is to run again (KEP-5307 rules included). */
export function shouldRestart(pod: Pod, container: Container, exitCode: number): boolean {
  if ((container.restartPolicyRules ?? []).some((rule) => matchesRule(rule, exitCode))) return true;
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

export function decide({ pod, runtime, terminating, probes, resources }: DecideInput): PodActions {
  const alive = runtime.containers.some((one) => one.state === 'running' || one.state === 'created');
  const readySandboxes = runtime.sandboxes.filter((one) => one.ready);
  if (terminating)
    return alive || readySandboxes.length > 0 ? { type: 'stop-pod', recreate: false } : { type: 'nothing' };

  const newest = runtime.sandboxes[0];
  const usable =
    newest !== undefined &&
    newest.ready &&
    readySandboxes.length === 1 &&
    (pod.spec.hostNetwork === true || newest.ips.length > 0);
  if (!usable) {
    if (!wantsToRun(pod, runtime))
      return alive || readySandboxes.length > 0 ? { type: 'stop-pod', recreate: false } : { type: 'nothing' };
    if (alive || readySandboxes.length > 0) return { type: 'stop-pod', recreate: true };
    return { type: 'create-sandbox', attempt: newest === undefined ? 0 : newest.attempt + 1 };
  }

  if (restartAllTrigger(pod, runtime) !== undefined) return { type: 'restart-all' };
  const startEphemeral = (pod.spec.ephemeralContainers ?? []).filter(
    (one) => newestContainer(runtime, one.name) === undefined,
  );
  const kill: KillContainer[] = [];
  const start: Container[] = [];
  const resize = newResizePlan();
  resize.pod = resources !== undefined && !resources.podCgroupIsCurrent;
  const step: Step = { pod, runtime, probes, sandboxId: newest.id, kill, start, resources, resize };
  const initialized = decideInitContainers(step);
  if (initialized === 'failed') return { type: 'stop-pod', recreate: false };
  if (initialized) {
    let keep = 0;
    for (const container of pod.spec.containers) if (decideContainer(step, container)) keep++;
    if (keep === 0 && start.length === 0 && kill.length === 0) return { type: 'stop-pod', recreate: false };
  }
  if (kill.length === 0 && start.length === 0 && startEphemeral.length === 0 && isEmptyPlan(resize))
    return { type: 'nothing' };
  const parts = { sandboxId: newest.id, kill, start, startEphemeral };
  return { type: 'containers', ...parts, ...(isEmptyPlan(resize) ? {} : { resize }) };
}

interface Step {
  readonly pod: Pod;
  readonly runtime: PodRuntimeStatus;
  readonly probes: ProbeVerdicts;
  readonly sandboxId: string;
  readonly kill: KillContainer[];
  readonly start: Container[];
  readonly resources: ActuatedResources | undefined;
  readonly resize: ResizePlan;
}

/** Without a usable sandbox: is there anything left to run? */
function wantsToRun(pod: Pod, runtime: PodRuntimeStatus): boolean {
  if (runtime.containers.length === 0) return true;
  const failedInit = (pod.spec.initContainers ?? []).some((container) => {
    const last = newestContainer(runtime, container.name);
    return last?.state === 'exited' && last.exitCode !== 0 && !shouldRestart(pod, container, last.exitCode);
  });
  if (failedInit) return false;
  // A killed sandbox takes its containers along; what was running then counts as ended.
  return pod.spec.containers.some((container) => {
    const last = newestContainer(runtime, container.name);
    return last === undefined || last.state !== 'exited' || shouldRestart(pod, container, last.exitCode);
  });
}

function killForProbe(step: Step, container: Container, current: RuntimeContainer): boolean {
  const restarts = shouldRestart(step.pod, container, 137);
  const suffix = restarts ? ', will be restarted' : '';
  if (current.hash !== '' && current.hash !== containerHash(container)) {
    step.kill.push({
      container: current,
      message: `Container ${container.name} definition changed, will be restarted`,
      reason: 'changed',
    });
    return true;
  }
  if (step.probes.livenessFailed(current.id)) {
    step.kill.push({
      container: current,
      message: `Container ${container.name} failed liveness probe${suffix}`,
      reason: 'liveness',
    });
    return true;
  }
  if (step.probes.startupFailed(current.id)) {
    step.kill.push({
      container: current,
      message: `Container ${container.name} failed startup probe${suffix}`,
      reason: 'startup',
    });
    return true;
  }
  return false;
}

function killForResize(step: Step, container: Container, current: RuntimeContainer): void {
  const { pod, resources, resize, kill } = step;
  if (resources === undefined) return;
  const has = resources.actuated[container.name] ?? containerAmounts(pod, container);
  if (planResize(resize, pod, container, current, has) === 'restart')
    kill.push({ container: current, message: `Container ${container.name} resize requires restart`, reason: 'resize' });
}

/** True: the regular containers may run. */
function decideInitContainers(step: Step): boolean | 'failed' {
  const { pod, runtime, sandboxId } = step;
  const initContainers = pod.spec.initContainers ?? [];
  if (initContainers.length === 0) return true;
  // Once a regular container of this sandbox exists, regular init containers are done for good; sidecars are kept up.
  const begun = pod.spec.containers.some((container) =>
    runtime.containers.some((one) => one.name === container.name && one.sandboxId === sandboxId),
  );
  let allDone = true;
  for (const container of initContainers) {
    const last = runtime.containers.find((one) => one.name === container.name && one.sandboxId === sandboxId);
    if (isSidecar(container)) {
      if (last?.state === 'running') {
        if (killForProbe(step, container, last)) return begun;
        killForResize(step, container, last);
        if (!step.probes.started(last.id) && !begun) return false;
        continue;
      }
      // Created and never started is made anew below: a runtime does not stop what never ran.
      if (last?.state === 'unknown') {
        step.kill.push({ container: last, message: unknownState, reason: 'unknown' });
        return begun;
      }
      step.start.push(container);
      if (!begun) return false;
      continue;
    }
    if (begun) continue;
    if (last === undefined) {
      step.start.push(container);
      return false;
    }
    switch (last.state) {
      case 'running':
        killForResize(step, container, last);
        return false;
      case 'created':
        step.start.push(container);
        return false;
      case 'unknown':
        step.kill.push({ container: last, message: unknownState, reason: 'unknown' });
        return false;
      case 'exited':
        if (last.exitCode === 0) continue;
        if (!shouldRestart(pod, initRestart(pod, container), last.exitCode)) return 'failed';
        step.start.push(container);
        allDone = false;
        return allDone;
    }
  }
  return allDone;
}

/** An init container of a Pod that always restarts is retried until it succeeds. */
const initRestart = (pod: Pod, container: Container): Container =>
  container.restartPolicy === undefined && pod.spec.restartPolicy === 'Always'
    ? { ...container, restartPolicy: 'OnFailure' }
    : container;

const unknownState = 'Init container is in "unknown" state, try killing it before restart';

/** True: it runs, or will without our doing. */
function decideContainer(step: Step, container: Container): boolean {
  const { pod, runtime, sandboxId, start, kill } = step;
  const last = newestContainer(runtime, container.name);
  if (last === undefined) {
    start.push(container);
    return true;
  }
  switch (last.state) {
    case 'running':
      if (!killForProbe(step, container, last)) killForResize(step, container, last);
      return true;
    case 'created':
      // Created and never started: the start failed, or we ended in between.
      start.push(container);
      return true;
    case 'unknown':
      kill.push({
        container: last,
        message: `Container is in "unknown" state, try killing it before restart`,
        reason: 'unknown',
      });
      return true;
    case 'exited':
      if (step.resources?.restarting.includes(last.id) === true) {
        start.push(container);
        return true;
      }
      if (last.sandboxId !== sandboxId && pod.spec.restartPolicy !== 'Never' && last.exitCode !== 0) {
        start.push(container);
        return true;
      }
      if (!shouldRestart(pod, container, last.exitCode)) return false;
      start.push(container);
      return true;
  }
}
