// The container runtime with a count and the time of every call, under the names that upstream gives the calls
// (pkg/kubelet/kuberuntime/instrumented_services.go). Nothing else about it changes.
import type { Clock } from '#base/clock.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import type { AgentMetrics } from './agent-metrics.ts';

/** What is not here is no call of the CRI, or one that goes on for as long as the agent does. */
const operations: Readonly<Partial<Record<keyof ContainerRuntime, string>>> = {
  version: 'version',
  state: 'status',
  cgroupDriver: 'runtime_config',
  runPodSandbox: 'run_podsandbox',
  stopPodSandbox: 'stop_podsandbox',
  removePodSandbox: 'remove_podsandbox',
  podSandboxStatus: 'podsandbox_status',
  listPodSandboxes: 'list_podsandbox',
  createContainer: 'create_container',
  startContainer: 'start_container',
  stopContainer: 'stop_container',
  removeContainer: 'remove_container',
  listContainers: 'list_containers',
  containerStatus: 'container_status',
  reopenContainerLog: 'reopen_container_log',
  updateContainerResources: 'update_container',
  execSync: 'exec_sync',
  execUrl: 'exec',
  attachUrl: 'attach',
  portForwardUrl: 'port_forward',
  listContainerStats: 'list_container_stats',
  listImages: 'list_images',
  imageStatus: 'image_status',
  pullImage: 'pull_image',
  removeImage: 'remove_image',
  imageFilesystem: 'image_fs_info',
};

export function measuredRuntime(runtime: ContainerRuntime, metrics: AgentMetrics, clock: Clock): ContainerRuntime {
  const measured = new Map<PropertyKey, unknown>();
  for (const [name, operation] of Object.entries(operations)) {
    const call = runtime[name as keyof ContainerRuntime] as (...values: unknown[]) => Promise<unknown>;
    measured.set(name, async (...values: unknown[]): Promise<unknown> => {
      const startedMs = clock.monotonicMs();
      let failed = true;
      try {
        const answer = await Reflect.apply(call, runtime, values);
        failed = false;
        return answer;
      } finally {
        const tookMs = clock.monotonicMs() - startedMs;
        metrics.runtimeCalled(operation, tookMs, failed);
        if (operation === 'run_podsandbox') metrics.sandboxBegan(String(values[1]), tookMs, failed);
      }
    });
  }
  return new Proxy(runtime, {
    get(target, name) {
      const known = measured.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
