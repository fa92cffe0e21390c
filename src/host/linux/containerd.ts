// The container runtime of the host, or where it runs none, a private containerd with its own root, state and socket.
// The private one outlives this process (host/processes.ts) and so do the shims that it starts.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import type { Clock } from '#base/clock.ts';
import { sleep } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { SupervisedProcess } from '../processes.ts';

/** In order of preference. */
export const hostRuntimeSockets = ['/run/crio/crio.sock', '/run/containerd/containerd.sock'];

const answers = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    if (!existsSync(socketPath)) return resolve(false);
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Those of the sockets that accept connections now. */
export async function answeringRuntimes(sockets: readonly string[]): Promise<readonly string[]> {
  const answered = await Promise.all(sockets.map(answers));
  return sockets.filter((_, index) => answered[index]);
}

/** capability(7) number 24. Without it, no process may lower its OOM score. */
export function hasSysResource(status = readFileSync('/proc/self/status', 'latin1')): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & (1n << 24n)) !== 0n;
}

/** systemd manages cgroups where it is process 1 (sd_booted(3)). */
export const hasSystemd = (): boolean => existsSync('/run/systemd/system');

export interface ContainerdSettings {
  readonly rootDirectory: string;
  readonly stateDirectory: string;
  readonly socketPath: string;
  readonly sandboxImage: string;
  readonly cniConfigDirectory: string;
  readonly cniBinaryDirectory: string;
  readonly systemdCgroup: boolean;
  readonly restrictOomScoreAdj: boolean;
  readonly snapshotter: string;
  /** Directories with HOST/hosts.toml, the first that knows a host counts. Read at each pull. */
  readonly registryDirectory: string;
}

/** The configuration file, version 2: understood by containerd 1.3 to 2.x. */
export function containerdConfig(settings: ContainerdSettings): string {
  const text = (value: string) => JSON.stringify(value);
  return `# Generated; changes are lost.
version = 2
root = ${text(settings.rootDirectory)}
state = ${text(settings.stateDirectory)}
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = ${text(settings.socketPath)}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${text(settings.sandboxImage)}
  restrict_oom_score_adj = ${String(settings.restrictOomScoreAdj)}
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  # The node agent ends silent connections.
  stream_idle_timeout = "8760h"
  tolerate_missing_hugetlb_controller = true
  image_pull_progress_timeout = "5m0s"

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = ${text(settings.registryDirectory)}

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${text(settings.cniBinaryDirectory)}
    conf_dir = ${text(settings.cniConfigDirectory)}

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = ${text(settings.snapshotter)}
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = ${String(settings.systemdCgroup)}
`;
}

export interface PrivateContainerdOptions {
  /** Images and snapshots: survives reboots. */
  readonly rootDirectory: string;
  /** Sockets and shims' state: below /run. */
  readonly stateDirectory: string;
  readonly logFile: string;
  readonly sandboxImage: string;
  readonly cniConfigDirectory: string;
  /** The first existing of these; default: where distributions put the CNI plugins. */
  readonly cniBinaryDirectories?: readonly string[] | undefined;
  /** Default: containerd's own. */
  readonly registryDirectory?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const standardCniDirectories = ['/usr/lib/cni', '/usr/libexec/cni', '/opt/cni/bin'];
const startTimeoutMs = 30_000;

export class PrivateContainerd {
  readonly socketPath: string;
  readonly #options: PrivateContainerdOptions;
  readonly #process: SupervisedProcess;
  readonly #configFile: string;

  constructor(options: PrivateContainerdOptions) {
    this.#options = options;
    this.socketPath = path.join(options.stateDirectory, 'containerd.sock');
    this.#configFile = path.join(options.stateDirectory, 'config.toml');
    const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    this.#process = new SupervisedProcess({
      name: 'containerd',
      command: findProgram('containerd', searchPath),
      args: ['--config', this.#configFile, '--log-level', 'warn'],
      // No proxy or locale of the caller: image pulls take theirs from the product's configuration.
      env: { PATH: searchPath },
      stateFile: path.join(options.stateDirectory, 'process.json'),
      logFile: options.logFile,
      logBytesMax: 10 * 1024 * 1024,
      clock: options.clock,
      logger: options.logger,
    });
  }

  get problem(): string | undefined {
    return this.#process.problem;
  }

  /** Resolves when the socket accepts connections. A changed configuration restarts it; containers keep running. */
  async start(): Promise<'adopted' | 'started'> {
    const { rootDirectory, stateDirectory, sandboxImage, cniConfigDirectory, clock } = this.#options;
    for (const directory of [rootDirectory, stateDirectory, cniConfigDirectory])
      mkdirSync(directory, { recursive: true, mode: 0o711 });
    const candidates = this.#options.cniBinaryDirectories ?? standardCniDirectories;
    const config = containerdConfig({
      rootDirectory,
      stateDirectory: path.join(stateDirectory, 'state'),
      socketPath: this.socketPath,
      sandboxImage,
      cniConfigDirectory,
      cniBinaryDirectory: candidates.find((one) => existsSync(one)) ?? candidates[0]!,
      systemdCgroup: hasSystemd(),
      restrictOomScoreAdj: !hasSysResource(),
      snapshotter: 'overlayfs',
      registryDirectory: this.#options.registryDirectory ?? '/etc/containerd/certs.d',
    });
    const previous = existsSync(this.#configFile) ? readFileSync(this.#configFile, 'utf8') : undefined;
    if (previous !== config) {
      writeFileSync(`${this.#configFile}.new`, config, { mode: 0o600 });
      renameSync(`${this.#configFile}.new`, this.#configFile);
      if (previous !== undefined) await this.#process.stop();
    }
    const how = await this.#process.start();
    const until = clock.monotonicMs() + startTimeoutMs;
    while (!(await answers(this.socketPath))) {
      if (clock.monotonicMs() > until)
        throw new OperatorError(
          `containerd does not answer on ${this.socketPath} after ${startTimeoutMs / 1000} s`,
          `read ${this.#options.logFile}`,
        );
      await sleep(clock, 20);
    }
    return how;
  }

  /** Leaves it running. */
  release(): void {
    this.#process.release();
  }
  check(): void {
    this.#process.check();
  }
  /** Ends the daemon. Containers and their shims go on. */
  async stop(): Promise<void> {
    await this.#process.stop();
  }
}

/** The absolute path of a program, or its name when it is nowhere (starting it then says so). */
function findProgram(name: string, searchPath: string): string {
  for (const directory of searchPath.split(':')) {
    const candidate = path.join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not here.
    }
  }
  return name;
}
