// `microshift cleanup`: takes this cluster off the machine. What it takes back is what was recorded when it was made
// (host/changes.ts), and what carries this cluster's paths.
import path from 'node:path';
import type { Configuration } from '#assembly/config/configuration.ts';
import {
  clusterIdPath,
  privateContainerdPlaces,
  runDirectory,
  runtimeChoicePath,
  taskDirectory,
} from '#assembly/paths.ts';
import { systemClock } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import { silentLogger } from '#base/log.ts';
import { describeHostChange, hostChangesFile, readHostChanges, undoHostChanges } from '#host/changes.ts';
import { systemFiles } from '#host/files.ts';
import {
  endProcesses,
  processesBelow,
  removeDeadNamespaces,
  removePodCgroups,
} from '#host/linux/container-leftovers.ts';
import { linuxMounts } from '#host/linux/mounts.ts';
import { parseRuntimeChoice } from '#host/linux/runtime-choice.ts';
import { endRecordedProcess, recordedProcess } from '#host/recorded-process.ts';
import { lockHolder } from '#host/lock.ts';
import { loadHere } from './configuration.ts';
import { exitFailed, exitUsage, type StatusFlags } from './command.ts';

const endGraceMs = 10_000;

interface Step {
  readonly what: string;
  /** Undefined: nothing to do. */
  readonly plan: () => Promise<readonly string[]>;
  /** Gives what could not be done. */
  readonly act: () => Promise<readonly string[]>;
}

export async function cleanup(flags: StatusFlags & { readonly yes?: boolean }): Promise<number> {
  const loaded = await loadHere(flags);
  if ('mistake' in loaded) throw loaded.mistake;
  const { configuration } = loaded;
  const holder = await lockHolder(configuration.dataDirectory);
  if (holder !== undefined)
    throw new OperatorError(
      `MicroShift runs as process ${holder} on ${configuration.dataDirectory}.`,
      `Stop it first: systemctl stop microshift, or kill ${holder}.`,
    );
  const steps = stepsOf(configuration);
  if (flags.yes !== true) {
    console.log('This would be removed:');
    for (const step of steps) for (const line of await step.plan()) console.log(`  ${step.what}: ${line}`);
    console.log('Nothing was changed. Do it with: microshift cleanup --yes');
    return exitUsage;
  }
  let failed = false;
  for (const step of steps) {
    let failures: readonly string[];
    try {
      failures = await step.act();
    } catch (error) {
      failures = [messageOf(error)];
    }
    for (const failure of failures) process.stderr.write(`microshift: ${step.what}: ${failure}\n`);
    failed ||= failures.length > 0;
  }
  return failed ? exitFailed : 0;
}

function stepsOf(configuration: Configuration): readonly Step[] {
  const { dataDirectory, node } = configuration;
  const hasNode = configuration.roles.includes('node');
  // With the paths' own ends, so that /var/lib/kubelet2 is not taken for /var/lib/kubelet.
  const roots = [dataDirectory, ...(hasNode ? [node.kubeletDirectory, runDirectory] : [])];
  const mountsBelow = (): Promise<readonly string[]> =>
    Promise.resolve(
      linuxMounts
        .list()
        .filter((one) => roots.some((root) => one.startsWith(`${root}/`)))
        .toReversed(),
    );
  const changes = hostChangesFile(dataDirectory);
  const unmount: Step = {
    what: 'unmount',
    plan: mountsBelow,
    act: async () => {
      const failures: string[] = [];
      for (const target of await mountsBelow()) {
        try {
          linuxMounts.unmount(target);
        } catch (error) {
          failures.push(`${target}: ${messageOf(error)}`);
        }
      }
      return failures;
    },
  };
  const undo: Step = {
    what: 'change of the host',
    plan: () => Promise.resolve(readHostChanges(changes).map(describeHostChange)),
    act: () => undoHostChanges(changes, silentLogger),
  };
  return hasNode ? [...containerSteps(configuration), unmount, undo] : [unmount, undo];
}

function containerSteps(configuration: Configuration): readonly Step[] {
  const { stateDirectory } = privateContainerdPlaces(configuration);
  const stateFile = path.join(stateDirectory, 'process.json');
  return [
    {
      what: 'Pod',
      plan: () => withPods(configuration, false, (pods) => Promise.resolve(pods.map((one) => one.name))),
      act: () =>
        withPods(configuration, true, async (pods) => {
          const ended = await Promise.allSettled(pods.map((one) => one.remove()));
          return ended.flatMap((one, index) =>
            one.status === 'rejected' ? [`${pods[index]!.name}: ${messageOf(one.reason)}`] : [],
          );
        }),
    },
    {
      what: 'process',
      plan: () => {
        const pid = recordedProcess(stateFile);
        return Promise.resolve([
          ...(pid === undefined ? [] : [`containerd ${pid}`]),
          ...processesBelow(runDirectory).map((one) => `${one} (a container, or what runs it)`),
        ]);
      },
      act: async () => {
        await endRecordedProcess(stateFile, systemClock, endGraceMs);
        await endProcesses(runDirectory, taskDirectory(stateDirectory), systemClock);
        return [];
      },
    },
    {
      what: 'cgroup',
      plan: () => Promise.resolve([]),
      act: () => {
        // Those of another cluster of this host hold processes, and stay.
        removePodCgroups();
        removeDeadNamespaces();
        return Promise.resolve([]);
      },
    },
  ];
}

interface RunningPod {
  readonly name: string;
  remove(): Promise<void>;
}

/** The Pods of this cluster, whose id the node wrote down; those of others on the same runtime stay. */
async function withPods(
  configuration: Configuration,
  /** Starts the private runtime when it is gone: only it takes its containers down in order. */
  start: boolean,
  act: (pods: readonly RunningPod[]) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const { dataDirectory } = configuration;
  const clusterId = await systemFiles.readText(clusterIdPath(dataDirectory));
  const choice = parseRuntimeChoice(await systemFiles.readText(runtimeChoicePath(dataDirectory)));
  if (clusterId === undefined || choice === undefined) return act([]);
  const [{ connectRuntime }, { answeringRuntimes, PrivateContainerd }, { clusterLabel }] = await Promise.all([
    import('#node/cri/runtime.ts'),
    import('#host/linux/containerd.ts'),
    import('#node/pod/runtime-status.ts'),
  ]);
  const places = privateContainerdPlaces(configuration);
  const socketPath = choice.socketPath ?? path.join(places.stateDirectory, 'containerd.sock');
  if ((await answeringRuntimes([socketPath])).length === 0) {
    // After a reboot /run is empty, and no container runs.
    const hasRun = choice.kind === 'private' && (await systemFiles.exists(places.stateDirectory));
    if (!start || !hasRun) return act([]);
    const containerd = new PrivateContainerd({ ...places, clock: systemClock, logger: silentLogger });
    try {
      await containerd.start();
    } catch {
      // Then the shims are ended by force, by the next step.
      return await act([]);
    } finally {
      containerd.release();
    }
  }
  const runtime = await connectRuntime(socketPath, systemClock);
  try {
    const sandboxes = await runtime.listPodSandboxes({ [clusterLabel]: clusterId.trim() });
    return await act(
      sandboxes.map(({ id, metadata }) => ({
        name: `${metadata.namespace}/${metadata.name}`,
        async remove() {
          await runtime.stopPodSandbox(id);
          await runtime.removePodSandbox(id);
        },
      })),
    );
  } finally {
    runtime.close();
  }
}
