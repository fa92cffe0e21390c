// The commands. Each is loaded when it is asked for: `microshift run` pays for none of the others.
import { Command, CommanderError } from 'commander';
import { OperatorError } from '#base/errors.ts';
import type { AddNodeFlags } from './add-node.ts';
import type { CopyFlags } from './datastore.ts';
import type { SimulateFlags } from './simulate.ts';
import type { ScaleFlags } from './simulate-scale.ts';
import {
  type BackupFlags,
  exitFailed,
  exitUsage,
  UsageError,
  type RunFlags,
  type SourceFlags,
  type StatusFlags,
} from './command.ts';

const examples = (...lines: readonly (readonly [command: string, meaning: string])[]): string =>
  `\nExamples:\n${lines.map(([command, meaning]) => `  ${command.padEnd(58)} ${meaning}`).join('\n')}\n`;

export function createProgram(exitWith: (code: number) => void): Command {
  const program = new Command('microshift')
    .description('A whole OpenShift-flavoured Kubernetes cluster for a small machine, in one process.')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      'after',
      examples(
        ['sudo microshift run', 'the cluster, with all defaults'],
        ['microshift status', 'what runs, since when, and what is wrong'],
        ['microshift kubeconfig merge --into ~/.kube/config', 'use it with kubectl --context microshift'],
      ),
    );

  const withSource = (command: Command): Command =>
    command
      .option(
        '--config <file>',
        'this configuration file only, instead of config.yaml and config.d of ~/.microshift or /etc/microshift',
      )
      .option('--data-dir <directory>', 'directory of all state');

  withSource(program.command('run'))
    .description('Run MicroShift in the foreground until it is told to stop.')
    .option('--audit-log-dir <directory>', 'write kube-apiserver-audit.log there')
    .option('--datastore <endpoint>', 'etcd://HOST:PORT,...: keep the objects on that etcd cluster')
    .option('--roles <roles>', 'what runs here: controlplane, node, or controlplane,node', collectList)
    .option('--kubeconfig <file>', 'role node alone: of the control plane that this node joins')
    .option('--ephemeral', 'a control plane on a free port that keeps nothing; prints where its kubeconfig is')
    .option('--until-input-ends', 'stop when standard input ends, with the program that started this one')
    .option('-v, --v <level>', 'verbosity of the log; from 4 on everything')
    .addHelpText(
      'after',
      examples(
        ['sudo microshift run', 'control plane and node, all defaults'],
        ['microshift run --roles controlplane --data-dir ~/cluster', 'a control plane, without root'],
        ['microshift run --ephemeral', 'one for a test, gone when it ends'],
        ['MICROSHIFT_CLUSTER_URL=https://edge.example.com:6443 microshift run', 'reached from elsewhere by name'],
        ['microshift run --config ./config.yaml -v 4', 'own configuration, all details in the log'],
      ),
    )
    .action(async (options: RunFlags) => exitWith(await (await import('./run.ts')).run(options)));

  withSource(program.command('backup [directory]'))
    .description(
      'Copy everything that this cluster is to a new directory, also while it runs; without one, into backup.folder, as the schedule does it.',
    )
    .option('--list', 'show the backups in that directory, or in backup.folder')
    .option('-o, --output <format>', 'of the list: json')
    .addHelpText(
      'after',
      examples(
        ['sudo microshift backup /mnt/backups/monday', ''],
        ['sudo microshift backup', 'now, into backup.folder'],
        ['sudo microshift backup --list', 'what is in backup.folder'],
      ),
    )
    .action(async (directory: string | undefined, options: BackupFlags) =>
      exitWith(await (await import('./backup.ts')).backup(directory, options)),
    );

  withSource(program.command('restore <directory>'))
    .description('Put a backup in the place of what the data directory holds. MicroShift must not run.')
    .addHelpText(
      'after',
      examples(['sudo systemctl stop microshift && sudo microshift restore /mnt/backups/monday', '']),
    )
    .action(async (directory: string, options: SourceFlags) =>
      exitWith(await (await import('./backup.ts')).restore(directory, options)),
    );

  withSource(program.command('datastore').description('Where the objects of this cluster are.').command('copy'))
    .description(
      'Copy the whole cluster from the data directory to etcd, or back. MicroShift must not run, nor another one on that etcd.',
    )
    .option('--to <endpoint>', 'etcd://HOST:PORT,...: to that etcd')
    .option('--from <endpoint>', 'etcd://HOST:PORT,...: from that etcd')
    .addHelpText(
      'after',
      examples(
        ['sudo microshift datastore copy --to etcd://127.0.0.1:2379', 'then set datastore.endpoint and start it'],
        ['sudo microshift datastore copy --from etcd://127.0.0.1:2379', 'then remove datastore.endpoint and start it'],
      ),
    )
    .action(async (options: CopyFlags) => exitWith(await (await import('./datastore.ts')).copy(options)));

  const encryption = program.command('encryption').description('The key that Secrets are encrypted with on disk.');
  withSource(encryption.command('rotate'))
    .description('Encrypt everything with a new key and drop the old one, also while MicroShift runs.')
    .addHelpText('after', examples(['sudo microshift encryption rotate', '']))
    .action(async (options: SourceFlags) => exitWith(await (await import('./encryption.ts')).rotate(options)));
  withSource(encryption.command('status'))
    .description('Show which key is in use, and how old it is.')
    .option('-o, --output <format>', 'json')
    .addHelpText('after', examples(['sudo microshift encryption status', '']))
    .action(async (options: StatusFlags) => exitWith(await (await import('./encryption.ts')).status(options)));

  program
    .command('version')
    .description('Print the version.')
    .option('-o, --output <format>', 'yaml or json')
    .addHelpText('after', examples(['microshift version', ''], ['microshift version -o json', 'for programs']))
    .action(async (options: { output?: string }) => (await import('./version.ts')).version(options.output));

  withSource(program.command('status'))
    .description('Show what runs, since when, and what is wrong and why.')
    .option('-o, --output <format>', 'json')
    .addHelpText('after', examples(['sudo microshift status', ''], ['sudo microshift status -o json', 'for programs']))
    .action(async (options: StatusFlags) => exitWith(await (await import('./status.ts')).status(options)));

  withSource(program.command('wait'))
    .description('Wait until MicroShift is ready, and show the progress.')
    .option('--timeout <seconds>', 'give up after so many seconds', '300')
    .addHelpText(
      'after',
      examples(['sudo microshift wait', ''], ['sudo microshift wait --timeout 60', 'at most a minute']),
    )
    .action(async (options: StatusFlags & { timeout: string }) =>
      exitWith(await (await import('./wait.ts')).wait(options)),
    );

  withSource(program.command('add-node [name]'))
    .description(
      'Write a kubeconfig with which another machine joins this control plane as a node of that name; without a name, one with a token for any number of machines. Run it where the control plane runs.',
    )
    .option(
      '--server <url>',
      'how the other machine reaches the API server; default: cluster.url, or the address of this machine',
    )
    .option('-o, --output <file>', 'where to write it; default: NAME.kubeconfig, or join.kubeconfig, in this directory')
    .option('--hours <number>', 'without a name: how long the token holds; default: 24')
    .addHelpText(
      'after',
      examples(
        ['sudo microshift add-node edge-2', 'then run --roles node --kubeconfig there'],
        ['sudo microshift add-node --hours 2', 'one file for many machines, for two hours'],
      ),
    )
    .action(async (name: string | undefined, options: AddNodeFlags) =>
      (await import('./add-node.ts')).addNode(name, options),
    );

  const kubeconfig = program
    .command('kubeconfig')
    .description('Put the context `microshift` into a kubeconfig file, or take it out.');
  withSource(kubeconfig.command('merge'))
    .description(
      'Add or refresh the context `microshift` in a kubeconfig file. All else in it stays; the file as it was is kept beside it.',
    )
    .requiredOption('--into <file>', 'the kubeconfig file; made when it does not exist')
    .addHelpText('after', examples(['sudo microshift kubeconfig merge --into ~/.kube/config', '']))
    .action(async (options: StatusFlags & { into: string }) => (await import('./kubeconfig.ts')).mergeCommand(options));
  kubeconfig
    .command('remove')
    .description('Take the context `microshift` out of a kubeconfig file.')
    .requiredOption('--from <file>', 'the kubeconfig file')
    .addHelpText('after', examples(['microshift kubeconfig remove --from ~/.kube/config', '']))
    .action(async (options: { from: string }) => (await import('./kubeconfig.ts')).removeCommand(options.from));

  withSource(program.command('cleanup'))
    .description(
      'Remove this cluster from the machine: its containers, mounts, network, and its data directory. For uninstalling; MicroShift must be stopped.',
    )
    .option('--yes', 'do it; without this it only says what would be removed')
    .addHelpText(
      'after',
      examples(['sudo microshift cleanup', 'what would be removed'], ['sudo microshift cleanup --yes', 'remove it']),
    )
    .action(async (options: StatusFlags & { yes?: boolean }) =>
      exitWith(await (await import('./cleanup.ts')).cleanup(options)),
    );

  withSource(program.command('show-config'))
    .description('Print the configuration as a file: every key with its value and meaning.')
    .option('-m, --mode <mode>', 'default: the defaults; effective: as `microshift run` would use it here', 'effective')
    .option('-o, --output <format>', 'yaml, with the source of each value; or json', 'yaml')
    .addHelpText(
      'after',
      examples(
        ['microshift show-config -m default > config.yaml', 'a file to begin with'],
        ['microshift show-config', 'what holds here, and where each value is from'],
        ['microshift show-config -o json', 'for programs'],
      ),
    )
    .action(async (options: StatusFlags & { mode: string }) => (await import('./show-config.ts')).showConfig(options));

  program
    .command('simulate')
    .description(
      'Run the whole cluster in memory on virtual time, from a seed, with faults, and check what must always hold. With --nodes: a large cluster, and what it costs.',
    )
    .option('--nodes <count>', 'so many simulated nodes in this process, instead of seeds and faults')
    .option('--pods <count>', 'with --nodes: so many Pods on them; default: 20 a node')
    .option('--pod-start-ms <milliseconds>', 'with --nodes: how long a Pod takes to run; default: 500')
    .option('--lease-seconds <seconds>', 'with --nodes: how often each node renews its Lease; default: 10')
    .option(
      '--time <which>',
      'with --nodes: real, or virtual, in which nobody waits for the times that Pods and heartbeats take; default: real',
    )
    .option('--seed <number>', 'the seed: the same gives the same run', '1')
    .option('--seeds <count>', 'so many seeds, from this one on', '1')
    .option('--steps <count>', 'how much happens in it')
    .option('--only <steps>', 'leave all steps out but these, by their numbers: 0,4,7')
    .option('--trace', 'print everything that happens')
    .option('--shrink', 'when it fails, look for fewer steps that fail, too')
    .addHelpText(
      'after',
      examples(
        ['microshift simulate --seed 1 --seeds 200', 'two hundred clusters'],
        ['microshift simulate --seed 42 --shrink', 'the smallest scenario in which it fails'],
        ['microshift simulate --seed 42 --trace', 'what happens in it, line by line'],
        ['microshift simulate --nodes 500 --pods 5000', 'latencies by verb and resource, Pods a second, memory'],
      ),
    )
    .action(async (options: SimulateFlags & Partial<ScaleFlags>) => {
      const { nodes } = options;
      if (nodes === undefined) return exitWith(await (await import('./simulate.ts')).simulate(options));
      return exitWith(await (await import('./simulate-scale.ts')).simulateScale({ ...options, nodes }));
    });

  program
    .command('completion <shell>')
    .description('Print the completion script for bash, zsh or fish.')
    .addHelpText(
      'after',
      examples(['source <(microshift completion bash)', 'in this shell'], ['microshift completion fish | source', '']),
    )
    .action(async (shell: string) => (await import('./completion.ts')).completion(program, shell));

  return program;
}

/** `--roles a,b` and `--roles a --roles b` mean the same. */
function collectList(value: string, previous: string | undefined): string {
  return previous === undefined ? value : `${previous},${value}`;
}

export async function runProgram(args: readonly string[]): Promise<number> {
  let code = 0;
  const program = createProgram((given) => {
    code = given;
  });
  if (args.length === 0) {
    program.outputHelp();
    return exitFailed;
  }
  // Timers of the product's clock do not keep a process alive; a command must not end before it is done.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitUsage;
    if (error instanceof OperatorError) {
      process.stderr.write(`microshift: ${error.message}\n  ${error.remedy}\n`);
      return error instanceof UsageError ? exitUsage : exitFailed;
    }
    throw error;
  } finally {
    clearInterval(alive);
  }
}
