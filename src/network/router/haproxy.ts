// The HAProxy process: written files, checked before they are used; a reload that hands the listening sockets to the new worker;
// the admin socket for what changes often. It outlives this process and is adopted by the next one.
import path from 'node:path';
import { sleep, type Clock } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { checkCommand } from '#host/check-command.ts';
import type { Files } from '#host/files.ts';
import { portHolder } from '#host/linux/port-holder.ts';
import { SupervisedProcess } from '#host/processes.ts';
import { unixCommand } from '#host/unix-command.ts';
import { adminSocketPath, configPath, digestVariable, type RouterFile, type RouterFiles } from './settings.ts';

export interface HaproxyOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: Files;
  readonly runDirectory: string;
  readonly stateFile: string;
  readonly logFile: string;
  /** Absolute path, or a name found in PATH. */
  readonly command: string;
  /** It was started again after a crash, with the files as they are: its slots may be behind. */
  readonly onRestarted: () => void;
}

export interface ServerState {
  readonly backend: string;
  readonly slot: number;
  readonly ip: string;
  readonly port: number;
  readonly ready: boolean;
  readonly weight: number;
  /** Its health is looked at. */
  readonly checked: boolean;
}

const commandsAtOnce = 40;

export class Haproxy {
  readonly #options: HaproxyOptions;
  readonly #process: SupervisedProcess;
  readonly #written = new Map<string, string>();
  #started = false;
  /** What the worker of now runs. */
  #running: RouterFiles | undefined;
  /** Where in its log the words of the last start or reload begin. */
  #logFrom = 0;

  constructor(options: HaproxyOptions) {
    this.#options = options;
    this.#process = new SupervisedProcess({
      name: 'haproxy',
      command: options.command,
      args: ['-W', '-f', configPath(options.runDirectory)],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stateFile: options.stateFile,
      logFile: options.logFile,
      logBytesMax: 5_000_000,
      clock: options.clock,
      logger: options.logger,
      onStarted: () => {
        if (this.#started) options.onRestarted();
      },
    });
  }

  get problem(): string | undefined {
    return this.#process.problem;
  }

  /** Writes the files that differ, after HAProxy itself accepted them. */
  async write(wanted: RouterFiles): Promise<void> {
    const { files, runDirectory, command } = this.#options;
    const changed = wanted.files.filter((file) => this.#written.get(file.path) !== file.content);
    const config = changed.find((file) => file.path === configPath(runDirectory));
    const supporting = changed.filter((file) => file !== config);
    if (supporting.length > 0) await files.writeAllAtomic(supporting.map(asEntry));
    // At once: a refusal below must not leave another content on disk than is known here.
    for (const file of supporting) this.#written.set(file.path, file.content);
    if (config !== undefined) {
      const candidate = `${config.path}.candidate`;
      await files.writeAllAtomic([asEntry({ ...config, path: candidate })]);
      const said = await checkCommand(command, ['-c', '-f', candidate]);
      if (said !== undefined)
        throw new RefusedConfiguration(
          `HAProxy does not accept the router's configuration: ${said.slice(0, 500)}`,
          'the router goes on with the configuration before; look for the Route that was changed last',
          refusedBackends(said, config.content, runDirectory),
        );
      await files.writeAllAtomic([asEntry(config)]);
      await files.remove(candidate);
      this.#written.set(config.path, config.content);
    }
    await this.#removeOthers(wanted);
  }

  /** Only the configuration, unchecked: the slots of the one that runs, so that a crash starts where it was. */
  async keep(wanted: RouterFiles): Promise<void> {
    const config = wanted.files.find((file) => file.path === configPath(this.#options.runDirectory))!;
    if (this.#written.get(config.path) === config.content) return;
    await this.#options.files.writeAllAtomic([asEntry(config)]);
    this.#written.set(config.path, config.content);
  }

  async #removeOthers(wanted: RouterFiles): Promise<void> {
    const { files, runDirectory } = this.#options;
    const keep = new Set(wanted.files.map((file) => file.path));
    for (const directory of ['certs', 'cas', 'allowlists'].map((name) => `${runDirectory}/${name}`))
      for (const name of await files.list(directory)) {
        const file = path.join(directory, name);
        if (!keep.has(file)) await files.remove(file);
        this.#written.delete(keep.has(file) ? '' : file);
      }
  }

  /** Adopts the one that runs, or starts one on the files written before. */
  async start(): Promise<'adopted' | 'started'> {
    this.#logFrom = (await this.#log()).length;
    const how = await this.#process.start();
    this.#started = true;
    return how;
  }

  release(): void {
    this.#process.release();
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }

  /** The digest of the configuration that the answering worker runs; undefined: none answers. */
  async runningDigest(): Promise<string | undefined> {
    try {
      const said = await this.command([`show env ${digestVariable}`]);
      return /=(\S*)/.exec(said)?.[1]?.replaceAll('"', '');
    } catch {
      return undefined;
    }
  }

  /** Makes the master take the written files, and waits until the new worker answers. When it cannot run, the old one goes on. */
  async reload(wanted: RouterFiles): Promise<void> {
    const before = this.#running;
    this.#logFrom = (await this.#log()).length;
    this.#process.signal('SIGUSR2');
    try {
      await this.whenRunning(wanted);
    } catch (error) {
      // After a crash it must come back as it was, not as it could not be.
      if (before !== undefined) await this.#restore(before);
      throw error;
    }
  }

  async #restore({ files }: RouterFiles): Promise<void> {
    await this.#options.files.writeAllAtomic(files.map(asEntry));
    this.#written.clear();
    for (const file of files) this.#written.set(file.path, file.content);
  }

  async whenRunning(wanted: RouterFiles): Promise<void> {
    const { clock } = this.#options;
    const started = clock.monotonicMs();
    let looked = started;
    while ((await this.runningDigest()) !== wanted.digest) {
      this.#process.check();
      const now = clock.monotonicMs();
      if (this.#process.problem !== undefined || now - started > 10_000) throw await this.failure();
      if (now - looked > 250) {
        looked = now;
        if ((await this.#alert()) !== undefined) throw await this.failure();
      }
      await sleep(clock, 10);
    }
    this.#running = wanted;
  }

  async #log(): Promise<string> {
    return (await this.#options.files.readText(this.#options.logFile)) ?? '';
  }

  /** The last words against the last start or reload. */
  async #alert(): Promise<string | undefined> {
    const text = await this.#log();
    // It was cut meanwhile: all of it is new.
    const fresh = text.slice(text.length < this.#logFrom ? 0 : this.#logFrom);
    const alerts = [...fresh.matchAll(/^\[ALERT\]\s+\(\d+\) : (.*(?:cannot|error|failed).*)$/gim)].map(
      (one) => one[1]!,
    );
    return alerts.findLast((one) => one.includes('cannot')) ?? alerts.at(-1);
  }

  /** Why it does not run or answer, in its own words where it has some; a port in use with who uses it. */
  async failure(): Promise<OperatorError> {
    const said = await this.#alert();
    const port = Number(/cannot bind socket \(Address already in use\) for \[.*:(\d+)\]/.exec(said ?? '')?.[1] ?? 0);
    const holder = port === 0 ? undefined : portHolder(port);
    if (port !== 0)
      return new OperatorError(
        `HAProxy cannot listen: port ${port} is in use${holder === undefined ? '' : ` by ${holder.command} (process ${holder.processId})`}`,
        'stop what uses it, or choose another port: ingress.ports, ingress.listenAddress',
      );
    return new OperatorError(
      said === undefined ? (this.#process.problem ?? 'HAProxy does not answer') : `HAProxy cannot run: ${said}`,
      `see ${this.#options.logFile}`,
    );
  }

  async command(commands: readonly string[]): Promise<string> {
    const socket = adminSocketPath(this.#options.runDirectory);
    let said = '';
    for (let from = 0; from < commands.length; from += commandsAtOnce)
      said += await unixCommand(
        this.#options.clock,
        socket,
        commands.slice(from, from + commandsAtOnce).join('; '),
        5_000,
      );
    return said;
  }

  /** What is in the slots now. */
  async heldServers(): Promise<readonly ServerState[]> {
    let said: string;
    try {
      said = await this.command(['show servers state']);
    } catch {
      this.#process.check();
      throw await this.failure();
    }
    return parseServersState(said);
  }
}

/** With the backends of the Routes that HAProxy names, each with its words. */
export class RefusedConfiguration extends OperatorError {
  readonly backends: ReadonlyMap<string, string>;
  constructor(message: string, remedy: string, backends: ReadonlyMap<string, string>) {
    super(message, remedy);
    this.backends = backends;
  }
}

const refusalCharactersMax = 200;

/** Which backends a refusal is about: by the file of a certificate, the name of a backend, or the line of the configuration. Pure. */
export function refusedBackends(said: string, config: string, runDirectory: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const lines = config.split('\n');
  for (const alert of said.split('\n').filter((one) => one.includes('[ALERT]'))) {
    const [, file] = /\/(?:certs|cas)\/([^/'"\s]+:[^/'"\s]+)\.pem/.exec(alert) ?? [];
    const [, named] = /['"](be:[^:'"\s]+:[^/'"\s]+)['"/]/.exec(alert) ?? [];
    const [, number] = /haproxy\.cfg\.candidate:(\d+)\]/.exec(alert) ?? [];
    const above = number === undefined ? [] : lines.slice(0, Number(number));
    const section = above.findLast((one) => /^\S/.test(one));
    const backend =
      file !== undefined
        ? `be:${file}`
        : (named ?? (section?.startsWith('backend be:') === true ? section.slice(8) : undefined));
    // Its last words say what is wrong; those before, where in files that the reader of a Route does not know.
    const words = alert.split(' : ').at(-1)!.replaceAll(runDirectory, '').trim();
    if (backend !== undefined && !found.has(backend)) found.set(backend, words.slice(0, refusalCharactersMax));
  }
  return found;
}

const asEntry = ({ path: file, content, mode }: RouterFile) => ({ file, content, mode });

const maintenance = 1;

const checkEnabled = 4;

/** Columns of version 1: be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight ... srv_check_state (14th) ... srv_port (19th). */
export const parseServersState = (text: string): readonly ServerState[] =>
  text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const [, backend, , server = '', ip, , admin, weight] = fields;
    const slot = /^s(\d+)$/.exec(server)?.[1];
    if (backend === undefined || ip === undefined || slot === undefined) return [];
    return [
      {
        backend,
        slot: Number(slot) - 1,
        ip,
        port: Number(fields[18]),
        ready: (Number(admin) & maintenance) === 0 && (Number(admin) & 4) === 0,
        weight: Number(weight),
        checked: (Number(fields[13]) & checkEnabled) !== 0,
      },
    ];
  });
