// `microshift cleanup`: takes this cluster off the machine. What it takes back is what was recorded when it was made
// (host/changes.ts), and what carries this cluster's paths.
import path from 'node:path';
import type { Configuration } from '#assembly/config/configuration.ts';
import { clusterIdPath, runDirectory } from '#assembly/paths.ts';
import { systemClock } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import { silentLogger } from '#base/log.ts';
import { hostChangesFile, readHostChanges, undoHostChanges } from '#host/changes.ts';
import { systemFiles } from '#host/files.ts';
import { linuxMounts } from '#host/linux/mounts.ts';
import { endRecordedProcess, recordedProcess } from '#host/recorded-process.ts';
import { hostRuntimeSockets } from '#host/linux/containerd.ts';
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
  const mountsBelow = async (): Promise<readonly string[]> => {
    const mounted = linuxMounts.list();
    const roots = [dataDirectory, ...(hasNode ? [node.kubeletDirectory] : [])];
    return mounted
      .filter((one) => [...roots, ...(hasNode ? [runDirectory] : [])].some((root) => one.startsWith(`${root}/`)))
      .toReversed();
  };
  const changes = hostChangesFile(dataDirectory);
  const trees = [
    ...(hasNode ? [node.kubeletDirectory, node.podLogDirectory, node.volumeDirectory, runDirectory] : []),
    dataDirectory,
  ];
  const stateFiles = [path.join(runDirectory, 'containerd/process.json')];
  return [
    ...(hasNode
      ? [
          {
            what: 'Pod',
            plan: () => withPods(configuration, (pods) => Promise.resolve(pods.map((one) => one.name))),
            act: () =>
              withPods(configuration, async (pods) => {
                const ended = await Promise.allSettled(pods.map((one) => one.remove()));
                return ended.flatMap((one, index) =>
                  one.status === 'rejected' ? [`${pods[index]!.name}: ${messageOf(one.reason)}`] : [],
                );
              }),
          },
          {
            what: 'process',
            plan: () =>
              Promise.resolve(
                stateFiles.flatMap((file) => {
                  const pid = recordedProcess(file);
                  return pid === undefined ? [] : [`${path.basename(path.dirname(file))} ${pid}`];
                }),
              ),
            act: async () => {
              for (const file of stateFiles) await endRecordedProcess(file, systemClock, endGraceMs);
              return [];
            },
          },
        ]
      : []),
    {
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
    },
    {
      what: 'change of the host',
      plan: () => Promise.resolve(readHostChanges(changes).map((one) => JSON.stringify(one))),
      act: () => undoHostChanges(changes, silentLogger),
    },
    {
      what: 'directory',
      plan: async () => {
        const there = await Promise.all(trees.map((tree) => systemFiles.exists(tree)));
        return trees.filter((_, index) => there[index]);
      },
      act: async () => {
        // What could not be unmounted would lose its content: leave it then.
        const left = await mountsBelow();
        const failures: string[] = [];
        for (const tree of trees) {
          const blocked = left.find((one) => one.startsWith(`${tree}/`));
          if (blocked === undefined) await systemFiles.remove(path.resolve(tree));
          else failures.push(`${tree} stays: ${blocked} is still mounted`);
        }
        return failures;
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
  act: (pods: readonly RunningPod[]) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const clusterId = await systemFiles.readText(clusterIdPath(configuration.dataDirectory));
  if (clusterId === undefined) return act([]);
  const [{ connectRuntime }, { findHostRuntime }, { clusterLabel }] = await Promise.all([
    import('#node/cri/runtime.ts'),
    import('#host/linux/containerd.ts'),
    import('#node/pod/runtime-status.ts'),
  ]);
  const configured = configuration.node.runtimeEndpoint.replace(/^unix:\/\//, '');
  const own = path.join(runDirectory, 'containerd/containerd.sock');
  const socketPath = await findHostRuntime(configured === '' ? [own, ...hostRuntimeSockets] : [configured]);
  if (socketPath === undefined) return act([]);
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
